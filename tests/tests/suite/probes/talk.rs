//! Guests that talk: floods end at a limit, words stay words.

use serde_json::json;
use toolhold_core::escape;
use toolhold_core::limit::Limit;
use toolhold_core::outcome::Class;

use crate::check::{failed, hostile, stops};
use crate::many::cancelled_when_started;

#[test]
pub(crate) fn stdout_flood() {
    let reply = stops(&hostile(""), "stdout_flood", json!({}), Limit::Stdout);
    assert!(reply.output.stdout.len() > 1 << 19, "what was written until then is kept");
}

#[test]
pub(crate) fn stderr_flood() {
    stops(&hostile(""), "stderr_flood", json!({}), Limit::Stderr);
}

#[test]
pub(crate) fn log_flood() {
    let reply = stops(&hostile(""), "log_flood", json!({"bytes": 1000}), Limit::Log);
    assert!(reply.output.log.iter().map(|line| line.message.len()).sum::<usize>() <= 256 << 10);
    // Lines of nothing are something: each takes room in the host.
    let reply = stops(&hostile(""), "log_flood", json!({"bytes": 0}), Limit::Log);
    assert!(reply.output.log.len() <= 256 << 10);
    // One line that is larger than all of them may be.
    let reply = stops(&hostile(""), "log_flood", json!({"bytes": 1 << 20}), Limit::Log);
    assert!(reply.output.log.is_empty());
}

#[test]
pub(crate) fn emit_flood() {
    let reply = stops(&hostile("limits.output = \"64KiB\""), "emit_flood", json!({"bytes": 1000}), Limit::Output);
    assert!(reply.output.emitted.iter().map(String::len).sum::<usize>() <= 64 << 10);
    stops(&hostile("limits.output = \"64KiB\""), "emit_flood", json!({"bytes": 0}), Limit::Output);
}

#[test]
pub(crate) fn progress_flood() {
    stops(&hostile("limits.host-calls = 5_000"), "progress_flood", json!({"bytes": 0}), Limit::HostCalls);
    stops(&hostile("limits.host-calls = 50"), "progress_flood", json!({"bytes": 1 << 20}), Limit::HostCalls);
}

#[test]
pub(crate) fn host_calls() {
    let reply = stops(&hostile("limits.host-calls = 20_000"), "host_calls", json!({}), Limit::HostCalls);
    assert!(
        reply.usage.get(Limit::Fuel) < 50_000_000,
        "few instructions were needed for many calls: {:?}",
        reply.usage
    );
}

#[test]
pub(crate) fn polite_loop() {
    let reply = cancelled_when_started(&hostile(""), "polite_loop");
    assert_eq!(failed(&reply, Class::Cancelled).code, "cancelled");
}

#[test]
pub(crate) fn forged_protocol() {
    let reply = hostile("").call("forged_protocol", json!({})).unwrap();
    assert_eq!(reply.value().unwrap(), &json!(2), "only what it returned is its result");
    assert!(reply.output.stdout.contains("jsonrpc"), "captured, and not passed on to the host's own output");
    assert!(reply.output.stderr.contains("jsonrpc"));
}

#[test]
pub(crate) fn hostile_text() {
    let reply = hostile("").call("hostile_text", json!({})).unwrap();
    let failure = failed(&reply, Class::Tool);
    assert_eq!(failure.code, "failed", "a code that is free text is not passed on");
    for text in [&failure.message, &reply.output.log[0].message, &reply.output.emitted[0], &reply.output.stdout] {
        let shown = escape::line(text);
        assert!(
            shown.chars().all(|shown| !shown.is_control() && !('\u{200b}'..='\u{206f}').contains(&shown)),
            "{shown:?}"
        );
        assert!(shown.contains("\\u{1b}[2J"), "nothing is hidden either: {shown}");
    }
    assert_eq!(reply.output.stderr, "\u{fffd}\u{fffd}\u{fffd}", "bytes that are no text do not break the report");
}
