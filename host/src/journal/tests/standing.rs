//! What holds of manifests and components is said once, and again where it changed.

use toolhold_core::chain::Why;
use toolhold_core::event::Event;
use toolhold_core::id::Digest;

use super::support::State;
use crate::journal::{Error, Journal};

fn manifest(path: &str, text: &str) -> Event {
    Event::ManifestLoaded { manifest: Digest::of(text.as_bytes()), path: path.to_owned() }
}

fn component(name: &str, bytes: &str) -> Event {
    Event::ToolPinned { component: name.parse().unwrap(), digest: Digest::of(bytes.as_bytes()) }
}

/// Opens the journal, says all of it, closes the journal.
fn say(state: &State, events: impl IntoIterator<Item = Event>) {
    let journal: Journal = state.open();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for event in events {
        runtime.block_on(journal.announce(1, event)).unwrap();
    }
}

fn entries(state: &State) -> u64 {
    state.reader().verify(None).unwrap().entries
}

#[test]
fn what_was_said_is_not_said_again_in_the_same_process_or_a_later_one() {
    let state = State::new();
    for _ in 0..20 {
        say(&state, [manifest("/a", "1"), manifest("/a", "1"), component("files", "1")]);
    }
    assert_eq!(entries(&state), 2);
}

#[test]
fn what_changed_is_said_again_and_so_is_its_return() {
    let state = State::new();
    say(&state, [manifest("/a", "1"), manifest("/a", "2"), manifest("/a", "1")]);
    say(&state, [component("files", "1"), component("files", "2")]);
    assert_eq!(entries(&state), 5);
}

#[test]
fn each_manifest_and_each_component_is_told_from_the_others() {
    let state = State::new();
    say(&state, [manifest("files", "1"), component("files", "1"), component("text", "1"), manifest("/b", "1")]);
    say(&state, [manifest("/b", "1"), component("text", "1"), component("files", "1"), manifest("files", "1")]);
    assert_eq!(entries(&state), 4);
}

#[test]
fn who_writes_the_note_to_hide_a_change_is_found() {
    for sql in [
        "UPDATE standing SET digest = zeroblob(32)",
        "DELETE FROM standing",
        "DROP TABLE standing",
        "INSERT INTO standing VALUES ('component', 'text', zeroblob(32))",
    ] {
        let state = State::new();
        say(&state, [component("files", "1")]);
        state.tamper(sql);
        let error = state.reader().verify(None).unwrap_err();
        assert!(matches!(&error, Error::Broken(broken) if broken.why == Why::Standing), "{sql}: {error}");
    }
}

#[test]
fn a_database_that_is_older_than_the_note_is_verified_and_then_brought_up_to_date() {
    let state = State::new();
    drop(state.open());
    let older = "DROP TRIGGER audit_is_not_cut; DROP TABLE standing; DROP TABLE plans; DROP TABLE runs; DROP TABLE run_events; DROP TABLE tapes; DROP TABLE dependencies; DROP TABLE approvals; DROP TABLE audit_start; DROP INDEX calls_by_approval; DROP INDEX calls_by_run; ALTER TABLE calls DROP COLUMN staged; ALTER TABLE calls DROP COLUMN evidence; ALTER TABLE calls DROP COLUMN approval; PRAGMA user_version = 1";
    rusqlite::Connection::open(state.path().join("journal.db")).unwrap().execute_batch(older).unwrap();
    assert_eq!(entries(&state), 0);
    assert_eq!(state.reader().history(&crate::journal::HistoryFilter::default()).unwrap(), []);
    say(&state, [component("files", "1")]);
    assert_eq!(entries(&state), 1);
}
