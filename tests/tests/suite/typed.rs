//! Components of plain functions: every type of WIT goes in as JSON and comes back as the same JSON.

use proptest::prelude::*;
use serde_json::{Value, json};
use toolhold_core::limit::Limit;
use toolhold_tests::test_host::TestHost;

fn echoed(host: &TestHost, tool: &str, arguments: &Value) -> Value {
    let reply = host.call(tool, arguments.clone()).unwrap();
    reply.outcome.unwrap_or_else(|failure| panic!("{tool} {arguments}: {failure:?}"))
}

fn point() -> impl Strategy<Value = Value> {
    let label = prop_oneof![Just(Value::Null), "\\PC{0,6}".prop_map(Value::from)];
    (any::<i32>(), any::<i16>(), label)
        .prop_map(|(x, y, label)| json!({ "x": x, "y": f64::from(y) / 4.0, "label": label }))
}

fn shape() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("empty")),
        any::<i16>().prop_map(|radius| json!({ "circle": f64::from(radius) / 2.0 })),
        prop::collection::vec(point(), 0..4).prop_map(|points| json!({ "polygon": points })),
    ]
}

fn float() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("NaN")),
        Just(json!("Infinity")),
        Just(json!("-Infinity")),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_goes_in_comes_back(
        shapes in prop::collection::vec(shape(), 0..4),
        bytes in "[A-Za-z0-9+/]{4}",
        text in "\\PC{0,16}",
        letter in any::<char>(),
        big in any::<u64>(),
        small in any::<i64>(),
        double in float(),
        outcomes in prop::collection::vec(prop_oneof![any::<u32>().prop_map(|n| json!({ "ok": n })), "[a-z]{0,4}".prop_map(|e| json!({ "err": e }))], 0..4),
        two in prop_oneof![Just(Value::Null), Just(json!({ "some": null })), any::<u32>().prop_map(|n| json!({ "some": n }))],
    ) {
        let host = TestHost::of("typed", "").unwrap();
        prop_assert_eq!(&echoed(&host, "shapes", &json!({ "all": shapes })), &json!(shapes));
        let data = bytes.repeat(4);
        prop_assert_eq!(echoed(&host, "bytes", &json!({ "data": data })), json!(data));
        prop_assert_eq!(echoed(&host, "texts", &json!({ "text": text, "letter": letter, "yes": true })), json!([text, letter, true]));
        let numbers = json!({ "a": 255, "b": -128, "c": 65_535, "d": -32_768, "e": u32::MAX, "f": i32::MIN, "g": big, "h": small });
        let expected = json!([255, -128, 65_535, -32_768, u32::MAX, i32::MIN, big, small]);
        prop_assert_eq!(echoed(&host, "numbers", &numbers), expected);
        prop_assert_eq!(&echoed(&host, "floats", &json!({ "single": 0.1, "double": double }))[1], &double);
        prop_assert_eq!(echoed(&host, "results", &json!({ "all": outcomes })), json!(outcomes));
        prop_assert_eq!(echoed(&host, "options", &json!({ "one": text, "two": two })), json!([text, two]));
    }
}

#[test]
fn what_is_not_of_a_type_never_reaches_the_component() {
    let host = TestHost::of("typed", "").unwrap();
    for (tool, arguments) in [
        ("numbers", json!({ "a": 256, "b": 0, "c": 0, "d": 0, "e": 0, "f": 0, "g": 0, "h": 0 })),
        ("numbers", json!({ "a": 1.5, "b": 0, "c": 0, "d": 0, "e": 0, "f": 0, "g": 0, "h": 0 })),
        ("texts", json!({ "text": "", "letter": "ab", "yes": true })),
        ("names", json!({ "color": "blue", "access": [] })),
        ("names", json!({ "color": "red", "access": ["read", "read"] })),
        ("shapes", json!({ "all": [{ "circle": 1, "empty": null }] })),
        ("shapes", json!({ "all": [{ "polygon": [{ "x": 1 }] }] })),
        ("options", json!({ "two": 3 })),
        ("results", json!({ "all": [{ "ok": "x" }] })),
        ("nothing", json!({ "more": 1 })),
    ] {
        assert!(host.authorize(tool, arguments.clone()).is_err(), "{tool} {arguments}");
    }
    // Whole numbers that are written with a fraction of zero are whole numbers.
    let whole = json!({ "a": 1.0, "b": -1.0, "c": 0, "d": 0, "e": 0, "f": 0, "g": 0, "h": 0 });
    assert_eq!(echoed(&host, "numbers", &whole)[0], 1);
    assert_eq!(
        echoed(&host, "names", &json!({ "color": "dark-blue", "access": ["run", "read"] })),
        json!(["dark-blue", ["read", "run"]])
    );
}

#[test]
fn values_take_no_more_than_they_may_on_their_way() {
    let host = TestHost::of("typed", "limits = { output = \"64MiB\" }\n").unwrap();
    // A megabyte of text is forty of values.
    let reply = host.call("bytes", json!({ "data": "AAAA".repeat(300_000) })).unwrap();
    let failure = reply.failure().unwrap();
    assert!(failure.message.contains("more than 32 MiB"), "{failure:?}");
    assert!(host.call("bytes", json!({ "data": "AAAA".repeat(200_000) })).unwrap().value().is_ok());
    // So are results, whatever the limit of their text.
    assert!(host.call("many", json!({ "count": 1_000 })).unwrap().value().is_ok());
    let reply = host.call("many", json!({ "count": 400_000 })).unwrap();
    let exceeded = reply.failure().unwrap().exceeded.unwrap();
    assert_eq!(exceeded.limit, Limit::Output);
}
