//! The names of all metrics, their units, labels and meaning: one table, from which they are registered and documented.
//!
//! A name that is here stays. What a label can say is bounded: a tool that the manifest does not have, a model beyond the first few
//! and anything else that a model, a tool or a client could make up is `other`.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What a label says where its value is not one of those that are known.
pub const OTHER: &str = "other";

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows while the process lives.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How many values lay below each of some bounds.
    Histogram,
}

impl Kind {
    /// As Prometheus calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug)]
pub struct Spec {
    /// Its name, as it is queried: with its unit and, of a counter, `_total`.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// In what it is measured; empty where it is a number of things.
    pub unit: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, in one line.
    pub help: &'static str,
}

/// The labels of one series.
pub(super) type Labels = Vec<(&'static str, Cow<'static, str>)>;

impl Spec {
    /// The name without what the writer adds: `_total` and the unit.
    pub(super) fn base(&self) -> &'static str {
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        name.strip_suffix(self.unit)
            .and_then(|name| name.strip_suffix('_'))
            .filter(|_| !self.unit.is_empty())
            .unwrap_or(name)
    }

    /// The labels with these values, in the order of their names.
    pub(super) fn labels<const N: usize>(&self, values: [Cow<'static, str>; N]) -> Labels {
        self.labels.iter().copied().zip(values).collect()
    }
}

const fn counter(name: &'static str, unit: &'static str, labels: &'static [&'static str], help: &'static str) -> Spec {
    Spec { name, kind: Kind::Counter, unit, labels, help }
}

const fn gauge(name: &'static str, unit: &'static str, labels: &'static [&'static str], help: &'static str) -> Spec {
    Spec { name, kind: Kind::Gauge, unit, labels, help }
}

const fn histogram(
    name: &'static str,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Spec {
    Spec { name, kind: Kind::Histogram, unit, labels, help }
}

/// Calls that came to their end.
pub const CALLS: Spec = counter(
    "toolhold_calls_total",
    "",
    &["tool", "mode", "outcome"],
    "calls that came to their end; `outcome` is `success`, `replayed` or the class of the failure",
);
/// How long calls took.
pub const CALL_DURATION: Spec = histogram(
    "toolhold_call_duration_seconds",
    "seconds",
    &["tool"],
    "time of a call that ran, from its begin to its report",
);
/// How long each stage of calls took.
pub const STAGE_DURATION: Spec = histogram(
    "toolhold_call_stage_duration_seconds",
    "seconds",
    &["stage"],
    "time of one stage of a call; `stage` is validate, decide, ask (a person), admit, run, land or settle",
);
/// Calls under way.
pub const CALLS_OPEN: Spec = gauge("toolhold_calls_open", "", &[], "calls that are under way");
/// Instructions of guests.
pub const CALL_FUEL: Spec =
    counter("toolhold_call_fuel_total", "", &["tool"], "fuel that guests used, about one unit for each instruction");
/// Memory of guests.
pub const CALL_MEMORY: Spec = histogram(
    "toolhold_call_memory_bytes",
    "bytes",
    &["tool"],
    "most linear memory of a call that ran, over all its memories",
);
/// Attempts after the first.
pub const RETRIES: Spec = counter(
    "toolhold_call_retries_total",
    "",
    &["failure"],
    "attempts at calls after one that failed; `failure` is its class, or `asked` where the tool had a result that says: later",
);
/// What stood in.
pub const FALLBACKS: Spec = counter(
    "toolhold_call_fallbacks_total",
    "",
    &["by"],
    "calls that something stood in for; `by` is `tool` or `value`",
);
/// Calls that were refused.
pub const DENIALS: Spec =
    counter("toolhold_call_denials_total", "", &["code"], "calls that policy refused; nothing ran");
/// Calls that made no sense.
pub const INVALID: Spec = counter(
    "toolhold_call_invalid_total",
    "",
    &["code"],
    "calls of no known tool, or with arguments that do not conform; nothing ran",
);
/// Calls that were not started.
pub const TURNED_AWAY: Spec = counter(
    "toolhold_call_turned_away_total",
    "",
    &["code"],
    "calls that were not started because of a breaker or a rate",
);
/// Calls of which nobody knows.
pub const UNKNOWN: Spec = counter(
    "toolhold_call_unknown_total",
    "",
    &[],
    "calls of which nobody knows what they did: parked until a person resolves them",
);
/// Parked calls that a person has settled.
pub const RESOLVED: Spec =
    counter("toolhold_call_unknown_resolved_total", "", &[], "calls of which nobody knew, that a person has resolved");
/// What became of staged changes.
pub const CHANGES: Spec = counter(
    "toolhold_changes_total",
    "",
    &["what"],
    "what became of staged changes; `what` is landed, refused, previewed, applied, undone, undo-refused or expired",
);
/// Secrets that came back.
pub const REDACTIONS: Spec = counter(
    "toolhold_secret_redactions_total",
    "",
    &["place"],
    "calls in which a known secret was found and taken out, by where it stood",
);
/// Runs that began.
pub const RUNS_STARTED: Spec = counter("toolhold_runs_started_total", "", &[], "runs that began, forks included");
/// Runs that ended.
pub const RUNS_ENDED: Spec = counter(
    "toolhold_runs_ended_total",
    "",
    &["end"],
    "runs that ended; `end` is completed, partial, failed, timed-out or cancelled",
);
/// How long runs took.
pub const RUN_DURATION: Spec = histogram(
    "toolhold_run_duration_seconds",
    "seconds",
    &["end"],
    "time that a run was worked on, from its begin to its end",
);
/// Runs that wait for a person.
pub const RUNS_DEAD: Spec =
    counter("toolhold_runs_dead_lettered_total", "", &[], "runs that failed for good and are kept for a person");
/// What models were asked.
pub const MODEL_REQUESTS: Spec = counter(
    "toolhold_model_requests_total",
    "",
    &["model", "outcome"],
    "requests to models; `outcome` is `answered` or `failed`",
);
/// Models that were given up.
pub const MODEL_FALLBACKS: Spec = counter(
    "toolhold_model_fallbacks_total",
    "",
    &["model"],
    "times that a run gave this model up and went on with the next",
);
/// Tokens.
pub const MODEL_TOKENS: Spec = counter(
    "toolhold_model_tokens_total",
    "",
    &["model", "kind"],
    "tokens; `kind` is input, output, or cached for those of the input that the provider had kept",
);
/// Money.
pub const MODEL_COST: Spec =
    counter("toolhold_model_cost_dollars_total", "dollars", &["model"], "what turns cost, of models that have prices");
/// Changes of breakers.
pub const BREAKER_TURNS: Spec = counter(
    "toolhold_breaker_turns_total",
    "",
    &["kind", "turned"],
    "changes of breakers; `kind` is tool, host, model or server, `turned` is opened, half-opened or closed",
);
/// Breakers of tools, models and servers.
pub const BREAKER_STATE: Spec = gauge(
    "toolhold_breaker_state",
    "",
    &["dependency"],
    "breakers of tools, models and servers that remember a fault: 0 is closed, 1 half-open, 2 open",
);
/// Breakers that are open.
pub const BREAKERS_OPEN: Spec = gauge(
    "toolhold_breakers_open",
    "",
    &["kind"],
    "breakers that let nothing through; `kind` is tool, host, model or server",
);
/// What became of approvals.
pub const APPROVALS: Spec = counter(
    "toolhold_approvals_total",
    "",
    &["what"],
    "questions to people; `what` is asked, granted, rejected, modified, expired, used or withdrawn",
);
/// Approvals that wait.
pub const APPROVALS_WAITING: Spec = gauge("toolhold_approvals_waiting", "", &[], "questions that wait for a person");
/// Callers that were not let in.
pub const REFUSED: Spec = counter(
    "toolhold_access_refused_total",
    "",
    &["code"],
    "requests to the server with a token that does not let them in; `code` is unauthorized, forbidden or other",
);
/// The size of the journal.
pub const JOURNAL_SIZE: Spec =
    gauge("toolhold_journal_size_bytes", "bytes", &["file"], "size of the journal; `file` is `database` or `log`");
/// What waits for the journal.
pub const JOURNAL_QUEUE: Spec =
    gauge("toolhold_journal_queue", "", &[], "commands that wait to be written to the journal");
/// The journal cannot be written.
pub const JOURNAL_FAILING: Spec =
    gauge("toolhold_journal_failing", "", &[], "1 while the journal cannot be written: calls that may act fail");
/// The end of the audit.
pub const AUDIT_ENTRIES: Spec = gauge(
    "toolhold_audit_entries",
    "",
    &[],
    "number of the last entry of the audit that was written since the process began",
);
/// Who follows by SSE.
pub const STREAM_CLIENTS: Spec = gauge("toolhold_stream_clients", "", &[], "clients that follow events as a stream");
/// What telemetry itself missed.
pub const MISSED: Spec = counter(
    "toolhold_telemetry_missed_total",
    "",
    &[],
    "journal notes that telemetry was too slow for: counts of that time are too low",
);
/// Which program.
pub const BUILD: Spec = gauge("toolhold_build_info", "", &["version"], "always 1; `version` is that of the program");

/// All of them, in the order of the documentation.
pub const ALL: &[&Spec] = &[
    &CALLS,
    &CALL_DURATION,
    &STAGE_DURATION,
    &CALLS_OPEN,
    &CALL_FUEL,
    &CALL_MEMORY,
    &RETRIES,
    &FALLBACKS,
    &DENIALS,
    &INVALID,
    &TURNED_AWAY,
    &UNKNOWN,
    &RESOLVED,
    &CHANGES,
    &REDACTIONS,
    &RUNS_STARTED,
    &RUNS_ENDED,
    &RUN_DURATION,
    &RUNS_DEAD,
    &MODEL_REQUESTS,
    &MODEL_FALLBACKS,
    &MODEL_TOKENS,
    &MODEL_COST,
    &BREAKER_TURNS,
    &BREAKER_STATE,
    &BREAKERS_OPEN,
    &APPROVALS,
    &APPROVALS_WAITING,
    &REFUSED,
    &JOURNAL_SIZE,
    &JOURNAL_QUEUE,
    &JOURNAL_FAILING,
    &AUDIT_ENTRIES,
    &STREAM_CLIENTS,
    &MISSED,
    &BUILD,
];

/// The table of the documentation.
#[must_use]
pub fn table() -> String {
    let mut out = "| metric | kind | labels | what it says |\n|---|---|---|---|\n".to_owned();
    for spec in ALL {
        let labels: Vec<String> = spec.labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a String cannot fail.
        let _infallible =
            writeln!(out, "| `{}` | {} | {} | {} |", spec.name, spec.kind.as_str(), labels.join(", "), spec.help);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        let mut seen = std::collections::BTreeSet::new();
        for spec in ALL {
            assert!(seen.insert(spec.name), "{} is there twice", spec.name);
            assert!(spec.name.starts_with("toolhold_"), "{}", spec.name);
            let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(is_word(spec.name) && spec.labels.iter().all(|label| is_word(label)), "{}", spec.name);
            assert_eq!(spec.kind == Kind::Counter, spec.name.ends_with("_total"), "{}", spec.name);
            let stem = spec.name.trim_end_matches("_total");
            assert!(stem.ends_with(spec.unit), "{} does not end with its unit {}", spec.name, spec.unit);
            assert!(!spec.help.ends_with('.') && !spec.help.contains(['|', '\n', '\\']), "{}", spec.name);
        }
        assert_eq!(
            [CALLS.base(), CALL_MEMORY.base(), MODEL_COST.base()],
            ["toolhold_calls", "toolhold_call_memory", "toolhold_model_cost"]
        );
    }

    /// `TOOLHOLD_BLESS=1` writes the table anew.
    #[test]
    fn the_documentation_has_every_metric() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/telemetry.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (before, rest) = page.split_once("<!-- metrics -->\n").unwrap();
        let (found, after) = rest.split_once("<!-- end of metrics -->\n").unwrap();
        if std::env::var_os("TOOLHOLD_BLESS").is_some() {
            std::fs::write(path, format!("{before}<!-- metrics -->\n{}<!-- end of metrics -->\n{after}", table()))
                .unwrap();
            return;
        }
        assert_eq!(found, table(), "run this test with TOOLHOLD_BLESS=1");
    }
}
