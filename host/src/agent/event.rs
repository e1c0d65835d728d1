//! What happens during a run: one enum, recorded once, rendered in many ways.
//!
//! Each event that moves the run names its transition ([`RunEvent::step`]); the run applies it to the table before anyone
//! hears of it. Texts in events come from models and tools: escape them before showing.

use std::time::Duration;

use serde::Serialize;
use toolhold_core::id::RunId;
use toolhold_core::state::{Event as Step, State};

use super::limits::RunLimit;
use super::model::{Finish, Identity, Tokens};
use super::report::{CallSummary, FailureSummary, Reason, milliseconds};

/// An event with its place in the run.
#[derive(Debug, Clone, Serialize)]
pub struct Occurrence {
    /// Time since the start of the run.
    #[serde(rename = "milliseconds", serialize_with = "milliseconds")]
    pub elapsed: Duration,
    /// Where the run is after it.
    pub state: State,
    /// What happened.
    #[serde(flatten)]
    pub event: RunEvent,
}

/// What happened. Grows; names and fields stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RunEvent {
    /// The run began.
    RunStarted {
        /// Which run.
        run: RunId,
        /// What will be asked; its kind says whether a model is called at all.
        model: Identity,
        /// How many tools the model is told of.
        tools: usize,
    },
    /// A request went to the model.
    ModelAsked {
        /// The turn, from 1.
        turn: u32,
        /// The attempt at it, from 1.
        attempt: usize,
        /// Whether it may ask for tools: not so for the last answer.
        with_tools: bool,
    },
    /// A piece of the model's text arrived. Void if the turn is retried.
    TextArrived {
        /// The piece.
        text: String,
    },
    /// The model's turn is there.
    ModelAnswered {
        /// The turn, from 1.
        turn: u32,
        /// Its whole text.
        text: String,
        /// How many calls it asks for.
        calls: usize,
        /// Why it ended.
        finish: Finish,
        /// What it cost.
        tokens: Tokens,
    },
    /// The model failed, and will be asked again.
    ModelRetryScheduled {
        /// What went wrong.
        code: String,
        /// The same in words.
        message: String,
        /// How long until then.
        #[serde(rename = "wait_milliseconds", serialize_with = "milliseconds")]
        wait: Duration,
    },
    /// A requested call did not reach the host, or the whole turn was unusable.
    CallRejected {
        /// The turn, from 1.
        turn: u32,
        /// The tool, as the model spelled it.
        tool: String,
        /// What the model is told.
        failure: FailureSummary,
    },
    /// A call went to the host.
    CallStarted {
        /// The turn, from 1.
        turn: u32,
        /// The tool.
        tool: String,
        /// JSON text of the arguments.
        arguments: String,
    },
    /// A call came back.
    CallReturned {
        /// What came of it.
        call: CallSummary,
    },
    /// Everything that the turn asked for has its result.
    TurnSettled {
        /// The turn, from 1.
        turn: u32,
    },
    /// A limit of the run was reached.
    LimitReached {
        /// Which one.
        limit: RunLimit,
    },
    /// The run is over.
    RunEnded {
        /// Which end.
        end: State,
        /// Why it is not completed.
        reason: Option<Reason>,
    },
}

impl RunEvent {
    /// The transition that it is; `None` for what moves nothing.
    #[must_use]
    pub fn step(&self) -> Option<Step> {
        Some(match self {
            Self::RunStarted { .. } => Step::Initialized,
            Self::ModelAsked { .. } => Step::ModelAsked,
            Self::TextArrived { .. } => return None,
            Self::ModelAnswered { .. } => Step::ModelAnswered,
            Self::ModelRetryScheduled { .. } => Step::ModelRetryScheduled,
            Self::CallRejected { .. } => Step::CallRejected,
            Self::CallStarted { .. } => Step::CallStarted,
            Self::CallReturned { .. } => Step::CallReturned,
            Self::TurnSettled { .. } => Step::TurnSettled,
            Self::LimitReached { .. } => Step::LimitReached,
            Self::RunEnded { end, .. } => match end {
                State::Completed => Step::Completed,
                State::Partial => Step::EndedPartial,
                State::TimedOut => Step::TimedOut,
                State::Cancelled => Step::Cancelled,
                State::DeadLettered => Step::DeadLettered,
                _ => Step::Failed,
            },
        })
    }
}
