//! The tools through the dispatch that the host uses; `schema-check` holds arguments and results against their schemas.

use granted::testing::Fixture;
use toolhold_sdk::Effect;
use toolhold_sdk::serde_json::{Value, json};
use toolhold_sdk::testing::{call, tools};

use crate::COMPONENT;

const SALES: &str = "id,city,amount,note\n1,Bonn,10.5,\n2,Ulm,200,\"a, \"\"b\"\"\nc\"\n3,Bonn,9,x\n4,Köln,,x\n";

fn ok(tool: &str, arguments: Value) -> Value {
    call(&COMPONENT, tool, arguments).value()
}

fn fails(tool: &str, arguments: Value) -> String {
    call(&COMPONENT, tool, arguments).error().message().to_owned()
}

fn ask(mut arguments: Value) -> Value {
    arguments["table"] = json!({"text": SALES});
    ok("query", arguments)
}

#[test]
fn only_convert_file_writes() {
    for tool in tools(&COMPONENT) {
        let writes = tool.needs.iter().any(|need| need.effect == Effect::Write);
        assert_eq!((writes, tool.hints.read_only), (tool.name == "convert_file", !writes), "{}", tool.name);
    }
}

#[test]
fn a_table_is_described() {
    let info = ok("info", json!({"table": {"text": SALES}}));
    assert_eq!((&info["rows"], &info["delimiter"], &info["ragged"]), (&json!(4), &json!(","), &json!(0)));
    let expected = json!({
        "name": "amount", "kind": "number", "filled": 3, "empty": 1, "distinct": 3, "least": "9", "greatest": "200",
        "sum": 219.5, "mean": 219.5 / 3.0, "examples": ["10.5", "200", "9"],
    });
    assert_eq!(info["columns"][2], expected);
    assert_eq!(info["columns"][0]["kind"], json!("integer"));
    assert_eq!(info["columns"][3]["examples"][0], json!("a, \"b\"\nc"), "a cell of two lines");
}

#[test]
fn rows_are_filtered_selected_and_sorted() {
    let found = ask(json!({
        "filter": [{"column": "amount", "is": "at_least", "value": 9}],
        "select": ["id", "city"], "sort": [{"column": "amount"}],
    }));
    assert_eq!(
        found,
        json!({"columns": ["id", "city"], "rows": [["3", "Bonn"], ["1", "Bonn"], ["2", "Ulm"]], "total": 3})
    );
    let ids = |filter: Value| -> Vec<Value> {
        let found = ask(json!({"filter": [filter], "select": ["id"]}));
        found["rows"].as_array().unwrap().iter().map(|row| row[0].clone()).collect()
    };
    assert_eq!(ids(json!({"column": "city", "is": "equal", "value": "bONN", "ignore_case": true})), ["1", "3"]);
    assert_eq!(
        ids(json!({"column": "amount", "is": "equal", "value": "9.0"})),
        ["3"],
        "numbers are the same as numbers"
    );
    assert_eq!(
        ids(json!({"column": "amount", "is": "less", "value": "x"})),
        [] as [&str; 0],
        "a number is not less than a text"
    );
    assert_eq!(ids(json!({"column": "amount", "is": "empty"})), ["4"]);
    assert_eq!(ids(json!({"column": "id", "is": "one_of", "values": [2, "4"]})), ["2", "4"]);
    assert_eq!(ids(json!({"column": "note", "is": "contains", "value": "\"b\""})), ["2"]);
}

#[test]
fn whole_numbers_keep_their_last_digit() {
    const IDS: &str = "id,name\n1234567890123456789,a\n1234567890123456788,b\n1234567890123456787,c\n";
    let names = |mut arguments: Value| -> Vec<Value> {
        arguments["table"] = json!({"text": IDS});
        arguments["select"] = json!(["name"]);
        ok("query", arguments)["rows"].as_array().unwrap().iter().map(|row| row[0].clone()).collect()
    };
    let where_id = |is: &str, value: Value| names(json!({"filter": [{"column": "id", "is": is, "value": value}]}));
    assert_eq!(where_id("equal", json!("1234567890123456788")), ["b"]);
    assert_eq!(where_id("equal", json!(1_234_567_890_123_456_788_i64)), ["b"]);
    assert_eq!(where_id("not_equal", json!("1234567890123456788")), ["a", "c"]);
    assert_eq!(where_id("less", json!("1234567890123456788")), ["c"]);
    assert_eq!(where_id("at_least", json!("1234567890123456788")), ["a", "b"]);
    let one_of = json!({"filter": [{"column": "id", "is": "one_of", "values": ["1234567890123456788", "x"]}]});
    assert_eq!(names(one_of), ["b"]);
    assert_eq!(names(json!({"sort": [{"column": "id"}]})), ["c", "b", "a"]);
    let aggregate = json!([
        {"function": "min", "column": "id"}, {"function": "max", "column": "id"}, {"function": "sum", "column": "id"},
        {"function": "mean", "column": "id"},
    ]);
    let found = ok("query", json!({"table": {"text": IDS}, "aggregate": aggregate}));
    let least_to_mean = json!([[
        "1234567890123456787",
        "1234567890123456789",
        3_703_703_670_370_370_364_i64,
        1_234_567_890_123_456_788_i64
    ]]);
    assert_eq!(found["rows"], least_to_mean);
    let info = ok("info", json!({"table": {"text": IDS}}));
    let id = &info["columns"][0];
    assert_eq!((&id["least"], &id["sum"]), (&json!("1234567890123456787"), &json!(3_703_703_670_370_370_364_i64)));
}

#[test]
fn groups_are_counted_and_summed() {
    let found = ask(json!({
        "group_by": ["city"],
        "aggregate": [
            {"function": "count"}, {"function": "sum", "column": "amount"}, {"function": "mean", "column": "amount", "name": "mean"},
            {"function": "max", "column": "id"}, {"function": "distinct", "column": "note"},
        ],
        "sort": [{"column": "sum of amount", "descending": true}],
    }));
    assert_eq!(found["columns"], json!(["city", "count", "sum of amount", "mean", "max of id", "distinct of note"]));
    let expected = json!([["Ulm", 1, 200, 200, "2", 1], ["Bonn", 2, 19.5, 9.75, "3", 1], ["Köln", 1, 0, null, "4", 1]]);
    assert_eq!(found["rows"], expected);
    let nothing =
        json!({"filter": [{"column": "id", "is": "equal", "value": 9}], "aggregate": [{"function": "count"}]});
    assert_eq!(ask(nothing)["rows"], json!([[0]]));
}

#[test]
fn results_are_paged_and_bounded() {
    let first = ask(json!({"limit": 3, "select": ["id"]}));
    assert_eq!((&first["total"], &first["next_skip"]), (&json!(4), &json!(3)));
    assert_eq!(ask(json!({"limit": 3, "skip": 3, "select": ["id"]}))["rows"], json!([["4"]]));
    let text = format!("a\n{}", "0123456789\n".repeat(200_000));
    let large = ok("query", json!({"table": {"text": text}, "limit": 10_000}));
    assert_eq!((&large["total"], &large["next_skip"]), (&json!(200_000), &json!(10_000)));
    let wide = format!("a\n{}\nb\n", "x".repeat(2_000_000));
    assert_eq!(
        ok("query", json!({"table": {"text": wide}}))["rows"],
        json!([]),
        "a cell that does not fit is not returned"
    );
    assert!(fails("convert", json!({"conversion": {"table": {"text": wide}, "to": "json"}})).contains("convert_file"));
}

#[test]
fn what_is_held_to_be_sorted_is_bounded() {
    let text = format!("a{0}\n{1}", ",".repeat(999), format!("1{}\n", ",".repeat(999)).repeat(3000));
    let sorted = json!({"table": {"text": text}, "select": ["a"], "sort": [{"column": "a"}]});
    assert!(fails("query", sorted).contains("too many rows to sort"));
}

#[test]
fn delimiters_quotes_and_encodings_are_found() {
    let fixture = Fixture::new(&[]);
    fixture.put("latin.csv", b"name;ort\nJ\xFCrgen;K\xF6ln, Rhein\n");
    fixture.put("utf16.tsv", &"\u{FEFF}a\tb\r\nü\t1\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>());
    fixture.put("mark.csv", "\u{FEFF}a,b\n1,2\n".as_bytes());
    let all = |name: &str| ok("query", json!({"table": {"path": fixture.path(name)}}));
    assert_eq!(all("latin.csv")["rows"], json!([["Jürgen", "Köln, Rhein"]]));
    assert_eq!((&all("utf16.tsv")["columns"], &all("utf16.tsv")["rows"]), (&json!(["a", "b"]), &json!([["ü", "1"]])));
    assert_eq!(all("mark.csv")["columns"], json!(["a", "b"]), "the mark is not part of the name");
    let quoted = json!({"table": {"text": "a|b\n'x|y'|1", "quote": "'"}});
    assert_eq!(ok("query", quoted)["rows"], json!([["x|y", "1"]]));
    let headless = json!({"table": {"text": "1,2\n3,4", "header": false}, "select": ["2"]});
    assert_eq!(ok("query", headless)["rows"], json!([["2"], ["4"]]));
    let twice = ok("query", json!({"table": {"text": "a,a,\n1,2,3"}}));
    assert_eq!(twice["columns"], json!(["a", "a (2)", "3"]));
}

#[test]
fn what_is_no_text_is_an_error_with_its_place() {
    let fixture = Fixture::new(&[]);
    let mut bytes = "a,b\n".repeat(40_000).into_bytes();
    bytes.extend_from_slice(b"\xFF\xFE,x\n");
    fixture.put("broken.csv", &bytes);
    let message = fails("query", json!({"table": {"path": fixture.path("broken.csv")}}));
    assert!(message.contains("are not text in UTF-8; set `encoding`"), "{message}");
    let given = json!({"table": {"path": fixture.path("broken.csv"), "encoding": "windows-1252"}, "limit": 1});
    assert_eq!(ok("query", given)["total"], json!(40_000));
    assert!(fails("query", json!({"table": {"text": "a", "encoding": "klingon"}})).contains("no encoding `klingon`"));
}

#[test]
fn mistakes_name_the_fix() {
    assert!(
        fails("query", json!({"table": {"text": "a,b\n"}, "select": ["c"]}))
            .contains("no column `c`; there are `a`, `b`")
    );
    assert!(fails("query", json!({"table": {}})).contains("either `path` or `text`"));
    assert!(fails("query", json!({"table": {"text": "a", "delimiter": "::"}})).contains("one character"));
    let filter = json!({"table": {"text": "a\n1"}, "filter": [{"column": "a", "is": "less"}]});
    assert!(fails("query", filter).contains("`filter` on `a`: give the `value`"));
    let ragged = json!({"conversion": {"table": {"text": "a,b\n1,2\n1,2,3\n"}, "to": "json"}});
    assert!(fails("convert", ragged).contains("line 3 has 3 cells, but there are 2 columns"));
    let info = ok("info", json!({"table": {"text": "a,b\n1\n1,2,3\n"}}));
    assert_eq!((&info["ragged"], &info["ragged_lines"]), (&json!(2), &json!([2, 3])));
}

#[test]
fn a_table_becomes_json_and_comes_back() {
    let convert =
        |conversion: Value| ok("convert", json!({"conversion": conversion}))["text"].as_str().unwrap().to_owned();
    let lines = convert(json!({"table": {"text": "a,b\n007,\n1.5,true\n"}, "to": "json_lines", "typed": true}));
    assert_eq!(lines, "{\"a\":\"007\",\"b\":null}\n{\"a\":1.5,\"b\":true}\n");
    assert_eq!(convert(json!({"table": {"text": "a\n1\n2\n"}, "to": "json"})), "[\n{\"a\":\"1\"},\n{\"a\":\"2\"}\n]\n");
    let array = convert(json!({"table": {"text": SALES}, "to": "json"}));
    assert_eq!(convert(json!({"records": {"text": array}, "to": "csv"})), SALES);
    let uneven = convert(
        json!({"records": {"values": [{"a": 1}, {"b": [1, "x"], "a": null}]}, "to": "csv", "to_delimiter": ";"}),
    );
    assert_eq!(uneven, "a;b\n1;\n;\"[1,\"\"x\"\"]\"\n");
    assert_eq!(convert(json!({"table": {"text": "a;b\n1,5;2\n"}, "to": "csv"})), "a,b\n\"1,5\",2\n");
    assert_eq!(convert(json!({"records": {"values": [[1, 2], [3]]}, "to": "csv", "to_delimiter": "tab"})), "1\t2\n3\n");
    assert!(
        fails("convert", json!({"conversion": {"records": {"values": [[1], {"a": 1}]}, "to": "csv"}}))
            .contains("record 1")
    );
}

#[test]
fn a_file_is_written_and_not_replaced_unasked() {
    let fixture = Fixture::new(&[("a.csv", SALES), ("there", "keep")]);
    let conversion = json!({"table": {"path": fixture.path("a.csv")}, "to": "json_lines"});
    let written = ok("convert_file", json!({"conversion": conversion, "path": fixture.path("a.jsonl")}));
    assert_eq!((written["rows"].as_u64(), fixture.text("a.jsonl").lines().count()), (Some(4), 4));
    assert_eq!(written["bytes"].as_u64().unwrap() as usize, fixture.text("a.jsonl").len());
    assert!(
        fails("convert_file", json!({"conversion": conversion, "path": fixture.path("there")}))
            .contains("exists already")
    );
    assert_eq!(fixture.text("there"), "keep");
    let itself = json!({"conversion": conversion, "path": fixture.path("a.csv"), "overwrite": true});
    assert!(fails("convert_file", itself).contains("into itself"));
    std::fs::hard_link(fixture.path("a.csv"), fixture.path("b.csv")).unwrap();
    std::fs::create_dir(fixture.path("sub")).unwrap();
    for name in ["b.csv", "sub/../a.csv"] {
        let itself = json!({"conversion": conversion, "path": fixture.path(name), "overwrite": true});
        assert!(fails("convert_file", itself).contains("into itself"), "{name}");
    }
    let records = json!({"records": {"path": fixture.path("a.jsonl")}, "to": "csv"});
    std::fs::hard_link(fixture.path("a.jsonl"), fixture.path("c.csv")).unwrap();
    let itself = json!({"conversion": records, "path": fixture.path("c.csv"), "overwrite": true});
    assert!(fails("convert_file", itself).contains("into itself"));
    assert_eq!((fixture.text("a.csv").as_str(), fixture.text("a.jsonl").lines().count()), (SALES, 4));
}
