//! Runs: one as a whole, its steps, what it was after one of them, and one that failed for good.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolhold_core::call::Mode;
use toolhold_core::effect::EffectReport;
use toolhold_core::id::RunId;
use toolhold_core::run::{Machine, Message, Next, RunReport};
use toolhold_core::state::State;
use utoipa::ToSchema;

use super::schema;
use crate::journal::{self, Origin, Reader, RunEventRecord, RunRecord};
use crate::runs::{Error, Past};

/// A run, and what it came to so far.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Run)]
pub(crate) struct Whole {
    /// What is stored of it.
    #[schema(value_type = schema::RunRecord)]
    pub(crate) run: RunRecord,
    /// What it came to so far; null where its steps were removed because it is too old.
    #[schema(value_type = Option<schema::RunReport>)]
    pub(crate) report: Option<RunReport>,
    /// The server works on it, or it waits for its turn.
    pub(crate) at_work: bool,
    /// Of a dry run that ended lately, everything that it would have changed.
    #[schema(value_type = Option<schema::EffectReport>)]
    pub(crate) effects: Option<EffectReport>,
}

/// One step of a run. Beside these fields it has those of its `event`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunStep {
    /// Its number, from 1.
    pub(crate) step: u64,
    /// When it happened, in microseconds since 1970.
    pub(crate) at: u64,
    /// How long the run had worked by then.
    pub(crate) milliseconds: u64,
    /// Where the run is after it.
    #[schema(value_type = schema::RunState)]
    pub(crate) state: State,
    /// What happened: `run-started`, `model-answered`, `call-returned` …
    pub(crate) event: String,
    /// What else is known of it. Texts come from models and tools: escape before showing.
    #[serde(flatten)]
    pub(crate) more: BTreeMap<String, Value>,
}

/// A step as its text has it.
#[derive(Deserialize)]
struct Body {
    milliseconds: u64,
    state: State,
    event: String,
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}

impl RunStep {
    /// Reads the text of a step.
    pub(crate) fn of(run: &RunId, record: &RunEventRecord) -> Result<Self, Error> {
        let Body { milliseconds, state, event, more } = serde_json::from_str(&record.body)
            .map_err(|error| Error::Damaged { run: run.clone(), step: record.step, why: error.to_string() })?;
        Ok(Self { step: record.step, at: record.at, milliseconds, state, event, more })
    }
}

/// What a run was after one of its steps.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StateAt {
    /// The number of the step.
    pub(crate) step: u64,
    /// The last step up to this one at which a fork can begin.
    pub(crate) checkpoint: u64,
    /// What it had come to.
    #[schema(value_type = schema::RunReport)]
    pub(crate) report: RunReport,
    /// The conversation. Any text: escape before showing.
    #[schema(value_type = Vec<schema::Message>)]
    pub(crate) messages: Vec<Message>,
    /// What was next, in words.
    pub(crate) next: String,
}

impl StateAt {
    pub(crate) fn of(machine: &Machine) -> Self {
        Self {
            step: machine.steps(),
            checkpoint: machine.checkpoint(),
            report: machine.report(),
            messages: machine.messages().to_vec(),
            next: next_in_words(machine),
        }
    }
}

/// What a run does next.
fn next_in_words(machine: &Machine) -> String {
    match machine.next(machine.elapsed()) {
        Next::Note(_) => "take down what follows from this".to_owned(),
        Next::Ask(ask) => format!("ask model {} for turn {}", ask.model + 1, ask.turn),
        Next::Call(call) if call.is_started => format!("find out what became of the call of {}", call.tool),
        Next::Call(call) => format!("call {}", call.tool),
        Next::Await(pending) => {
            format!("wait for a person to decide on {} (approval {})", pending.tool, pending.approval)
        }
        Next::Undo(calls) => format!("take back what {} calls changed", calls.len()),
        Next::Wait(wait) => format!("wait for {:.1}s", wait.as_secs_f64()),
        Next::Over => "nothing: it is over".to_owned(),
    }
}

/// A dead letter, and why it is one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeadLetter {
    /// Which run.
    #[schema(value_type = String)]
    pub(crate) run: RunId,
    /// What is to be done. Any text: escape before showing.
    pub(crate) task: String,
    /// Whether effects land.
    #[schema(value_type = schema::Mode)]
    pub(crate) mode: Mode,
    /// Where it is: `dead-lettered`.
    #[schema(value_type = schema::RunState)]
    pub(crate) state: State,
    /// How many steps it has.
    pub(crate) steps: u64,
    /// What it was forked from.
    #[schema(value_type = Option<schema::Origin>)]
    pub(crate) origin: Option<Origin>,
    /// When it began, in microseconds since 1970.
    pub(crate) started_at: u64,
    /// When its last step happened.
    pub(crate) changed_at: u64,
    /// Its steps were removed.
    pub(crate) expired: bool,
    /// Why it failed. Any text: escape before showing.
    pub(crate) reason: String,
}

/// The dead letters, newest first.
pub(crate) fn dead_letters(reader: &Reader, limit: u32) -> Result<Vec<DeadLetter>, journal::Error> {
    let dead = Past::dead(reader, limit)?;
    Ok(dead.into_iter().map(|record| dead_letter(reader, record)).collect())
}

fn dead_letter(reader: &Reader, record: RunRecord) -> DeadLetter {
    let report = Past::of(reader, &record.run).and_then(|past| past.machine()).map(|machine| machine.report());
    let reason = match report {
        Ok(report) => report.reason.map(|reason| reason.to_string()).unwrap_or_default(),
        Err(error) => error.to_string(),
    };
    let RunRecord { run, task, mode, state, steps, origin, started_at, changed_at, expired } = record;
    DeadLetter { run, task, mode, state, steps, origin, started_at, changed_at, expired, reason }
}
