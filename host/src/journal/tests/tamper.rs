//! The audit shows every change that somebody makes who may write the database.

use toolhold_core::chain::{Broken, Head, Why};
use toolhold_core::event::{Effects, Event};

use super::support::{State, call_id, intent, success, write_call};
use crate::journal::{Error, Verified};

/// Three calls: entries 1 to 6.
fn three_calls() -> (State, Head) {
    let state = State::new();
    let journal = state.open();
    for call in ["c1", "c2", "c3"] {
        write_call(&journal, call);
    }
    let head = journal.reader().unwrap().verify(None).unwrap().head;
    drop(journal);
    (state, head)
}

fn broken(state: &State) -> Broken {
    match state.reader().verify(None).unwrap_err() {
        Error::Broken(broken) => broken,
        other => panic!("{other}"),
    }
}

#[test]
fn an_untouched_audit_holds_and_names_its_end() {
    let (state, head) = three_calls();
    assert_eq!(state.reader().verify(Some(&head)).unwrap(), Verified { entries: 6, head, begins_after: None });
    assert_eq!(head.sequence, 6);
}

#[test]
fn the_database_itself_refuses_to_change_or_cut_the_audit() {
    let (state, _) = three_calls();
    let connection = rusqlite::Connection::open(state.path().join("journal.db")).unwrap();
    for sql in [
        "UPDATE audit SET body = '{}' WHERE sequence = 2",
        "DELETE FROM audit WHERE sequence = 6",
        "INSERT INTO audit SELECT 9, previous, hash, body FROM audit WHERE sequence = 1",
        "INSERT OR REPLACE INTO audit SELECT 2, previous, hash, body FROM audit WHERE sequence = 1",
    ] {
        let error = connection.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
}

#[test]
fn each_way_to_forge_it_is_found_at_its_place() {
    let cases = [
        ("UPDATE audit SET body = replace(body, 'c2', 'cX') WHERE sequence = 3", 3),
        ("UPDATE audit SET hash = zeroblob(32) WHERE sequence = 4", 4),
        ("UPDATE audit SET previous = zeroblob(32) WHERE sequence = 4", 4),
        ("DELETE FROM audit WHERE sequence = 3", 3),
        ("DELETE FROM audit WHERE sequence = 1", 1),
        ("DELETE FROM audit WHERE sequence >= 5", 5),
        ("DELETE FROM audit", 1),
        (
            "UPDATE audit SET sequence = 99 WHERE sequence = 3; UPDATE audit SET sequence = 3 WHERE sequence = 5; UPDATE audit SET sequence = 5 WHERE sequence = 99",
            3,
        ),
        ("UPDATE calls SET outcome = '\"forged\"' WHERE call = 'c2'", 4),
        ("UPDATE calls SET arguments = '{}' WHERE call = 'c2'", 3),
        ("UPDATE calls SET admitted_at = 9 WHERE call = 'c2'", 3),
        ("UPDATE calls SET settled_at = 9 WHERE call = 'c2'", 4),
        ("UPDATE calls SET usage = '{}' WHERE call = 'c2'", 4),
        ("UPDATE calls SET tool = 'files.other' WHERE call = 'c2'", 3),
        ("UPDATE calls SET outcome_digest = zeroblob(32) WHERE call = 'c3'", 6),
        ("DELETE FROM calls WHERE call = 'c1'", 1),
        ("UPDATE calls SET state = 'abandoned', outcome_digest = NULL WHERE call = 'c2'", 4),
        (
            "INSERT INTO calls SELECT 99, 'c9', run, tool, digest, mode, effects, scope, key, arguments, arguments_digest, admitted_at, state, settled_at, succeeded, outcome, outcome_digest, usage, staged, evidence, approval FROM calls WHERE call = 'c1'",
            6,
        ),
    ];
    for (sql, at) in cases {
        let (state, _) = three_calls();
        state.tamper(sql);
        assert_eq!(broken(&state).at, at, "{sql}");
    }
}

/// Rewrites the whole chain so that it holds in itself: only a head that was noted elsewhere tells.
#[test]
fn an_audit_that_was_written_anew_is_found_by_a_noted_head() {
    let (state, head) = three_calls();
    let forged = State::new();
    let journal = forged.open();
    for call in ["c1", "cX", "c3"] {
        write_call(&journal, call);
    }
    drop(journal);
    std::fs::copy(forged.path().join("journal.db"), state.path().join("journal.db")).unwrap();
    assert_eq!(broken(&state).why, Why::Replaced, "audit.head tells");
    std::fs::remove_file(state.path().join("audit.head")).unwrap();
    state.reader().verify(None).unwrap();
    let told = state.reader().verify(Some(&head)).unwrap_err();
    assert!(matches!(told, Error::Broken(Broken { at: 6, why: Why::Replaced })), "{told}");
}

#[test]
fn a_host_does_not_go_on_after_a_cut_or_a_changed_end() {
    let (state, _) = three_calls();
    state.tamper("DELETE FROM audit WHERE sequence = 6");
    let error = state.try_open().unwrap_err();
    assert!(
        matches!(error, Error::Cut { noted: Head { sequence: 6, .. }, found: Head { sequence: 5, .. } }),
        "{error}"
    );
    assert!(error.to_string().contains("delete `audit.head`"));
    let (state, _) = three_calls();
    state.tamper("UPDATE audit SET body = replace(body, 'c3', 'cX') WHERE sequence = 6");
    assert!(matches!(state.try_open(), Err(Error::Broken(Broken { at: 6, why: Why::Changed }))));
}

#[test]
fn denials_and_runs_are_part_of_the_audit() {
    let state = State::new();
    let journal = state.open();
    let run: toolhold_core::id::RunId = "run".parse().unwrap();
    journal.record_blocking(1, Event::RunStarted { run: run.clone(), front: "call".into(), manifest: None }).unwrap();
    let denied = Event::CallDenied {
        call: call_id("c"),
        run,
        tool: "files.write".into(),
        arguments: None,
        code: "denied".into(),
        rule: None,
    };
    journal.record_blocking(2, denied).unwrap();
    write_call(&journal, "c1");
    drop(journal);
    let mut lines = Vec::new();
    assert_eq!(state.reader().export(2, &mut lines).unwrap(), 3);
    let lines = String::from_utf8(lines).unwrap();
    assert!(lines.lines().next().unwrap().contains(r#""type":"call-denied""#), "{lines}");
    state.tamper("UPDATE audit SET body = replace(body, 'denied', 'danied') WHERE sequence = 2");
    assert_eq!(broken(&state).at, 2);
}

#[test]
fn a_call_that_is_one_entry_is_compared_as_well() {
    for sql in [
        "UPDATE calls SET arguments = '{}'",
        "UPDATE calls SET outcome = '2'",
        "UPDATE calls SET admitted_at = 9",
        "UPDATE calls SET run = 'other'",
        "UPDATE calls SET succeeded = 0",
        "DELETE FROM calls",
    ] {
        let state = State::new();
        let journal = state.open();
        let hold = journal.hold();
        journal.admit_blocking(intent("c1", Effects::None)).unwrap();
        journal.settle_blocking(&call_id("c1"), success("1", Effects::None)).unwrap();
        drop(hold);
        drop(journal);
        state.reader().verify(None).unwrap();
        state.tamper(sql);
        assert_eq!(broken(&state).at, 1, "{sql}");
    }
}

/// The exported lines are enough to compute the chain again.
#[test]
fn an_export_can_be_checked_by_itself() {
    let (state, head) = three_calls();
    let mut lines = Vec::new();
    state.reader().export(0, &mut lines).unwrap();
    let mut computed = Head::default();
    for line in String::from_utf8(lines).unwrap().lines() {
        let body = line.split_once("\"body\":").unwrap().1.strip_suffix('}').unwrap();
        computed = computed.after(body);
        assert!(line.contains(&computed.hash.to_string()), "{line}");
    }
    assert_eq!(computed, head);
}
