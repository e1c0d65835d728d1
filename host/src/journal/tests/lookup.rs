//! Looking for entries: each word of a filter leaves out what it is not about, and pages meet without a gap.

use toolhold_core::event::Event;

use super::support::{State, call_id, write_call};
use crate::journal::{AuditFilter, Journal, ToolUse};

fn denied(journal: &Journal, call: &str, run: &str, at: u64) {
    let (call, run) = (call_id(call), run.parse().unwrap());
    let (tool, code) = ("files.write".to_owned(), "denied".to_owned());
    journal.record_blocking(at, Event::CallDenied { call, run, tool, arguments: None, code, rule: None }).unwrap();
}

#[test]
fn entries_are_found_by_kind_call_run_and_time() {
    let state = State::new();
    let journal = state.open();
    write_call(&journal, "one");
    denied(&journal, "two", "other", 50);
    denied(&journal, "three", "other", 60);
    journal.flush_blocking().unwrap();
    let found = |filter: AuditFilter| -> Vec<u64> {
        journal.reader().unwrap().latest_entries(&filter).unwrap().iter().map(|entry| entry.sequence).collect()
    };
    let none = AuditFilter::default;
    assert_eq!(found(none()), [4, 3, 2, 1], "newest first");
    assert_eq!(found(AuditFilter { kind: Some("call-denied".into()), ..none() }), [4, 3]);
    assert_eq!(found(AuditFilter { call: Some(call_id("one")), ..none() }), [2, 1]);
    // That a call was settled is about its run too, although the entry does not name it.
    assert_eq!(found(AuditFilter { run: Some("run".parse().unwrap()), ..none() }), [2, 1]);
    assert_eq!(found(AuditFilter { run: Some("other".parse().unwrap()), ..none() }), [4, 3]);
    assert_eq!(found(AuditFilter { from: Some(50), until: Some(60), ..none() }), [3]);
    assert_eq!(found(AuditFilter { before: Some(3), limit: 1, ..none() }), [2], "the next page");
    assert_eq!(found(AuditFilter { kind: Some("' OR 1=1 --".into()), ..none() }), Vec::<u64>::new());
}

#[test]
fn each_tool_that_was_called_is_counted() {
    let state = State::new();
    let journal = state.open();
    assert_eq!(journal.reader().unwrap().tool_uses().unwrap(), []);
    for call in ["one", "two"] {
        write_call(&journal, call);
    }
    let uses = journal.reader().unwrap().tool_uses().unwrap();
    assert_eq!(uses, [ToolUse { tool: "files.write".parse().unwrap(), calls: 2, last_at: 1 }]);
}
