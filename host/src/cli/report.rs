//! How the report of a call is shown: as JSON, as the result alone, and as talk beside it.

use std::fmt::Write as _;

use serde_json::{Value, json};
use toolhold_core::call::Mode;
use toolhold_core::escape;
use toolhold_core::limit::{LIMITS, Unit, Usage};
use toolhold_core::outcome::{CallReport, Failure, Outcome};

use super::effects::{self, Landing};
use super::ui::{Tone, Ui, paint};
use crate::Host;
use crate::journal::PlanState;
use crate::shown::Report;

/// How much of a dry run's result is shown beside its effects, in bytes.
const RESULT_SHOWN: usize = 400;

/// The whole report.
pub(super) fn to_json(report: &CallReport) -> Value {
    json!(Report::of(report.clone()))
}

/// What was asked for: of a live call its result, of a dry run what it would change.
pub(super) fn printed(report: &CallReport) -> String {
    match report.mode {
        Mode::Live => result_text(report),
        Mode::Preview if ran(report) => effects::whole(&report.effects, Landing::Previewed),
        Mode::Preview => String::new(),
    }
}

/// Whether a guest was started. What was refused before that used nothing.
fn ran(report: &CallReport) -> bool {
    report.usage != Usage::default()
}

/// The result, alone: a text as it is, anything else as JSON.
pub(super) fn result_text(report: &CallReport) -> String {
    match &report.outcome {
        Outcome::Success(Value::String(text)) => escape::block(text).into_owned(),
        Outcome::Success(result) => escape::block(&format!("{result:#}")).into_owned(),
        Outcome::Failure(_) => String::new(),
    }
}

/// Everything that is not the result, on standard error.
pub(super) fn say(report: &CallReport, usage: bool, ui: Ui) {
    for line in &report.output.log {
        ui.say(&paint(Tone::Faint, &format!("{:?}: {}", line.level, escape::line(&line.message)).to_lowercase()));
    }
    for (name, text) in [("stdout", &report.output.stdout), ("stderr", &report.output.stderr)] {
        // What a program says of its failure is the message already.
        let said = |failure: &Failure| !text.trim().is_empty() && failure.message.contains(text.trim());
        if matches!(&report.outcome, Outcome::Failure(failure) if said(failure)) {
            continue;
        }
        for line in text.lines() {
            ui.say(&paint(Tone::Faint, &format!("{name}: {}", escape::line(line))));
        }
    }
    if report.replayed {
        ui.say("this is the outcome of an earlier call with the same key; nothing ran");
    }
    if let Some(served_by) = &report.served_by {
        ui.say(&paint(Tone::Notice, &served_by.label()));
    }
    if let Some(approved) = &report.approved {
        ui.say(&paint(Tone::Faint, &format!("approved by {}", escape::line(&approved.by))));
        approved.label().iter().for_each(|label| ui.say(&paint(Tone::Notice, &escape::line(label))));
    }
    if report.attempts > 1 {
        ui.say(&paint(Tone::Faint, &format!("{} attempts were made", report.attempts)));
    }
    if let Outcome::Failure(failure) = &report.outcome {
        ui.say_always(&failure_text(failure));
        refusals(report).iter().for_each(|line| ui.say_always(line));
    }
    if usage {
        ui.say(&usage_table(report));
    }
}

/// What a live call changed, or a preview would, and what can be done about it.
pub(super) fn say_effects(report: &CallReport, host: &Host, ui: Ui) {
    match report.mode {
        Mode::Live if report.effects.is_empty() || report.replayed => return,
        Mode::Live => ui.say(&paint(Tone::Faint, &effects::total(&report.effects, landing(report)))),
        Mode::Preview => previewed(report, ui),
    }
    if let Some(command) = next(report, host) {
        ui.say(&command);
    }
}

/// What a dry run came to beside its effects.
fn previewed(report: &CallReport, ui: Ui) {
    if let Outcome::Success(result) = &report.outcome {
        let text = result.as_str().map_or_else(|| result.to_string(), str::to_owned);
        ui.say(&format!("result of the dry run: {}", escape::short(&text, RESULT_SHOWN)));
    }
    ui.say(&paint(Tone::Strong, "this was a dry run: nothing was changed"));
}

/// The command that makes the changes of a preview real, or takes those of a live call back. The journal knows whether there
/// is anything; that a plan was done may be written a moment later than the call returns.
pub(super) fn next(report: &CallReport, host: &Host) -> Option<String> {
    let has_result = matches!(report.outcome, Outcome::Success(_));
    let plan = host.journal().reader().ok()?.plan(&report.call).ok()?.filter(|_| has_result)?;
    match plan.state {
        PlanState::Preview => Some(format!("make exactly these changes with:  toolhold apply {}", report.call)),
        PlanState::Ready | PlanState::Landed => Some(format!("take it back with:  toolhold undo {}", report.call)),
        PlanState::Expired => Some(format!(
            "it cannot be {}: there is more to keep than `undo-bytes` in `[host]` allows",
            if report.mode == Mode::Preview { "applied" } else { "taken back" }
        )),
        _ => None,
    }
}

/// Why a call ran as a preview that was not asked for as one.
pub(super) fn why_preview(host: &Host) -> &'static str {
    match host.policy().manifest().mode() {
        Mode::Preview => "the manifest says `mode = \"preview\"`: every call runs as a preview",
        Mode::Live => "a rule of the manifest lets this call run as a preview only",
    }
}

/// What has become of the effects of a call.
pub(super) fn landing(report: &CallReport) -> Landing {
    match (report.mode, &report.outcome) {
        (Mode::Preview, _) => Landing::Previewed,
        (Mode::Live, Outcome::Success(_)) => Landing::Landed,
        (Mode::Live, Outcome::Failure(_)) => Landing::ThrownAway,
    }
}

/// A failure with everything that the operator may know.
pub(super) fn failure_text(failure: &Failure) -> String {
    let message = failure.message.strip_prefix(&format!("{}: ", failure.code)).unwrap_or(&failure.message);
    let mut text = format!("{} {}", paint(Tone::Bad, &format!("{}:", failure.code)), escape::block(message));
    if let Some(detail) = failure.detail.as_deref().filter(|detail| *detail != failure.message) {
        for line in detail.lines() {
            // Writing to a String cannot fail.
            let _infallible = write!(text, "\n  {}", escape::line(line));
        }
    }
    text
}

/// What the host refused within the call, and which key of the manifest says so.
pub(super) fn refusals(report: &CallReport) -> Vec<String> {
    let line = |refusal: &toolhold_core::effect::Refusal| {
        let path = format!("{}/{}", refusal.grant, refusal.path);
        let operation = format!("{:?}", refusal.operation).to_lowercase();
        format!("  refused: {operation} of `{}`: {}", escape::line(path.trim_end_matches('/')), refusal.why)
    };
    report.notes.refusals.iter().take(5).map(line).collect()
}

/// How far a call is.
pub(super) fn progress(done: f64, total: Option<f64>, message: &str) -> String {
    let of = total.map_or(String::new(), |total| format!(" of {total}"));
    paint(Tone::Faint, &format!("{done}{of} {}", escape::line(message)))
}

fn usage_table(report: &CallReport) -> String {
    let mut text = String::new();
    for spec in &LIMITS {
        let (used, allowed) = (report.usage.get(spec.limit), report.limits.get(spec.limit));
        let unit = match spec.unit {
            Unit::Count => "",
            Unit::Bytes => " bytes",
            Unit::Micros => " µs",
            Unit::MicroDollars => " µUSD",
        };
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "{:<16} {used}{unit} of {allowed}{unit}", spec.key);
    }
    text
}
