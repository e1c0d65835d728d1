//! Secrets in what the audit is told: taken out of what others wrote, and never in the way of what the host says itself.

use toolhold_core::effect::Departed;
use toolhold_core::event::{Effects, Event};
use toolhold_core::id::Digest;
use toolhold_core::redact::Redactor;

use super::support::{State, call_id, intent, success};
use crate::journal::{AuditFilter, Journal, Options};

/// The audit, oldest first.
fn told(journal: &Journal) -> Vec<Event> {
    journal.flush_blocking().unwrap();
    let found = journal.reader().unwrap().latest_entries(&AuditFilter::default()).unwrap();
    found.into_iter().rev().map(|found| found.entry.event).collect()
}

/// Words of ours that somebody chose for a secret.
#[test]
fn a_secret_that_is_written_like_a_part_of_an_event_stops_nothing() {
    let state = State::new();
    let secrets = [
        ("a", "secret"),
        ("b", "files-x"),
        ("c", "call-1"),
        ("d", "redacted-call"),
        ("e", "100000"),
        ("f", "/home/us"),
    ];
    let options = Options { redactor: Redactor::new(secrets), now: 1_000_000, ..Options::default() };
    let journal = Journal::open(&state.path(), &options).unwrap();
    let (call, run) = (call_id("call-1"), "redacted-call".parse().unwrap());
    let redacted = Event::SecretRedacted { call: call.clone(), run, secrets: vec!["a".into()], places: vec![] };
    let pinned = Event::ToolPinned { component: "files-x".parse().unwrap(), digest: Digest::of(b"x") };
    let loaded = Event::ManifestLoaded { manifest: Digest::of(b"m"), path: "/home/user/toolhold.toml".into() };
    journal.record_blocking(1_000_001, redacted.clone()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for _ in 0..2 {
        runtime.block_on(journal.announce(3, pinned.clone())).unwrap();
        runtime.block_on(journal.announce(3, loaded.clone())).unwrap();
    }
    journal.flush_blocking().unwrap();
    journal.admit_blocking(intent("call-1", Effects::Possible)).unwrap();
    journal.settle_blocking(&call, success("1", Effects::Possible)).unwrap();
    let told = told(&journal);
    journal.reader().unwrap().verify(None).unwrap();
    assert_eq!(told[..2], [redacted, pinned], "names and words of ours stay");
    assert_eq!(
        told[2],
        Event::ManifestLoaded { manifest: Digest::of(b"m"), path: "[redacted]er/toolhold.toml".into() }
    );
    assert_eq!(told.len(), 5, "what is said already is not said again");
}

#[test]
fn free_texts_of_events_are_written_without_secrets() {
    let state = State::new();
    let options = Options { redactor: Redactor::new([("token", "hunter22-long")]), now: 1, ..Options::default() };
    let journal = Journal::open(&state.path(), &options).unwrap();
    let (call, run) = (call_id("c"), "r".parse().unwrap());
    let secret = || "a hunter22-long b".to_owned();
    let departed = Departed { method: "GET".into(), url: format!("https://a/?q={}", "hunter22%2Dlong"), status: None };
    let events = [
        Event::CallInvalid { call: call.clone(), run, tool: secret(), code: "unknown-tool".into() },
        Event::CallActed { call: call.clone(), requests: vec![departed], written: vec![secret()], left_out: 0 },
        Event::ServerChanged { component: "files".parse().unwrap(), what: secret() },
        Event::CallUnknown { call, reason: secret() },
    ];
    events.into_iter().for_each(|event| journal.record_blocking(1, event).unwrap());
    journal.flush_blocking().unwrap();
    let told = format!("{:?}", told(&journal));
    assert!(!told.contains("hunter22"), "{told}");
    assert_eq!(told.matches("[redacted]").count(), 5, "{told}");
}
