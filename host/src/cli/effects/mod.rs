//! Effects on a terminal: what a call changed and requested, or would.
//!
//! A person decides by this, so nothing of a guest is shown unescaped, nothing is said in colour alone, and what is left
//! out is counted. It only tells: what is different was found out in the sandbox.

mod change;
mod diff;
mod fold;
mod path;
mod request;
mod size;
#[cfg(test)]
mod tests;
mod total;

use toolhold_core::effect::{Basis, EffectReport, NOT_OBSERVED, Unknown};
use toolhold_core::id::Label;

pub(super) use self::change::time;
pub(super) use self::path::path;
pub(super) use self::total::{changes, total};
use super::ui::{Tone, paint};

/// What has become of the effects that are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Landing {
    /// They were observed and thrown away, or are kept to be applied.
    Previewed,
    /// They are on the disk.
    Landed,
    /// The call failed, and what it had staged is gone.
    ThrownAway,
    /// They were on the disk and are not any more.
    TakenBack,
}

/// How much is shown of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Its line and its diff.
    Diffs,
    /// Its line.
    Lines,
}

/// Everything: a line for each change, with its diff; requests; what is not known; how far it was observed; the total.
#[must_use]
pub(super) fn whole(report: &EffectReport, landing: Landing) -> String {
    text(report, landing, Depth::Diffs)
}

/// [`whole`] without the diffs, for what was seen before.
#[must_use]
pub(super) fn brief(report: &EffectReport, landing: Landing) -> String {
    text(report, landing, Depth::Lines)
}

fn text(report: &EffectReport, landing: Landing, depth: Depth) -> String {
    let mut lines = Vec::new();
    fold::changes(&report.changes).for_each(|shown| shown.write(&mut lines, depth));
    left_out(&mut lines, report.changes_left_out, "change");
    lines.extend(report.requests.iter().map(|request| request::line(request, landing)));
    left_out(&mut lines, report.requests_left_out, "request");
    lines.extend(labels(report));
    lines.extend(report.unknown.iter().map(unknown));
    if landing == Landing::Previewed {
        lines.push(paint(Tone::Faint, basis(report.basis)));
    }
    lines.push(paint(Tone::Strong, &total(report, landing)));
    lines.join("\n")
}

/// The lines of a diff of two texts, as below a change.
pub(super) fn write_diff(lines: &mut Vec<String>, diff: &str) {
    diff::write(lines, diff, 0);
}

fn left_out(lines: &mut Vec<String>, number: u64, what: &str) {
    if number > 0 {
        lines.push(paint(Tone::Notice, &format!("… and {} more, not listed", total::counted(number, what))));
    }
}

/// What is said of the data that was read.
fn labels(report: &EffectReport) -> Option<String> {
    let names: Vec<&str> = report.labels.iter().map(Label::as_str).collect();
    (!names.is_empty()).then(|| format!("{} {}", paint(Tone::Notice, "read data labelled"), names.join(", ")))
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Observed => "observed to the end",
        Basis::UntilWithheld => "observed until a request that a dry run may not send",
        Basis::UntilFailure => "observed until the failure",
    }
}

fn unknown(unknown: &Unknown) -> String {
    let what = match unknown {
        Unknown::AfterWithheld => "what the tool would have done with the answer to a withheld request".to_owned(),
        Unknown::Direct { grant } => {
            format!("what changed in {}: it is written in place (`atomic = false`)", path(grant))
        }
        Unknown::Remote { server } => format!("{NOT_OBSERVED} (server {})", path(server)),
    };
    format!("{} {what}", paint(Tone::Notice, "? not known:"))
}
