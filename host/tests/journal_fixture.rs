//! A journal that version 0.1 wrote, kept for good: whatever comes later reads it, verifies it and goes on with it.
//!
//! The files are never written anew. What a later version writes gets a folder of its own beside them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::Path;

use toolhold::agent::RunEvent;
use toolhold::journal::{CallRecord, Filter, HistoryFilter, Journal, Options, Reader, RunFilter};
use toolhold::runs::Past;
use toolhold_core::run::Message;
use toolhold_core::state::State;

const HEAD: &str = "19:sha256:c9c85aed2a3ef688b04a0dbc74526e55dd5029d34c38330a21f4235ff3e23992";

/// A copy, because opening brings it up to date.
fn copy() -> tempfile::TempDir {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals/0.1");
    let to = tempfile::tempdir().unwrap();
    for name in ["journal.db", "audit.head"] {
        std::fs::copy(from.join(name), to.path().join(name)).unwrap();
    }
    to
}

fn check(reader: &Reader) {
    let verified = reader.verify(Some(&HEAD.parse().unwrap())).unwrap();
    assert!(verified.entries >= 19);
    let runs = reader.runs(&RunFilter::default()).unwrap();
    let states: Vec<State> = runs.iter().map(|run| run.state).collect();
    assert_eq!(states, [State::DeadLettered, State::Completed]);

    let completed = Past::of(reader, &runs[1].run).unwrap();
    let machine = completed.machine().unwrap();
    let report = machine.report();
    assert_eq!((report.state, report.answer.as_deref(), report.turns), (State::Completed, Some("done"), 3));
    let failed: Vec<_> =
        report.calls.iter().filter_map(|call| Some((call.tool.as_str(), call.failure.as_ref()?))).collect();
    assert_eq!((report.calls.len(), failed.len(), failed[0].0), (3, 1, "files.delete"));
    let results = machine.messages().iter().filter(|message| matches!(message, Message::Tool { .. })).count();
    assert_eq!((results, completed.history.len()), (3, 16));
    for step in 1..=16 {
        assert_eq!(completed.machine_at(step).unwrap().steps(), step);
    }

    let dead = Past::of(reader, &runs[0].run).unwrap();
    assert!(matches!(dead.history.last().unwrap().event, RunEvent::DeadLettered));
    assert!(dead.machine().unwrap().requeue_at().is_some());

    let calls = reader.calls(&Filter::default()).unwrap();
    let tools: Vec<&str> = calls.iter().rev().map(|call: &CallRecord| call.tool.as_str()).collect();
    assert_eq!(tools, ["files.read", "files.write", "files.list", "files.write"]);
    assert_eq!(reader.history(&HistoryFilter { limit: 10, ..HistoryFilter::default() }).unwrap().len(), 2);
}

#[test]
fn it_is_read_as_it_is_and_after_it_was_brought_up_to_date() {
    let directory = copy();
    check(&Reader::open(directory.path()).unwrap());
    let journal = Journal::open(directory.path(), &Options::default()).unwrap();
    check(&journal.reader().unwrap());
    journal.flush_blocking().unwrap();
    drop(journal);
    check(&Reader::open(directory.path()).unwrap());
}
