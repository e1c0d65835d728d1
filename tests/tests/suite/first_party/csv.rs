//! `csv`: a file much larger than what a call may hold, and what it may not touch.

use serde_json::json;

use super::Bench;

#[test]
fn a_large_file_is_a_stream() {
    let bench = Bench::new("csv");
    let filler = "x".repeat(95);
    bench.put("large.csv", format!("n,kind,filler\n{}", format!("12,a,{filler}\n30,b,{filler}\n").repeat(50_000)));
    let table = json!({"path": "/work/large.csv"});
    let sums = json!({"table": table, "group_by": ["kind"], "aggregate": [{"function": "sum", "column": "n"}]});
    let reply = bench.host.call("query", sums).unwrap();
    assert_eq!(reply.value().unwrap()["rows"], json!([["a", 600_000], ["b", 1_500_000]]));
    let memory = reply.usage.get(toolhold_core::limit::Limit::Memory);
    assert!(memory < 8 << 20, "{memory} bytes of memory for a file of 10 MB");
    let sorted = json!({"table": table, "sort": [{"column": "n"}]});
    let (code, message) = bench.fails("query", sorted);
    assert!(code == "failed" && message.contains("too many rows to sort"), "{code}: {message}");
}

#[test]
fn what_is_denied_is_neither_read_nor_written() {
    let bench = Bench::new("csv");
    bench.put("secret/key.csv", "key\nCANARY\n");
    let table = json!({"path": "/work/secret/key.csv"});
    let to = json!({"conversion": {"table": {"text": "a\n1\n"}, "to": "csv"}, "path": "/work/secret/key.csv", "overwrite": true});
    for (tool, arguments) in [
        ("info", json!({"table": table})),
        ("convert", json!({"conversion": {"table": table, "to": "json"}})),
        ("convert_file", to),
    ] {
        let (code, message) = bench.fails(tool, arguments);
        assert!(
            ["tool-denied", "not-found"].contains(&code.as_str()) && !message.contains("CANARY"),
            "{code}: {message}"
        );
    }
    assert_eq!(bench.text("secret/key.csv"), "key\nCANARY\n");
}
