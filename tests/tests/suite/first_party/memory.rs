//! `memory`: across calls, each in a fresh instance, with a grant of one file.

use serde_json::json;
use toolhold_tests::test_host::TestHost;

use super::Bench;

#[test]
fn what_one_call_remembers_the_next_one_knows() {
    let bench = Bench::new("memory");
    bench.ok(
        "create_entities",
        json!({"entities": [{"name": "Ada", "entity_type": "person", "observations": ["likes engines"]}]}),
    );
    bench.ok("save_note", json!({"title": "t", "text": "x"}));
    let found = bench.ok("search", json!({"query": "engines"}));
    assert_eq!(found["entities"][0]["name"], json!("Ada"));
    assert_eq!(bench.text("memory.jsonl").lines().count(), 2, "in the first granted directory");
}

#[test]
fn a_grant_of_one_file_is_enough_and_no_other_is_touched() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("other"), "CANARY").unwrap();
    let grants = format!(
        "[[tools.guest.directories]]\nhost = \"{}\"\nguest = \"/memory\"\nread = [\"memory.jsonl\"]\nwrite = [\"memory.jsonl\"]\n",
        directory.path().display()
    );
    let host = TestHost::of("memory", &grants).unwrap();
    host.call("save_note", json!({"title": "t", "text": "x"})).unwrap().value().unwrap();
    for path in ["/memory/other", "/memory/new.jsonl", "/etc/passwd"] {
        let reply = host.call("save_note", json!({"title": "t", "text": "x", "path": path})).unwrap();
        assert!(reply.outcome.is_err(), "{path}: {reply:?}");
        let read = host.call("read", json!({"path": path})).unwrap();
        assert!(!format!("{:?}", read.outcome).contains("CANARY"), "{path}");
    }
    assert_eq!(std::fs::read_to_string(directory.path().join("other")).unwrap(), "CANARY");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
}
