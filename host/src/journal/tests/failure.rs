//! The disk says no: the call fails, nothing is half written, and the journal goes on when the disk does.

use std::os::unix::fs::PermissionsExt;

use toolhold_core::event::Effects;

use super::support::{State, call_id, intent, success, write_call};
use crate::journal::{Error, Journal, Options, PlanKind, Planned};

/// Lets the database grow no further, as a full disk does.
fn fill(journal: &Journal) {
    journal.with_connection(|connection| {
        let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        connection.pragma_update(None, "max_page_count", pages).unwrap();
    });
}

fn empty(journal: &Journal) {
    journal.with_connection(|connection| connection.pragma_update(None, "max_page_count", 1_000_000).unwrap());
}

/// Writes until the disk is full.
fn until_full(journal: &Journal) -> usize {
    for number in 0..10_000 {
        match journal.admit_blocking(intent(&format!("fill{number}"), Effects::Possible)) {
            Ok(_) => {}
            Err(Error::Full) => return number,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("never full");
}

#[test]
fn a_call_with_effects_does_not_run_on_a_full_disk_and_does_when_there_is_space_again() {
    let state = State::new();
    let journal = state.open();
    write_call(&journal, "before");
    fill(&journal);
    let written = until_full(&journal);
    let reader = journal.reader().unwrap();
    assert_eq!(reader.verify(None).unwrap().entries, 2 + written as u64, "nothing is half written");
    empty(&journal);
    write_call(&journal, "after");
    assert_eq!(reader.verify(None).unwrap().entries, 4 + written as u64);
}

#[test]
fn calls_for_which_nobody_waited_are_kept_until_the_disk_has_space() {
    let state = State::new();
    let journal = state.open();
    fill(&journal);
    let written = until_full(&journal) as u64;
    // From here on even a call without effects waits, and is told.
    assert!(matches!(journal.admit_blocking(intent("read", Effects::None)), Err(Error::Full)));
    assert!(matches!(
        journal.settle_blocking(&call_id("fill0"), success(&"1".repeat(60_000), Effects::Possible)),
        Err(Error::Full)
    ));
    journal.settle_behind(&call_id("fill0"), success("1", Effects::Possible));
    empty(&journal);
    journal.flush_blocking().unwrap();
    let reader = journal.reader().unwrap();
    assert_eq!(reader.get(&call_id("fill0")).unwrap().unwrap().state, crate::journal::State::Settled);
    assert_eq!(reader.get(&call_id("read")).unwrap(), None);
    assert_eq!(reader.verify(None).unwrap().entries, written + 1);
}

#[test]
fn what_became_of_a_call_is_written_when_the_disk_has_space_although_its_caller_was_told_that_it_was_not() {
    let state = State::new();
    let journal = state.open();
    fill(&journal);
    let written = until_full(&journal) as u64;
    assert!(written > 1);
    let text = format!("\"{}\"", "x".repeat(60_000));
    assert!(matches!(journal.settle_blocking(&call_id("fill0"), success(&text, Effects::Possible)), Err(Error::Full)));
    let parked = journal.park_blocking(&call_id("fill1"), "x".repeat(2_000), 3);
    // A reason is short: there may be room for it, but nothing overtakes what is kept.
    assert!(matches!(parked, Err(Error::Full)), "{parked:?}");
    empty(&journal);
    journal.flush_blocking().unwrap();
    let reader = journal.reader().unwrap();
    let states = ["fill0", "fill1"].map(|call| reader.get(&call_id(call)).unwrap().unwrap().state);
    assert_eq!(states, [crate::journal::State::Settled, crate::journal::State::Unknown]);
    assert_eq!(reader.get(&call_id("fill0")).unwrap().unwrap().outcome, Some(text));
    assert_eq!(reader.verify(None).unwrap().entries, written + 2);
    assert_eq!(journal.watch().waiting(), (0, false));
}

#[test]
fn what_was_not_begun_is_not_kept() {
    let state = State::new();
    let journal = state.open();
    fill(&journal);
    until_full(&journal);
    let text = "x".repeat(60_000);
    let (plan, effects, outcome) = (text, "{}".into(), "1".into());
    let planned =
        Planned { call: call_id("fill0"), kind: PlanKind::Commit, plan, effects, outcome, kept_bytes: 0, at: 2 };
    assert!(matches!(journal.plan_blocking(planned), Err(Error::Full)));
    assert_eq!(journal.watch().waiting(), (0, true));
}

#[test]
fn a_directory_that_cannot_be_written_is_a_clean_error() {
    if rustix::process::geteuid().is_root() {
        // Root writes where it likes; a file in the place of the directory stops it too.
        let state = State::new();
        std::fs::write(state.path(), "a file").unwrap();
        assert!(matches!(state.try_open(), Err(Error::Io { action: "create", .. })));
        return;
    }
    let state = State::new();
    drop(state.open());
    std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
    std::fs::set_permissions(state.path().join("journal.db"), std::fs::Permissions::from_mode(0o400)).unwrap();
    let error = state.try_open().unwrap_err();
    std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(error, Error::Io { .. } | Error::ReadOnly), "{error}");
}

#[test]
fn a_read_only_database_is_a_clean_error_at_the_call() {
    let state = State::new();
    let journal = state.open();
    write_call(&journal, "before");
    journal.with_connection(|connection| connection.pragma_update(None, "query_only", true).unwrap());
    let error = journal.admit_blocking(intent("c", Effects::Possible)).unwrap_err();
    assert!(matches!(error, Error::ReadOnly), "{error}");
    assert_eq!(journal.reader().unwrap().verify(None).unwrap().entries, 2);
}

#[test]
fn a_second_host_on_the_same_state_is_told_so() {
    let state = State::new();
    let journal = state.open();
    let error = Journal::open(&state.path(), &Options::default()).unwrap_err();
    assert!(matches!(error, Error::InUse(_)), "{error}");
    write_call(&journal, "still-works");
    drop(journal);
    state.open();
}
