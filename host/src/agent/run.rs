//! One run: perceive, decide, act, until there is an answer or a reason why there is none.
//!
//! Every event goes through [`Run::record`], which applies it to the table of states before anyone hears of it: there is
//! no other way to move a run. A durable run has its journal there. What ends a run is a [`Stop`], returned like an error
//! from wherever it is found; [`Run::end`] is the one place that turns it into a report.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use toolhold_core::call::Mode;
use toolhold_core::id::RunId;
use toolhold_core::outcome::Class;
use toolhold_core::state::State;

use super::clock::Clock;
use super::event::{Occurrence, RunEvent};
use super::guard::Guard;
use super::intake::Intake;
use super::limits::{RunLimit, RunLimits};
use super::message::Message;
use super::model::{self, Finish, Model, Tokens, Turn};
use super::names::Names;
use super::prompt;
use super::report::{CallSummary, FailureSummary, Reason, RunReport};
use super::tools::{ToolSpec, Tools};

/// Runs tasks with a set of tools.
pub struct Agent<'a, T> {
    /// What can be called.
    pub tools: &'a T,
    /// How far a run may go.
    pub limits: RunLimits,
    /// What measures time.
    pub clock: Arc<dyn Clock>,
    /// Ends the run when it fires.
    pub cancel: CancellationToken,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Task {
    /// The name of the run.
    pub run: RunId,
    /// What is to be done, in words.
    pub text: String,
    /// Whether effects land.
    pub mode: Mode,
}

/// Who hears of events, at once and in order. Must not block.
pub type Observer<'a> = &'a mut (dyn FnMut(&Occurrence) + Send);

impl<T: Tools> Agent<'_, T> {
    /// Works on `task` with `model` until an end. Never fails: how it went is in the report.
    pub async fn run(&self, model: &mut dyn Model, task: Task, observer: Observer<'_>) -> RunReport {
        let specs = self.tools.specs();
        let mut run = Run {
            agent: self,
            started: self.clock.now(),
            state: State::Initializing,
            names: Names::of(&specs),
            specs,
            messages: vec![Message::System(prompt::SYSTEM.into()), Message::User(task.text.clone())],
            intake: Intake::default(),
            guard: Guard::default(),
            turns: 0,
            tokens: Tokens::default(),
            served_by: None,
            calls: Vec::new(),
            rejected: 0,
            model,
            task,
            observer,
        };
        match run.work().await {
            Ok(never) => match never {},
            Err(stop) => run.end(stop).await,
        }
    }
}

/// A run in progress.
pub(super) struct Run<'a, T> {
    pub(super) agent: &'a Agent<'a, T>,
    pub(super) model: &'a mut dyn Model,
    pub(super) observer: Observer<'a>,
    pub(super) task: Task,
    pub(super) started: Duration,
    pub(super) state: State,
    pub(super) names: Names,
    pub(super) specs: Vec<ToolSpec>,
    pub(super) messages: Vec<Message>,
    pub(super) intake: Intake,
    pub(super) guard: Guard,
    pub(super) turns: u32,
    pub(super) tokens: Tokens,
    pub(super) served_by: Option<String>,
    pub(super) calls: Vec<CallSummary>,
    pub(super) rejected: u32,
}

/// What ends the work.
#[derive(Debug)]
pub(super) enum Stop {
    /// The model answered.
    Answered(String),
    /// The model's answer lacks its end.
    Cut(String),
    /// The provider withheld the rest of this.
    Filtered(String),
    /// A limit: there will be a last answer.
    Limit(RunLimit),
    /// The model gave no turn.
    Model { error: model::Error, attempts: usize },
    /// There is no use in going on.
    Vain(Reason),
    /// The caller gave up.
    Cancelled,
    /// The table of states refused an event.
    Defect(String),
}

impl<T: Tools> Run<'_, T> {
    async fn work(&mut self) -> Result<std::convert::Infallible, Stop> {
        let (run, model) = (self.task.run.clone(), self.model.identity().clone());
        self.record(RunEvent::RunStarted { run, model, tools: self.specs.len() })?;
        loop {
            self.within_limits()?;
            let turn = self.ask(true, self.started + self.agent.limits.time).await?;
            self.judge(turn).await?;
            self.record(RunEvent::TurnSettled { turn: self.turns })?;
        }
    }

    fn within_limits(&self) -> Result<(), Stop> {
        let limits = &self.agent.limits;
        match () {
            () if self.agent.cancel.is_cancelled() => Err(Stop::Cancelled),
            () if self.elapsed() >= limits.time => Err(Stop::Limit(RunLimit::Time)),
            () if self.turns >= limits.iterations => Err(Stop::Limit(RunLimit::Iterations)),
            () if self.tokens.total() >= limits.tokens_per_run => Err(Stop::Limit(RunLimit::TokensPerRun)),
            () => Ok(()),
        }
    }

    /// Decides what a turn is, and acts on it.
    async fn judge(&mut self, turn: Turn) -> Result<(), Stop> {
        let is_empty = turn.text.trim().is_empty();
        match turn.finish {
            Finish::ContentFilter => Err(Stop::Filtered(turn.text)),
            _ if !turn.calls.is_empty() => self.act(turn).await,
            _ if is_empty => self.unusable(turn.text, "empty-turn", prompt::EMPTY),
            Finish::Length => Err(Stop::Cut(turn.text)),
            Finish::ToolCalls => self.unusable(turn.text, "missing-call", prompt::NO_CALL),
            Finish::Stop | Finish::Other(_) => Err(Stop::Answered(turn.text)),
        }
    }

    /// Tells the model that its turn was of no use.
    fn unusable(&mut self, text: String, code: &str, note: &str) -> Result<(), Stop> {
        if !text.trim().is_empty() {
            self.messages.push(Message::Assistant { text, calls: Vec::new() });
        }
        self.messages.push(Message::User(note.into()));
        let failure = FailureSummary { class: Class::InvalidArguments, code: code.into(), message: note.into() };
        self.reject(String::new(), failure.clone())?;
        self.useless_turn(&failure.message)
    }

    /// Counts a turn that brought nothing, and ends the run when there were too many in a row.
    pub(super) fn useless_turn(&mut self, last: &str) -> Result<(), Stop> {
        let turns = self.guard.useless_turn();
        if turns > self.agent.limits.repairs {
            return Err(Stop::Vain(Reason::Unrepaired { turns, last: last.to_owned() }));
        }
        Ok(())
    }

    pub(super) fn reject(&mut self, tool: String, failure: FailureSummary) -> Result<(), Stop> {
        self.rejected = self.rejected.saturating_add(1);
        self.record(RunEvent::CallRejected { turn: self.turns, tool, failure })
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.agent.clock.now().saturating_sub(self.started)
    }

    /// Applies an event to the run and tells the observer.
    pub(super) fn record(&mut self, event: RunEvent) -> Result<(), Stop> {
        if let Some(step) = event.step() {
            self.state = self.state.apply(step).map_err(|refused| Stop::Defect(refused.to_string()))?;
        }
        let occurrence = Occurrence { elapsed: self.elapsed(), state: self.state, event };
        (self.observer)(&occurrence);
        Ok(())
    }

    async fn end(mut self, stop: Stop) -> RunReport {
        let (end, answer, reason) = match stop {
            Stop::Limit(limit) => self.last_answer(limit).await,
            other => self.outcome(other),
        };
        let answer = answer.filter(|answer| !answer.trim().is_empty());
        let mut reason = reason;
        if let Err(Stop::Defect(message)) = self.record(RunEvent::RunEnded { end, reason: reason.clone() }) {
            (self.state, reason) = (State::Failed, Some(Reason::Defect { message }));
        }
        let elapsed = self.elapsed();
        RunReport {
            run: self.task.run,
            state: self.state,
            answer,
            reason,
            model: self.model.identity().clone(),
            served_by: self.served_by,
            turns: self.turns,
            tokens: self.tokens,
            calls: self.calls,
            rejected: self.rejected,
            elapsed,
        }
    }

    fn outcome(&self, stop: Stop) -> (State, Option<String>, Option<Reason>) {
        match stop {
            Stop::Answered(text) => (State::Completed, Some(text), None),
            Stop::Cut(text) => {
                let words = RunLimit::TokensPerTurn.in_words(&self.agent.limits);
                (State::Partial, Some(text), Some(Reason::Cut { words }))
            }
            Stop::Filtered(text) => (State::Failed, Some(text), Some(Reason::ContentFilter)),
            Stop::Model { error, attempts } => {
                let (code, message) = (error.code().to_owned(), error.to_string());
                (State::Failed, None, Some(Reason::Model { code, message, attempts }))
            }
            Stop::Vain(reason) => (State::Failed, None, Some(reason)),
            Stop::Cancelled => (State::Cancelled, None, Some(Reason::Cancelled)),
            Stop::Defect(message) => (State::Failed, None, Some(Reason::Defect { message })),
            Stop::Limit(limit) => (State::Failed, None, Some(self.limit_reason(limit, None))),
        }
    }

    fn limit_reason(&self, limit: RunLimit, no_answer: Option<String>) -> Reason {
        Reason::Limit { limit, words: limit.in_words(&self.agent.limits), no_answer }
    }

    /// Asks once more, without tools, for what there is.
    async fn last_answer(&mut self, limit: RunLimit) -> (State, Option<String>, Option<Reason>) {
        let (limits, now) = (&self.agent.limits, self.agent.clock.now());
        self.messages.push(Message::User(prompt::last_answer(limit, limits)));
        let asked = match self.record(RunEvent::LimitReached { limit }) {
            Ok(()) => self.ask(false, now + limits.last_answer_time).await,
            Err(stop) => Err(stop),
        };
        let without = |this: &Self, why: String| {
            let end = if limit == RunLimit::Time { State::TimedOut } else { State::Failed };
            (end, None, Some(this.limit_reason(limit, Some(why))))
        };
        match asked {
            // Calls in it are not looked at: there are no tools any more.
            Ok(turn) if turn.finish != Finish::ContentFilter && !turn.text.trim().is_empty() => {
                (State::Partial, Some(turn.text), Some(self.limit_reason(limit, None)))
            }
            Ok(_) => without(self, "the model was asked for a last answer and gave no text".into()),
            Err(Stop::Model { error, .. }) => without(self, error.to_string()),
            Err(Stop::Limit(_)) => without(self, "the model gave no last answer in time".into()),
            Err(other) => self.outcome(other),
        }
    }
}
