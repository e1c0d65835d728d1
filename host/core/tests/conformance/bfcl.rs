//! Calls that models really make: 1,504 tool schemas and 7,755 arguments, true ones and mutations of them.
//!
//! The verdicts were computed with another implementation. Every one must be ours too.

use std::collections::BTreeMap;

use serde_json::Value;
use toolhold_core::describe::{Hints, ToolInfo};
use toolhold_core::id::Digest;
use toolhold_core::tool::Tool;

use crate::data;

fn lines(name: &str) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(data::folder("bfcl")?.join(name)).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn tools() -> Option<BTreeMap<String, Tool>> {
    let component = "bfcl".parse().unwrap();
    let compile = |entry: Value| {
        let id = entry["id"].as_str().unwrap().to_owned();
        let info = ToolInfo {
            // Names with dots and capitals are theirs; the schema is what is tested.
            name: format!("t{id}").parse().unwrap(),
            title: String::new(),
            description: entry["description"].as_str().unwrap().to_owned(),
            input_schema: entry["inputSchema"].clone(),
            output_schema: None,
            hints: Hints::default(),
            needs: Vec::new(),
            extra: serde_json::Map::new(),
        };
        let tool =
            Tool::new(&component, Digest::of(id.as_bytes()), info).unwrap_or_else(|error| panic!("{id}: {error}"));
        (id, tool)
    };
    Some(lines("tools.jsonl")?.into_iter().map(compile).collect())
}

fn arguments(case: &Value) -> String {
    case["raw"].as_str().map_or_else(|| case["args"].to_string(), str::to_owned)
}

#[test]
fn every_verdict_is_ours() {
    let (Some(tools), Some(cases)) = (tools(), lines("cases.jsonl")) else { return };
    assert!(tools.len() >= 1500 && cases.len() >= 7700, "{} tools, {} cases", tools.len(), cases.len());
    let verdict = |case: &Value| tools[case["tool"].as_str().unwrap()].validate(&arguments(case));
    let differs = |case: &&Value| verdict(case).is_ok() != case["valid"].as_bool().unwrap();
    let wrong: Vec<_> = cases.iter().filter(differs).map(|case| format!("{case}: {:?}", verdict(case).err())).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn every_refusal_names_the_place_and_stays_short() {
    let (Some(tools), Some(cases)) = (tools(), lines("cases.jsonl")) else { return };
    for case in cases.iter().filter(|case| case["valid"] == false) {
        let violations = tools[case["tool"].as_str().unwrap()].validate(&arguments(case)).unwrap_err();
        let first = &violations.as_slice()[0];
        let whole = ["truncated_json", "args_is_string", "args_is_array", "missing_required"];
        let at_whole = whole.contains(&case["mutation"].as_str().unwrap());
        assert!(at_whole || !first.pointer.is_empty(), "{case}: {first:?}");
        assert!(violations.to_string().len() < 4000, "{case}: {violations}");
    }
}
