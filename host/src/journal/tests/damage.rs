//! Whatever a crash or a bad disk leaves: a clean state or a clear error, never a panic, never a wrong answer.

use toolhold_core::event::Effects;

use super::support::{State, call_id, copy, intent, success, write_call};
use crate::journal::{Admission, Error, Journal, Options};

/// A state directory as a killed host leaves it: the last transactions are in the log only.
fn killed(calls: usize) -> State {
    let (living, dead) = (State::new(), State::new());
    let journal = living.open();
    for number in 0..calls {
        write_call(&journal, &format!("c{number}"));
    }
    journal.admit_blocking(intent("open", Effects::Possible)).unwrap();
    copy(&living.path(), &dead.path());
    dead
}

/// What may come of opening a damaged journal.
fn open_and_use(state: &State, what: &str) {
    let journal = match state.try_open() {
        Ok(journal) => journal,
        Err(Error::Corrupt(_) | Error::Broken(_) | Error::Cut { .. } | Error::Database(_) | Error::Newer) => return,
        Err(other) => panic!("{what}: {other}"),
    };
    // It opens, so it can be used: written or cleanly refused.
    if let Ok(Admission::Fresh) = journal.admit_blocking(intent("new", Effects::Possible)) {
        let _maybe = journal.settle_blocking(&call_id("new"), success("1", Effects::Possible));
    }
    let Ok(reader) = journal.reader() else { return };
    let _found = reader.verify(None);
    let _listed = reader.calls(&crate::journal::Filter::default());
    let _exported = reader.export(0, &mut std::io::sink());
}

#[test]
fn what_a_kill_leaves_is_whole() {
    let state = killed(5);
    let journal = state.open();
    let reader = journal.reader().unwrap();
    assert_eq!(reader.verify(None).unwrap().entries, 12);
    assert_eq!(reader.get(&call_id("open")).unwrap().unwrap().state, crate::journal::State::Unknown);
}

#[test]
fn a_log_that_was_torn_at_any_byte_opens_or_says_what_is_wrong() {
    let state = killed(3);
    let log = std::fs::read(state.path().join("journal.db-wal")).unwrap();
    for length in (0..log.len()).step_by(509).chain([1, 31, 32, 33, log.len() - 1]) {
        let torn = State::new();
        copy(&state.path(), &torn.path());
        std::fs::write(torn.path().join("journal.db-wal"), &log[..length]).unwrap();
        open_and_use(&torn, &format!("log cut at {length}"));
    }
}

/// What was acknowledged and then torn off is told, not silently forgotten.
#[test]
fn a_lost_tail_of_acknowledged_entries_is_told() {
    let state = killed(3);
    std::fs::write(state.path().join("journal.db-wal"), b"").unwrap();
    let error = state.try_open().unwrap_err();
    assert!(matches!(error, Error::Cut { .. }), "{error}");
}

#[test]
fn a_database_that_was_cut_at_any_page_or_byte_opens_or_says_what_is_wrong() {
    let whole = State::new();
    let journal = whole.open();
    (0..20).for_each(|number| write_call(&journal, &format!("c{number}")));
    drop(journal);
    let bytes = std::fs::read(whole.path().join("journal.db")).unwrap();
    for length in (0..bytes.len()).step_by(1777).chain([1, 99, 100, 4095, 4096, 4097, bytes.len() - 1]) {
        let torn = State::new();
        copy(&whole.path(), &torn.path());
        std::fs::write(torn.path().join("journal.db"), &bytes[..length]).unwrap();
        open_and_use(&torn, &format!("database cut at {length}"));
    }
}

#[test]
fn a_flipped_bit_anywhere_is_found_or_harmless_and_never_changes_an_outcome() {
    let whole = State::new();
    let journal = whole.open();
    (0..20).for_each(|number| write_call(&journal, &format!("c{number}")));
    drop(journal);
    for file in ["journal.db", "audit.head"] {
        let bytes = std::fs::read(whole.path().join(file)).unwrap();
        for at in (0..bytes.len()).step_by(if file == "journal.db" { 331 } else { 7 }) {
            let flipped = State::new();
            copy(&whole.path(), &flipped.path());
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            std::fs::write(flipped.path().join(file), changed).unwrap();
            if let Ok(reader) = crate::journal::Reader::open(&flipped.path())
                && reader.verify(None).is_ok()
            {
                let record = reader.get(&call_id("c7")).unwrap().unwrap();
                assert_eq!(record.outcome.as_deref(), Some("\"done\""), "{file}, byte {at}");
            }
            open_and_use(&flipped, &format!("{file}, byte {at}"));
        }
    }
}

#[test]
fn a_file_that_is_no_journal_is_called_damaged() {
    use std::os::unix::fs::DirBuilderExt;
    let state = State::new();
    std::fs::DirBuilder::new().mode(0o700).create(state.path()).unwrap();
    std::fs::write(state.path().join("journal.db"), "this is not a database, it is a letter".repeat(200)).unwrap();
    let error = Journal::open(&state.path(), &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error}");
}
