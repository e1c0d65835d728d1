//! Everything in one line: how many changes of which kind, how many requests, and whether anything is on the disk.

use toolhold_core::effect::{ChangeKind, EffectReport, RequestState, Unknown};

use super::Landing;

/// The line.
#[must_use]
pub(in super::super) fn total(report: &EffectReport, landing: Landing) -> String {
    let mut parts = vec![changes(report)];
    if !report.requests.is_empty() || report.requests_left_out > 0 {
        parts.push(requests(report));
    }
    parts.extend(disk(report, landing).map(str::to_owned));
    parts.join("; ")
}

/// `number` of `what`, which is a regular noun.
#[must_use]
pub(super) fn counted(number: u64, what: &str) -> String {
    match (number, what) {
        (1, "entr") => "1 entry".to_owned(),
        (_, "entr") => format!("{number} entries"),
        (1, _) => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
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
    let kinds: [(&str, fn(&ChangeKind) -> bool); 5] = [
        ("created", |kind| matches!(kind, ChangeKind::Created)),
        ("changed", |kind| matches!(kind, ChangeKind::Changed)),
        ("deleted", |kind| matches!(kind, ChangeKind::Deleted)),
        ("moved", |kind| matches!(kind, ChangeKind::Moved { .. })),
        ("with other times or mode", |kind| matches!(kind, ChangeKind::Metadata)),
    ];
    let mut words: Vec<String> = kinds
        .iter()
        .map(|(word, is)| (report.changes.iter().filter(|change| is(&change.kind)).count(), word))
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    if report.changes_left_out > 0 {
        words.push(format!("{} not listed", report.changes_left_out));
    }
    format!("{}: {}", counted(all, "change"), words.join(", "))
}

fn requests(report: &EffectReport) -> String {
    let all = count(report.requests.len()).saturating_add(report.requests_left_out);
    let kinds: [(&str, fn(&RequestState) -> bool); 4] = [
        ("withheld", |state| matches!(state, RequestState::Withheld)),
        ("refused", |state| matches!(state, RequestState::Refused { .. })),
        ("not sent", |state| matches!(state, RequestState::NotSent { .. })),
        ("without an answer", |state| matches!(state, RequestState::Sent { .. })),
    ];
    let mut text = counted(all, "request");
    for (word, is) in kinds {
        let number = report.requests.iter().filter(|request| is(&request.state)).count();
        if number > 0 {
            text.push_str(&format!(", {number} {word}"));
        }
    }
    text
}

/// Whether anything of it is on the disk.
fn disk(report: &EffectReport, landing: Landing) -> Option<&'static str> {
    let in_place = report.unknown.iter().any(|unknown| matches!(unknown, Unknown::Direct { .. }));
    match landing {
        Landing::Previewed => Some("nothing was changed on disk"),
        Landing::TakenBack => Some("taken back"),
        Landing::Landed => None,
        Landing::ThrownAway if in_place => Some("the call failed: only what it wrote in place is on disk"),
        Landing::ThrownAway => Some("the call failed: nothing was changed on disk"),
    }
}
