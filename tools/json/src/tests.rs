//! The tools through the dispatch that the host uses; `schema-check` holds arguments and results against their schemas.

use granted::testing::Fixture;
use toolhold_sdk::serde_json::{Value, json};
use toolhold_sdk::testing::{call, tools};
use toolhold_sdk::{Effect, Error};

use crate::COMPONENT;

fn ok(tool: &str, arguments: Value) -> Value {
    call(&COMPONENT, tool, arguments).value()
}

fn fails(tool: &str, arguments: Value) -> String {
    call(&COMPONENT, tool, arguments).error().message().to_owned()
}

fn results(program: &str, value: Value) -> Value {
    ok("query", json!({"program": program, "document": {"value": value}}))["results"].clone()
}

#[test]
fn only_edit_writes() {
    for tool in tools(&COMPONENT) {
        let writes = tool.needs.iter().any(|need| need.effect == Effect::Write);
        assert_eq!(writes, tool.name == "edit", "{}", tool.name);
        assert_eq!(tool.hints.read_only, !writes, "{}", tool.name);
    }
}

#[test]
fn programs_of_jq_select_reshape_and_count() {
    let shop =
        json!({"items": [{"name": "pen", "price": 2}, {"name": "desk", "price": 200}, {"name": "cup", "price": 2}]});
    assert_eq!(results(".items[] | select(.price > 10) | .name", shop.clone()), json!(["desk"]));
    assert_eq!(
        results(".items | group_by(.price) | map({price: .[0].price, count: length})", shop.clone()),
        json!([[{"price": 2, "count": 2}, {"price": 200, "count": 1}]])
    );
    assert_eq!(results("[.items[].price] | add", shop), json!([204]));
    assert_eq!(results("keys, (\"a-b\" | split(\"-\"))", json!({"b": 1, "a": 2})), json!([["a", "b"], ["a", "b"]]));
    let with = json!({"program": "$who + \"!\"", "variables": {"who": "you"}});
    assert_eq!(ok("query", with)["results"], json!(["you!"]));
}

#[test]
fn numbers_stay_what_they_are() {
    assert_eq!(results("[., . + 1]", json!(2_147_483_647)), json!([[2_147_483_647_u64, 2_147_483_648_u64]]));
    assert_eq!(results(".", json!(9_223_372_036_854_775_807_u64)), json!([9_223_372_036_854_775_807_u64]));
    assert_eq!(results("., nan, infinite", json!(0.5)), json!([0.5, null, null]));
}

#[test]
fn json_lines_are_run_one_by_one_or_as_an_array() {
    let fixture = Fixture::new(&[("log", "\u{FEFF}{\"a\":1}\n{\"a\":2}\n\n{\"a\":3}")]);
    let document = json!({"path": fixture.path("log")});
    assert_eq!(ok("query", json!({"program": ".a", "document": document}))["results"], json!([1, 2, 3]));
    let all = json!({"program": "map(.a) | add", "document": document, "slurp": true});
    assert_eq!(ok("query", all)["results"], json!([6]));
    let failing = json!({"program": "if .a == 2 then error(\"no\") else .a end", "document": document});
    assert!(fails("query", failing).starts_with("value 2: the program failed: \"no\""));
    assert!(fails("format", json!({"document": document})).contains("holds 3 values"));
}

#[test]
fn results_are_bounded() {
    let some = ok("query", json!({"program": "range(10)", "limit": 3}));
    assert_eq!(some, json!({"results": [0, 1, 2], "truncated": true}));
    let large = ok("query", json!({"program": "repeat(\"x\" * 1000)", "limit": 100_000}));
    assert_eq!(large["truncated"], json!(true));
    assert!(large.to_string().len() < 1_100_000);
    assert_eq!(ok("query", json!({"program": "limit(3; repeat(1))"}))["truncated"], json!(false));
    let deep = json!({"program": "reduce range(500) as $_ (null; [.])"});
    assert!(fails("query", deep).contains("nested deeper than 120"));
}

#[test]
fn mistakes_in_programs_name_the_place() {
    assert_eq!(
        fails("query", json!({"program": ".a | | .b"})),
        "`program`: expected term at character 6, found `| .b`"
    );
    assert_eq!(fails("query", json!({"program": "foo(1)"})), "`program`: there is no filter `foo/1`");
    assert!(fails("query", json!({"program": "$x"})).contains("give it in `variables`"));
    assert!(fails("query", json!({"program": "import \"a\" as a; 1"})).contains("there are no modules"));
    assert!(fails("query", json!({"program": "(1"})).contains("at character"));
    assert!(fails("query", json!({"program": "env"})).contains("no filter `env/0`"), "the environment is not there");
    assert!(fails("query", json!({"program": "$ENV"})).contains("no variable"));
    assert!(fails("query", json!({"program": "[input]"})).contains("no filter"));
}

#[test]
fn a_document_is_given_once_and_is_json() {
    assert!(fails("format", json!({"document": {}})).contains("exactly one of"));
    assert!(fails("format", json!({"document": {"text": "1", "value": 1}})).contains("exactly one of"));
    assert_eq!(
        fails("format", json!({"document": {"text": "{\"a\": }"}})),
        "the document is not JSON: expected value at line 1 column 7"
    );
    assert!(fails("format", json!({"document": {"text": " "}})).contains("is empty"));
    let bomb = "[".repeat(100_000);
    assert!(fails("format", json!({"document": {"text": bomb}})).contains("recursion limit"));
    assert!(matches!(
        call(&COMPONENT, "format", json!({"document": {"path": "/there/is/nothing"}})).error(),
        Error::NotFound(_)
    ));
}

#[test]
fn patches_apply_whole_or_not_at_all() {
    let document = json!({"value": {"a": [1, 2], "b": "x"}});
    let patch = json!([
        {"op": "test", "path": "/b", "value": "x"},
        {"op": "add", "path": "/a/-", "value": 3},
        {"op": "move", "from": "/b", "path": "/c"},
        {"op": "add", "path": "/n", "value": null},
    ]);
    assert_eq!(
        ok("patch", json!({"document": document, "patch": patch})),
        json!({"value": {"a": [1, 2, 3], "c": "x", "n": null}, "changed": true})
    );
    let wrong = json!([{"op": "remove", "path": "/b"}, {"op": "remove", "path": "/z"}]);
    let message = fails("patch", json!({"document": document, "patch": wrong}));
    assert!(message.starts_with("nothing was changed: operation 2 of `patch`, at `/z`"), "{message}");
    let unknown = fails("patch", json!({"document": document, "patch": [{"op": "swap", "path": "/b"}]}));
    assert!(unknown.contains("operation 1 of `patch`") && unknown.contains("swap"), "{unknown}");
    // The examples of RFC 7396.
    let merged = ok(
        "merge",
        json!({"document": {"value": {"a": "b", "c": {"d": "e", "f": "g"}}}, "merge": {"a": "z", "c": {"f": null}}}),
    );
    assert_eq!(merged, json!({"value": {"a": "z", "c": {"d": "e"}}, "changed": true}));
}

#[test]
fn a_comparison_is_a_patch_that_leads_there() {
    let (old, new) = (json!({"a": [1, 2, 3], "b": {"c~/d": 1}}), json!({"b": {"c~/d": 2}, "a": [1, 3], "e": null}));
    let compared = ok("diff", json!({"old": {"value": old}, "new": {"text": new.to_string()}}));
    assert_eq!(compared["identical"], json!(false));
    let applied = ok("patch", json!({"document": {"value": old}, "patch": compared["patch"]}));
    assert_eq!(applied["value"], new);
    let same = json!({"old": {"text": "{\"a\":1,\"b\":2}"}, "new": {"text": "{ \"b\": 2, \"a\": 1 }"}});
    assert_eq!(ok("diff", same), json!({"identical": true, "patch": []}));
}

#[test]
fn a_file_keeps_its_layout_when_it_is_edited() {
    let fixture = Fixture::new(&[
        ("a.json", "{\n\t\"z\": 1,\n\t\"a\": [\n\t\t1\n\t]\n}\n"),
        ("b.json", "{\"z\":1}"),
        ("bad", "{"),
    ]);
    ok("edit", json!({"path": fixture.path("a.json"), "merge": {"z": 2}}));
    assert_eq!(fixture.text("a.json"), "{\n\t\"z\": 2,\n\t\"a\": [\n\t\t1\n\t]\n}\n");
    ok("edit", json!({"path": fixture.path("b.json"), "patch": [{"op": "add", "path": "/a", "value": [1]}]}));
    assert_eq!(fixture.text("b.json"), "{\"z\":1,\"a\":[1]}");
    let again = ok("edit", json!({"path": fixture.path("b.json"), "merge": {"z": 1}}));
    assert_eq!(again, json!({"changed": false, "bytes": 15}));
    let failing = json!({"path": fixture.path("b.json"), "patch": [{"op": "remove", "path": "/a"}, {"op": "remove", "path": "/q"}]});
    fails("edit", failing);
    assert_eq!(fixture.text("b.json"), "{\"z\":1,\"a\":[1]}", "nothing was changed");
    assert!(fails("edit", json!({"path": fixture.path("bad"), "merge": {}})).contains("is not JSON"));
    assert!(fails("edit", json!({"path": fixture.path("a.json")})).contains("either `patch` or `merge`"));
}

#[test]
fn violations_name_place_and_rule() {
    let schema = json!({"value": {"type": "object", "properties": {"n": {"type": "integer"}, "d": {"format": "date"}}, "required": ["id"]}});
    let verdict = ok("validate", json!({"document": {"value": {"n": "x", "d": "never"}}, "schema": schema}));
    assert_eq!(verdict["valid"], json!(false));
    let mut places: Vec<_> = verdict["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["path"].clone(), one["rule"].clone()))
        .collect();
    places.sort_by_key(|(_, rule)| rule.to_string());
    assert_eq!(places, [(json!("/n"), json!("/properties/n/type")), (json!(""), json!("/required"))]);
    let good = json!({"document": {"value": {"id": 1, "d": "never"}}, "schema": schema});
    assert_eq!(ok("validate", good)["valid"], json!(true));
    let strict = json!({"document": {"value": {"id": 1, "d": "never"}}, "schema": schema, "formats": true});
    assert_eq!(ok("validate", strict)["valid"], json!(false));
    let many = json!({"document": {"value": vec![json!("x"); 500]}, "schema": {"value": {"items": {"type": "null"}}}});
    assert_eq!(ok("validate", many)["truncated"], json!(true));
    assert!(
        fails("validate", json!({"document": {"value": 1}, "schema": {"value": {"type": "nothing"}}}))
            .contains("`schema` is no JSON Schema")
    );
    for remote in ["https://example.com/schema", "file:///etc/passwd"] {
        let message = fails("validate", json!({"document": {"value": 1}, "schema": {"value": {"$ref": remote}}}));
        assert!(message.contains("is not fetched"), "{message}");
    }
}

#[test]
fn layouts_are_chosen() {
    let value = json!({"value": {"b": [1], "a": {"d": 1, "c": 2}}});
    assert_eq!(
        ok("format", json!({"document": value, "indent": 0, "sort_keys": true}))["text"],
        json!("{\"a\":{\"c\":2,\"d\":1},\"b\":[1]}")
    );
    assert_eq!(ok("format", json!({"document": {"text": "[1]"}, "indent": 1}))["text"], json!("[\n 1\n]"));
}
