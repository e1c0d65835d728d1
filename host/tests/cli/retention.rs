//! What is old goes from the journal where a person or the manifest wants it, and nothing else does.

use std::path::PathBuf;

use serde_json::{Value, json};
use toolhold::journal::{Intent, Journal, Options, Settlement};
use toolhold_core::call::Mode;
use toolhold_core::describe::{Hints, ToolInfo};
use toolhold_core::event::Effects;
use toolhold_core::id::{CallId, Digest};
use toolhold_core::limit::Usage;
use toolhold_core::tool::Tool;

use crate::project::Project;
use crate::serve::Serving;

/// A project whose journal began with two calls, half a century ago.
fn old(host: &str) -> Project {
    let project = Project::free();
    let manifest = project.read("toolhold.toml");
    project.write("toolhold.toml", &format!("{manifest}\n[host]\n{host}\n"));
    let journal = Journal::open(&project.path().join(".toolhold"), &Options::default()).unwrap();
    let info = ToolInfo {
        name: "write".parse().unwrap(),
        title: String::new(),
        description: String::new(),
        input_schema: json!({ "type": "object" }),
        output_schema: None,
        hints: Hints::default(),
        needs: Vec::new(),
        extra: serde_json::Map::new(),
    };
    let tool = Tool::new(&"files".parse().unwrap(), Digest::of(b"component"), info).unwrap();
    for name in ["old-1", "old-2"] {
        let call: CallId = name.parse().unwrap();
        let checked = tool.validate("{}").unwrap();
        let run = "old-run".parse().unwrap();
        let intent = Intent::new(call.clone(), run, &checked, Mode::Live, Effects::Possible, 1);
        journal.admit_blocking(intent).unwrap();
        let settled = Settlement::success("1", Usage::default(), Effects::Possible, 2);
        journal.settle_blocking(&call, settled).unwrap();
    }
    project
}

fn exported(project: &Project) -> PathBuf {
    let path = project.path().join("audit.jsonl");
    std::fs::write(&path, project.run(&["audit", "export"]).printed()).unwrap();
    path
}

fn printed(project: &Project, words: &[&str]) -> Value {
    let done = project.run(&[words, &["--json"]].concat());
    assert_eq!(done.code(), 0, "{}", done.said());
    serde_json::from_str(&done.printed()).unwrap()
}

fn counts(pruned: &Value) -> [&Value; 3] {
    ["entries", "calls", "runs"].map(|key| &pruned[key])
}

#[test]
fn a_person_is_told_what_would_go_and_then_it_goes_and_the_rest_can_be_verified() {
    let project = old("");
    project.run(&["call", "files.read", "path=/work/a.txt"]).worked(&[]);
    let export = exported(&project);
    let export = export.to_str().unwrap();
    let prune = ["journal", "prune", "--older-than", "90d"];
    let foreseen = printed(&project, &[&prune[..], &["--dry-run"]].concat());
    assert_eq!((counts(&foreseen), &foreseen["dry_run"]), ([&json!(4), &json!(2), &json!(0)], &json!(true)));
    project.run(&["audit", "verify", "--older", export]).worked(&["none changed"]);
    assert_eq!(counts(&printed(&project, &prune)), counts(&foreseen));
    assert_eq!(counts(&printed(&project, &prune)), [&json!(0), &json!(0), &json!(0)]);
    let verified = printed(&project, &["audit", "verify"]);
    let begin = verified["begins_after"].as_str().unwrap().to_owned();
    assert!(begin.starts_with("4:sha256:"), "{verified}");
    project.run(&["audit", "verify", "--expect", &begin]).worked(&["what is older was removed, as the audit says"]);
    // The calls of today are there, and the host goes on.
    project.run(&["call", "files.read", "path=/work/a.txt"]).worked(&[]);
    project.run(&["audit", "verify", "--older", export]).worked(&["none changed"]);
    let first = project.read("audit.jsonl").lines().next().unwrap().to_owned();
    let hash = first.split_once("\"hash\":\"").unwrap().1.split('"').next().unwrap().to_owned();
    let expect = format!("1:{hash}");
    project.run(&["audit", "verify", "--expect", &expect]).failed(10, &["was removed from the audit", "--older"]);
    project.run(&["audit", "verify", "--expect", &expect, "--older", export]).worked(&["none changed"]);
    let forged = project.read("audit.jsonl").replace("old-2", "old-3");
    project.write("audit.jsonl", &forged);
    project.run(&["audit", "verify", "--older", export]).failed(10, &["broken at entry 3"]);
}

#[test]
fn the_manifest_says_for_how_long_and_without_it_everything_is_kept() {
    for (keys, left) in [("", true), ("journal-age = \"30d\"", false)] {
        let project = old(keys);
        project.run(&["call", "files.read", "path=/work/a.txt"]).worked(&[]);
        let audit = project.run(&["audit", "export"]).printed();
        assert_eq!(audit.contains("\"call\":\"old-1\""), left, "{keys}: {audit}");
        assert_eq!(audit.contains("\"by\":\"journal-age\""), !left, "{keys}");
        project.run(&["audit", "verify"]).worked(&["none changed"]);
    }
}

#[test]
fn today_is_not_removed_and_a_bad_age_says_what_is_a_good_one() {
    let project = Project::free();
    project.run(&["journal", "prune", "--older-than", "1d"]).worked(&["0 calls"]);
    project.run(&["call", "files.write", "path=/work/x", "content=y"]).worked(&[]);
    project.run(&["journal", "prune", "--older-than", "1d"]).worked(&["0 calls, 0 runs and 0 entries"]);
    project.run(&["journal", "prune", "--older-than", "23h"]).failed(2, &["write `1d` or more"]);
    project.run(&["journal", "prune", "--older-than", "long"]).failed(2, &["--older-than"]);
    let compact = printed(&project, &["journal", "compact"]);
    assert!(compact["bytes"].as_u64().unwrap() > 0, "{compact}");
    project.run(&["audit", "verify"]).worked(&["none changed"]);
}

#[test]
fn the_process_that_holds_the_journal_removes_it_for_who_asks_and_is_not_compacted_under() {
    let project = old("");
    let server = Serving::start(&project, &[]);
    let pruned = printed(&project, &["journal", "prune", "--older-than", "90d"]);
    assert_eq!(counts(&pruned), [&json!(4), &json!(2), &json!(0)]);
    // Nobody else can ask for it, whatever their role.
    let bearer = format!("Authorization: Bearer {}", server.token);
    let lines = [&*bearer, "Content-Type: application/json"];
    let asked = server.ask("POST /v1/journal/prune", &lines, r#"{"older_than":1}"#);
    assert!(asked.starts_with("HTTP/1.1 404 "), "{asked}");
    assert!(server.ask("GET /v1/audit", &lines, "").starts_with("HTTP/1.1 200 "));
    let by = project.run(&["audit", "export"]).printed();
    assert!(by.contains("\"by\":\"local:"), "{by}");
    project.run(&["journal", "compact"]).failed(13, &["in use by another toolhold"]);
    project.run(&["audit", "verify"]).worked(&["none changed"]);
}
