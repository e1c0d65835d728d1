//! Everything in one line: how many changes of which kind, how many requests, and whether anything is on the disk.

use toolhold_core::effect::{ChangeKind, EffectReport, NOT_OBSERVED, RequestState, Unknown};

use super::Landing;

/// The line.
#[must_use]
pub(in super::super) fn total(report: &EffectReport, landing: Landing) -> String {
    // A preview calls no server, so what it says of the disk is known.
    let is_unseen = landing != Landing::Previewed && report.is_remote() && report.changes.is_empty();
    let mut parts = vec![if is_unseen { NOT_OBSERVED.to_owned() } else { changes(report) }];
    if !report.requests.is_empty() || report.requests_left_out > 0 {
        parts.push(requests(report));
    }
    parts.extend(disk(report, landing).map(str::to_owned));
    parts.join("; ")
}

/// `number` of `what`, which is a regular noun.
#[must_use]
pub(super) fn counted(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// How many changes of which kind.
#[must_use]
pub(in super::super) fn changes(report: &EffectReport) -> String {
    let all = count(report.changes.len()).saturating_add(report.changes_left_out);
    if all == 0 {
        return "no changes".to_owned();
    }
    let of = |is: fn(&ChangeKind) -> bool| report.changes.iter().filter(|change| is(&change.kind)).count();
    let mut words = present([
        (of(|kind| matches!(kind, ChangeKind::Created)), "created"),
        (of(|kind| matches!(kind, ChangeKind::Changed)), "changed"),
        (of(|kind| matches!(kind, ChangeKind::Deleted)), "deleted"),
        (of(|kind| matches!(kind, ChangeKind::Moved { .. })), "moved"),
        (of(|kind| matches!(kind, ChangeKind::Metadata)), "with other times or mode"),
    ]);
    if report.changes_left_out > 0 {
        words.push(format!("{} not listed", report.changes_left_out));
    }
    format!("{}: {}", counted(all, "change"), words.join(", "))
}

fn requests(report: &EffectReport) -> String {
    let all = count(report.requests.len()).saturating_add(report.requests_left_out);
    let of = |is: fn(&RequestState) -> bool| report.requests.iter().filter(|request| is(&request.state)).count();
    let words = present([
        (of(|state| matches!(state, RequestState::Withheld)), "withheld"),
        (of(|state| matches!(state, RequestState::Refused { .. })), "refused"),
        (of(|state| matches!(state, RequestState::NotSent { .. })), "not sent"),
        (of(|state| matches!(state, RequestState::Sent { .. })), "without an answer"),
    ]);
    [vec![counted(all, "request")], words].concat().join(", ")
}

/// The kinds of which there are any.
fn present<const N: usize>(kinds: [(usize, &str); N]) -> Vec<String> {
    kinds.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect()
}

/// Whether anything of it is on the disk.
fn disk(report: &EffectReport, landing: Landing) -> Option<&'static str> {
    let in_place = report.unknown.iter().any(|unknown| matches!(unknown, Unknown::Direct { .. }));
    match landing {
        Landing::Previewed => Some("nothing was changed on disk"),
        Landing::TakenBack => Some("taken back"),
        Landing::Landed => None,
        Landing::ThrownAway if report.is_remote() => Some("the call failed: what the server did is not known"),
        Landing::ThrownAway if in_place => Some("the call failed: only what it wrote in place is on disk"),
        Landing::ThrownAway => Some("the call failed: nothing was changed on disk"),
    }
}
