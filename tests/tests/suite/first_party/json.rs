//! `json`: programs that never end, and numbers on a machine of 32 bits.

use serde_json::json;

use super::Bench;

#[test]
fn numbers_do_not_depend_on_the_machine() {
    let bench = Bench::new("json");
    let sums =
        bench.ok("query", json!({"program": "2147483647 + 1, 4999999999 * 2, 9007199254740993, -2147483648 - 1"}));
    assert_eq!(
        sums["results"],
        json!([2_147_483_648_u64, 9_999_999_998_u64, 9_007_199_254_740_993_u64, -2_147_483_649_i64])
    );
}

#[test]
fn a_program_that_never_ends_is_stopped_by_a_limit() {
    let bench = Bench::limited("json", "limits.fuel = 200_000_000\nlimits.memory = \"64MiB\"");
    assert_eq!(bench.fails("query", json!({"program": "def f: f; f"})).0, "limit-crossed");
    assert_eq!(bench.fails("query", json!({"program": "[repeat(1)]"})).0, "limit-crossed");
    assert_eq!(bench.fails("query", json!({"program": "last(range(1e15))"})).0, "limit-crossed");
    assert_eq!(bench.fails("query", json!({"program": "def f: 1 + f; f"})).0, "trap");
    assert_eq!(bench.ok("query", json!({"program": "1"}))["results"], json!([1]), "the next call is not touched");
}

#[test]
fn what_is_denied_is_neither_read_nor_compared() {
    let bench = Bench::new("json");
    bench.put("secret/key.json", "{\"key\": \"CANARY\"}");
    for (tool, arguments) in [
        ("query", json!({"program": ".", "document": {"path": "/work/secret/key.json"}})),
        ("diff", json!({"old": {"value": 1}, "new": {"path": "/work/x/../secret/key.json"}})),
        ("edit", json!({"path": "/work/secret/key.json", "merge": {"a": 1}})),
        ("query", json!({"program": ".", "document": {"path": "/etc/passwd"}})),
    ] {
        let (code, message) = bench.fails(tool, arguments);
        assert!(
            ["tool-denied", "not-found"].contains(&code.as_str()) && !message.contains("CANARY"),
            "{code}: {message}"
        );
    }
    assert_eq!(bench.text("secret/key.json"), "{\"key\": \"CANARY\"}");
}

#[test]
fn an_edit_lands() {
    let bench = Bench::new("json");
    bench.put("a.json", "{\n  \"a\": 1\n}\n");
    bench.ok("edit", json!({"path": "/work/a.json", "merge": {"b": [2]}}));
    assert_eq!(bench.text("a.json"), "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}\n");
}
