//! What happens during a run: one enum, recorded once, folded into the run, rendered in many ways.
//!
//! Each event that moves the run names its transition ([`RunEvent::step`]); the machine applies it to the table of states
//! before anyone hears of it. Events are stored: names and fields stay, new ones are added with defaults. Texts in them come
//! from models and tools: escape them before showing.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::limits::{RunLimit, RunLimits};
use super::reflect::Verdict;
use super::report::{CallSummary, FailureSummary, Reason};
use super::tool::ToolSpec;
use super::turn::{Identity, Retry, Turn};
use crate::call::Mode;
use crate::cost::Prices;
use crate::id::{ApprovalId, CallId, Digest, IdempotencyKey, Label, RunId};
use crate::state::{Event as Step, State};

/// Version of the form in which events are written.
pub const VERSION: u32 = 1;

/// An event with its place in the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Time that the run has worked until then; what passes while nobody works on it does not count.
    #[serde(rename = "milliseconds", with = "super::milliseconds")]
    pub elapsed: Duration,
    /// Where the run is after it.
    pub state: State,
    /// What happened.
    #[serde(flatten)]
    pub event: RunEvent,
}

/// Everything that a run begins with. With it and the events after it, the run can be put together again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Always [`VERSION`]: another one is not understood.
    pub version: u32,
    /// Which run.
    pub run: RunId,
    /// Whose run it is: quotas and health are told apart by it.
    #[serde(default = "local", skip_serializing_if = "is_local")]
    pub agent: String,
    /// On whose behalf, where that is not the operator: what people approve for one is not another's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What is to be done, in words.
    pub task: String,
    /// Whether effects land.
    pub mode: Mode,
    /// What will be asked, the first choice first.
    pub models: Vec<Identity>,
    /// What each of them costs, where that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<Option<Prices>>,
    /// The tools that the model is told of.
    pub tools: Vec<ToolSpec>,
    /// How far it may go.
    pub limits: RunLimits,
    /// The manifest that applied when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
    /// The JSON Schema that the answer has to conform to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_schema: Option<Value>,
}

impl Start {
    /// Who asks people, as it is shown and told apart. No name of an agent has an `@`.
    #[must_use]
    pub fn asker(&self) -> String {
        match &self.by {
            Some(by) => format!("{}@{by}", self.agent),
            None => self.agent.clone(),
        }
    }
}

/// The agent of a run that names none.
pub const LOCAL: &str = "local";

fn local() -> String {
    LOCAL.to_owned()
}

fn is_local(agent: &str) -> bool {
    agent == LOCAL
}

/// From where a dead run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequeueAt {
    /// With the next turn of the model.
    Turn,
    /// With the call whose outcome was not known.
    Call,
}

/// What happened. Grows; names and fields stay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RunEvent {
    /// The run began.
    RunStarted(Box<Start>),
    /// Somebody works on the run again, after whoever did before was stopped.
    RunResumed {
        /// What will be asked from here on, where that is not what it was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        models: Option<Vec<Identity>>,
        /// What each of those costs, where that is known.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        prices: Vec<Option<Prices>>,
        /// Budgets begin anew: it is another run from here on.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        fresh: bool,
    },
    /// A request went to the model.
    ModelAsked {
        /// The turn, from 1.
        turn: u32,
        /// The attempt at it, from 1.
        attempt: u32,
        /// Which model of the chain, from 0.
        #[serde(default)]
        model: usize,
        /// Whether it may ask for tools: not so for the last answer.
        with_tools: bool,
    },
    /// A piece of the model's text arrived. Void if the turn is retried. Never stored.
    TextArrived {
        /// The piece.
        text: String,
    },
    /// The model's turn is there.
    ModelAnswered {
        /// The turn, from 1.
        turn: u32,
        /// What it says.
        answer: Turn,
    },
    /// The model gave no turn.
    ModelFailed {
        /// What went wrong.
        code: String,
        /// The same in words.
        message: String,
        /// Whether asking again can help.
        retry: Retry,
        /// It costs nothing: the request was not sent, or was refused.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unpaid: bool,
    },
    /// The model will be asked again.
    ModelRetryScheduled {
        /// Why.
        code: String,
        /// The same in words.
        message: String,
        /// How long until then.
        #[serde(rename = "wait_milliseconds", with = "super::milliseconds")]
        wait: Duration,
    },
    /// A model of the chain was given up, and the next one will be asked.
    ModelFellBack {
        /// The one that was given up, from 0.
        from: usize,
        /// The one that is asked from here on.
        to: usize,
        /// Why.
        code: String,
        /// The same in words.
        message: String,
    },
    /// The time of the run was over while something was being waited for.
    TimeRanOut,
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
        /// Under which it is the same call, whoever makes it again. None in a dry run, which leaves nothing to repeat.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<IdempotencyKey>,
    },
    /// A call came back.
    CallReturned {
        /// What came of it.
        call: CallSummary,
        /// What the model is shown of it.
        content: String,
        /// What is said of the data that it has read: later calls of the run are judged by it.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        labels: BTreeSet<Label>,
    },
    /// The call did not begin: a person has to decide first. What passes until then is no time of the run.
    ApprovalRequested {
        /// The turn, from 1.
        turn: u32,
        /// The tool.
        tool: String,
        /// What the person is asked.
        approval: ApprovalId,
    },
    /// A person let the call be made: it is made now.
    ApprovalGranted {
        /// What the person was asked.
        approval: ApprovalId,
    },
    /// The call is not made.
    ApprovalRefused {
        /// The turn, from 1.
        turn: u32,
        /// The tool.
        tool: String,
        /// What the person was asked.
        approval: ApprovalId,
        /// What the model is told.
        failure: FailureSummary,
    },
    /// The model was shown a part of an earlier result. Nothing ran.
    PartShown {
        /// The turn, from 1.
        turn: u32,
        /// The id of the call that had the result.
        id: String,
        /// The byte that it begins with.
        start: u64,
    },
    /// The model is asked to look back.
    ReflectionStarted,
    /// It has.
    ReflectionEnded {
        /// What it thinks of it.
        verdict: Verdict,
    },
    /// The run went back to where it was when the model looked back last, or could not.
    WentBack {
        /// The calls whose changes were to be taken back, the latest first.
        calls: Vec<CallId>,
        /// Why not, if they were not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
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
    /// A person said something to the model between two turns.
    PersonNoted {
        /// What.
        text: String,
    },
    /// The caller gave up.
    CancelRequested,
    /// The run is over.
    RunEnded {
        /// Which end.
        end: State,
        /// The model's last text, if there is any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
        /// Why it is not completed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// The run failed for good, and is kept for a person to look at.
    DeadLettered,
    /// A person lets a dead run go on, with fresh budgets.
    Requeued {
        /// From where.
        at: RequeueAt,
    },
    /// A person decided that a dead run stays dead.
    Discarded,
}

impl RunEvent {
    /// The transition that it is; `None` for what moves nothing.
    #[must_use]
    pub fn step(&self) -> Option<Step> {
        Some(match self {
            Self::RunStarted(_) => Step::Initialized,
            Self::ModelAsked { .. } => Step::ModelAsked,
            Self::ModelAnswered { .. } => Step::ModelAnswered,
            Self::ModelRetryScheduled { .. } | Self::ModelFellBack { .. } => Step::ModelRetryScheduled,
            Self::CallRejected { .. } => Step::CallRejected,
            Self::CallStarted { .. } => Step::CallStarted,
            Self::CallReturned { .. } => Step::CallReturned,
            Self::ApprovalRequested { .. } => Step::ApprovalRequested,
            Self::ApprovalGranted { .. } => Step::ApprovalGranted,
            Self::ApprovalRefused { .. } => Step::ApprovalRefused,
            Self::PartShown { .. } => Step::PartShown,
            Self::ReflectionStarted => Step::ReflectionStarted,
            Self::ReflectionEnded { .. } => Step::ReflectionEnded,
            Self::TurnSettled { .. } => Step::TurnSettled,
            Self::LimitReached { .. } => Step::LimitReached,
            Self::DeadLettered => Step::DeadLettered,
            Self::Requeued { at: RequeueAt::Turn } => Step::Requeued,
            Self::Requeued { at: RequeueAt::Call } => Step::CallRequeued,
            Self::Discarded => Step::Discarded,
            Self::RunEnded { end, .. } => match end {
                State::Completed => Step::Completed,
                State::Partial => Step::EndedPartial,
                State::TimedOut => Step::TimedOut,
                State::Cancelled => Step::Cancelled,
                _ => Step::Failed,
            },
            Self::RunResumed { .. }
            | Self::TextArrived { .. }
            | Self::ModelFailed { .. }
            | Self::TimeRanOut
            | Self::PersonNoted { .. }
            | Self::WentBack { .. }
            | Self::CancelRequested => return None,
        })
    }

    /// Whether it belongs to the run: a piece of text is shown as it comes, and the whole answer is stored.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        !matches!(self, Self::TextArrived { .. })
    }
}
