//! What a run came to, in the form in which it is shown and stored.
//!
//! Everything here can be said aloud: no arguments, no results, no detail that only the operator may know.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limits::RunLimit;
use super::turn::{Identity, Kind, Tokens};
use crate::id::{CallId, RunId};
use crate::outcome::{CallReport, Class, Outcome};
use crate::state::State;

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// Which run.
    pub run: RunId,
    /// Where it is: `completed`, `partial`, `failed`, `timed-out`, `cancelled` or `dead-lettered` once it is over.
    pub state: State,
    /// The model's last text, whole only if `completed`. Any text: escape before showing.
    pub answer: Option<String>,
    /// Why it is not completed.
    pub reason: Option<Reason>,
    /// The model that answers at present: the first of the chain, or one that it fell back on.
    pub model: Identity,
    /// What the provider says that answered.
    pub served_by: Option<String>,
    /// Turns of the model, the last answer included.
    pub turns: u32,
    /// Tokens over all turns.
    pub tokens: Tokens,
    /// What they cost, in millionths of a dollar: of the models that have prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micro_dollars: Option<u64>,
    /// The calls that reached the host, in order.
    pub calls: Vec<CallSummary>,
    /// The calls that did not: unknown tools, unusable arguments and the like.
    pub rejected: u32,
    /// From start to end.
    #[serde(rename = "milliseconds", with = "super::milliseconds")]
    pub elapsed: Duration,
}

impl RunReport {
    /// Whether any model was called. Not so for scripted runs.
    #[must_use]
    pub fn called_a_model(&self) -> bool {
        self.model.kind == Kind::Remote
    }
}

/// One call that reached the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSummary {
    /// The turn that asked for it, from 1.
    pub turn: u32,
    /// The journal's name for it; `None` where it did not come back in time.
    pub call: Option<CallId>,
    /// The tool.
    pub tool: String,
    /// What came of it; `None` is success.
    pub failure: Option<FailureSummary>,
    /// It is the stored outcome of an earlier call; nothing ran.
    pub replayed: bool,
}

/// Why a call did not succeed, in the words that the model was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureSummary {
    /// What kind.
    pub class: Class,
    /// The stable code.
    pub code: String,
    /// Any text: escape before showing.
    pub message: String,
}

impl CallSummary {
    /// What came of the call of that turn.
    #[must_use]
    pub fn of(turn: u32, report: &CallReport) -> Self {
        let failure = match &report.outcome {
            Outcome::Success(_) => None,
            Outcome::Failure(failure) => Some(FailureSummary {
                class: failure.class,
                code: failure.code.clone(),
                message: failure.message.clone(),
            }),
        };
        Self { turn, call: Some(report.call.clone()), tool: report.tool.clone(), failure, replayed: report.replayed }
    }
}

/// Why a run is not completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reason {
    /// A limit was reached.
    #[error("the run reached its limit of {words}")]
    Limit {
        /// Which one.
        limit: RunLimit,
        /// The limit and its number.
        words: String,
        /// Why there is no answer, where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        no_answer: Option<String>,
    },
    /// The answer was cut off.
    #[error("the answer was cut at {words}")]
    Cut {
        /// The limit and its number.
        words: String,
    },
    /// The answer does not conform to the schema that the task has for it.
    #[error("the answer is not what was asked for: {problem}")]
    NotAsAsked {
        /// Where, and what is wrong. Any text: escape before showing.
        problem: String,
    },
    /// The provider withheld an answer.
    #[error("the model's provider withheld the answer (content filter)")]
    ContentFilter,
    /// The model gave no turn.
    #[error("{message}")]
    Model {
        /// The stable code.
        code: String,
        /// What went wrong. Any text: escape before showing.
        message: String,
        /// How often it was tried.
        attempts: usize,
    },
    /// The model did not repair what it was told to.
    #[error("the model gave {turns} unusable turns in a row; the last error was: {last}")]
    Unrepaired {
        /// How many.
        turns: u32,
        /// The last error. Any text: escape before showing.
        last: String,
    },
    /// The model repeated what it was denied.
    #[error("the model asked {times} times for the same denied call of `{tool}`: {message}")]
    Denied {
        /// How often.
        times: u32,
        /// The tool.
        tool: String,
        /// What the model was told. Any text: escape before showing.
        message: String,
    },
    /// Nobody knows what a call did, and a person has to find out.
    #[error("nobody knows what the call of `{tool}` did: {message}")]
    Unknown {
        /// The tool.
        tool: String,
        /// What is known. Any text: escape before showing.
        message: String,
    },
    /// The run was cut off again and again without getting any further.
    #[error("the run was cut off {times} times at the same place")]
    CutOff {
        /// How often.
        times: u32,
    },
    /// The caller gave up.
    #[error("the run was cancelled")]
    Cancelled,
    /// The host did what its own table of states refuses. A defect of this program.
    #[error("defect: {message}; please report it")]
    Defect {
        /// What was refused.
        message: String,
    },
}
