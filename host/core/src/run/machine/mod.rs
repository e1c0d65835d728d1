//! The loop of an agent as a state machine: events in, what to do next out.
//!
//! [`Machine::apply`] takes what happened, [`Machine::next`] says what is to be done about it; neither does anything. The
//! same calls in the same order lead to the same place, live or read back from a journal. What ends a run is a [`Stop`],
//! found in many places and turned into the end of the run in one ([`ending`]).

mod act;
mod ask;
mod back;
mod ending;
mod seen;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde_json::Value;

use self::act::Acting;
use self::back::Mark;
use self::ending::{LastAnswer, Stop};
use super::event::{Occurrence, RequeueAt, RunEvent, Start, VERSION};
use super::guard::Guard;
use super::intake::Intake;
use super::limits::RunLimit;
use super::message::Message;
use super::names::Names;
use super::report::{CallSummary, FailureSummary, Reason};
use super::turn::{Identity, Tokens};
use super::{milliseconds, prompt};
use crate::cost::Prices;
use crate::id::{ApprovalId, CallId, IdempotencyKey, Label, ToolName};
use crate::state::{Refused, State};

/// How often a run may be cut off at one place before it is given up.
const MOST_RESUMES: u32 = 5;

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Take this as an event: nothing else is to be done for it.
    Note(RunEvent),
    /// Ask the model.
    Ask(Ask),
    /// Make this call.
    Call(PendingCall),
    /// Wait until a person has decided. What passes meanwhile is no time of the run.
    Await(PendingApproval),
    /// Take back what these calls changed, in this order.
    Undo(Vec<CallId>),
    /// Wait for so long.
    Wait(Duration),
    /// Nothing: the run is over.
    Over,
}

/// A request to a model. Take [`Ask::event`] as an event before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The turn, from 1.
    pub turn: u32,
    /// The attempt at it, from 1.
    pub attempt: u32,
    /// Which model of the chain, from 0.
    pub model: usize,
    /// Whether it may ask for tools.
    pub with_tools: bool,
    /// When the run has to have its answer, as time that the run has worked.
    pub deadline: Duration,
}

impl Ask {
    /// The event that the request is.
    #[must_use]
    pub fn event(&self) -> RunEvent {
        let Self { turn, attempt, model, with_tools, .. } = *self;
        RunEvent::ModelAsked { turn, attempt, model, with_tools }
    }
}

/// A call to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCall {
    /// The turn that asked for it, from 1.
    pub turn: u32,
    /// The tool.
    pub tool: String,
    /// JSON text of the arguments.
    pub arguments: String,
    /// Under which it is the same call, whoever makes it again.
    pub key: Option<IdempotencyKey>,
    /// It was started before, and whoever started it was stopped. Otherwise take [`PendingCall::event`] as an event first.
    pub is_started: bool,
    /// Somebody who was stopped may have made it.
    pub is_resumed: bool,
    /// When the run has to have its result, as time that the run has worked.
    pub deadline: Duration,
}

/// A call that a person decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingApproval {
    /// The turn that asked for the call, from 1.
    pub turn: u32,
    /// The tool.
    pub tool: String,
    /// What the person is asked.
    pub approval: ApprovalId,
}

impl PendingApproval {
    /// The event that a no is.
    #[must_use]
    pub fn refused(self, failure: FailureSummary) -> RunEvent {
        let Self { turn, tool, approval } = self;
        RunEvent::ApprovalRefused { turn, tool, approval, failure }
    }
}

impl PendingCall {
    /// The event that the start of the call is.
    #[must_use]
    pub fn event(&self) -> RunEvent {
        let (tool, arguments) = (self.tool.clone(), self.arguments.clone());
        RunEvent::CallStarted { turn: self.turn, tool, arguments, key: self.key.clone() }
    }
}

/// What the run is about.
#[derive(Debug, Clone)]
enum Phase {
    /// Between two turns.
    Deciding,
    /// A request is with the model.
    Asking,
    /// The model is left alone until then.
    Pausing(Duration),
    /// Something is to be taken down.
    Noting(Box<RunEvent>),
    /// The calls of a turn are made.
    Acting(Box<Acting>),
    /// The changes of calls are taken back.
    GoingBack,
    /// The run comes to its end.
    Ending(Box<Stop>),
    /// The run is over.
    Over,
}

/// Where the budgets of a run began.
#[derive(Debug, Clone, Copy, Default)]
struct Since {
    elapsed: Duration,
    turns: u32,
    tokens: u64,
    cost: u64,
    calls: usize,
}

/// Why a history is not one of a run.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It does not begin with the start of a run.
    #[error("the history does not begin with the start of a run")]
    NoStart,
    /// A newer version wrote it.
    #[error("the history has version {0}: use a newer toolhold")]
    Newer(u32),
    /// An event cannot follow those before it.
    #[error("step {step} cannot follow the ones before it: {refused}")]
    Refused {
        /// Its number, from 1.
        step: u64,
        /// What the table of states says.
        refused: Refused,
    },
}

/// A run, at some moment.
#[derive(Debug, Clone)]
pub struct Machine {
    start: Start,
    names: Names,
    state: State,
    phase: Phase,
    messages: Vec<Message>,
    /// Messages before this one are shown shortened.
    boundary: usize,
    /// Results that were too long to be shown at once, by the id of their call.
    long: HashMap<String, String>,
    intake: Intake,
    guard: Guard,
    /// The attempt at the turn that is asked for, or was last.
    attempt: u32,
    last: Option<LastAnswer>,
    /// The model looks back.
    is_reflecting: bool,
    /// Why it wants to go back.
    regret: String,
    /// To where it can go back.
    mark: Mark,
    /// The calls with which the way from there began, and in which turn.
    way: Vec<(ToolName, Value)>,
    way_turn: u32,
    /// What was half done when the run ended.
    held: Option<Box<Acting>>,
    since: Since,
    /// How many events there were.
    steps: u64,
    /// The step after which nothing was half done, last.
    checkpoint: u64,
    resumes: u32,
    /// It was taken up again at some time: what is left of it is what was stored.
    was_resumed: bool,
    elapsed: Duration,
    turns: u32,
    tokens: Tokens,
    /// In millionths of a dollar.
    cost: u64,
    model: usize,
    /// Of each model of the chain: how long the conversation was at each of its turns.
    answers: Vec<Vec<usize>>,
    served_by: Option<String>,
    calls: Vec<CallSummary>,
    rejected: u32,
    labels: BTreeSet<Label>,
    answer: Option<String>,
    reason: Option<Reason>,
}

impl Machine {
    /// A run that is about to begin.
    #[must_use]
    pub fn begin(start: Start) -> Self {
        Self {
            names: Names::of(&start.tools),
            state: State::Initializing,
            phase: Phase::Noting(Box::new(RunEvent::RunStarted(Box::new(start.clone())))),
            messages: Vec::new(),
            boundary: 0,
            long: HashMap::new(),
            intake: Intake::default(),
            guard: Guard::default(),
            attempt: 0,
            last: None,
            is_reflecting: false,
            regret: String::new(),
            mark: Mark::default(),
            way: Vec::new(),
            way_turn: 0,
            held: None,
            since: Since::default(),
            steps: 0,
            checkpoint: 0,
            resumes: 0,
            was_resumed: false,
            elapsed: Duration::ZERO,
            turns: 0,
            tokens: Tokens::default(),
            cost: 0,
            model: 0,
            answers: vec![Vec::new(); start.models.len()],
            served_by: None,
            calls: Vec::new(),
            rejected: 0,
            labels: BTreeSet::new(),
            answer: None,
            reason: None,
            start,
        }
    }

    /// The run that had this history.
    ///
    /// # Errors
    ///
    /// It is the history of no run, or of one that this version does not understand.
    pub fn of<'a>(history: impl IntoIterator<Item = &'a Occurrence>) -> Result<Self, Unreadable> {
        let mut history = history.into_iter().peekable();
        let Some(Occurrence { event: RunEvent::RunStarted(start), .. }) = history.peek() else {
            return Err(Unreadable::NoStart);
        };
        if start.version != VERSION {
            return Err(Unreadable::Newer(start.version));
        }
        let mut machine = Self::begin((**start).clone());
        for happened in history {
            let step = machine.steps + 1;
            let applied = machine.apply(happened.elapsed, &happened.event);
            applied.map_err(|refused| Unreadable::Refused { step, refused })?;
        }
        Ok(machine)
    }

    /// Where the run would be after `event`.
    ///
    /// # Errors
    ///
    /// The event cannot happen now.
    pub fn after(&self, event: &RunEvent) -> Result<State, Refused> {
        event.step().map_or(Ok(self.state), |step| self.state.apply(step))
    }

    /// What happened, with its place in the run; as it will be read back.
    ///
    /// # Errors
    ///
    /// It cannot happen now.
    pub fn place(&self, elapsed: Duration, event: RunEvent) -> Result<Occurrence, Refused> {
        Ok(Occurrence { elapsed: milliseconds::whole(elapsed), state: self.after(&event)?, event })
    }

    /// Takes what happened, `elapsed` after the run began.
    ///
    /// # Errors
    ///
    /// It cannot happen now; the run is what it was.
    pub fn apply(&mut self, elapsed: Duration, event: &RunEvent) -> Result<(), Refused> {
        self.state = self.after(event)?;
        self.elapsed = self.elapsed.max(elapsed);
        if !event.is_kept() {
            return Ok(());
        }
        self.steps += 1;
        match event {
            RunEvent::RunStarted(_) => self.started(),
            RunEvent::RunResumed { models, prices, fresh } => {
                if let Some(models) = models {
                    self.other_models(models, prices);
                }
                if *fresh {
                    self.renew();
                    // What the other run did is not this one's to take back.
                    self.set_mark();
                }
                self.resumed();
            }
            RunEvent::ModelAsked { turn, attempt, model, .. } => self.asked(*turn, *attempt, *model),
            RunEvent::ModelAnswered { answer, .. } => self.answered(answer),
            RunEvent::ModelFailed { code, message, retry, unpaid } => {
                if !unpaid {
                    self.pay_for_nothing();
                }
                self.failed(code, message, *retry);
            }
            RunEvent::ModelRetryScheduled { wait, .. } => self.phase = Phase::Pausing(self.elapsed + *wait),
            RunEvent::ModelFellBack { to, .. } => self.fell_back(*to),
            RunEvent::TimeRanOut => self.time_ran_out(),
            RunEvent::CallRejected { failure, .. } => self.rejected(failure),
            RunEvent::CallStarted { key, .. } => self.call_started(key.clone()),
            RunEvent::CallReturned { call, content, labels } => {
                // Of what a call did of which nothing is known, the model is shown nothing.
                if call.failure.as_ref().is_none_or(|failure| failure.code != act::UNKNOWN) {
                    self.labels.extend(labels.iter().cloned());
                }
                self.call_returned(call, content);
            }
            RunEvent::ApprovalRequested { approval, .. } => self.awaits(Some(approval.clone())),
            RunEvent::ApprovalGranted { .. } => self.awaits(None),
            RunEvent::ApprovalRefused { turn, tool, failure, .. } => self.not_approved(*turn, tool, failure),
            RunEvent::ReflectionStarted => self.reflection_started(),
            RunEvent::ReflectionEnded { verdict } => self.reflection_ended(verdict),
            RunEvent::WentBack { refused, .. } => self.went_back(refused.as_deref()),
            RunEvent::PartShown { id, start, .. } => self.part_shown(id, *start),
            RunEvent::TurnSettled { .. } => self.decide(),
            RunEvent::LimitReached { limit } => self.limit_reached(*limit),
            RunEvent::PersonNoted { text } => self.messages.push(Message::User(text.clone())),
            RunEvent::CancelRequested => self.cancelled(),
            RunEvent::RunEnded { answer, reason, .. } => self.ended(answer.clone(), reason.clone()),
            RunEvent::Requeued { at } => self.requeued(*at),
            RunEvent::TextArrived { .. } | RunEvent::DeadLettered | RunEvent::Discarded => {}
        }
        Ok(())
    }

    /// What is to be done, `elapsed` after the run began.
    #[must_use]
    pub fn next(&self, elapsed: Duration) -> Next {
        match &self.phase {
            Phase::Deciding => self.decision(elapsed),
            // Whoever asked has to say what came of it; after a stop, that is the first thing that is taken down.
            Phase::Asking => Next::Ask(self.ask(self.attempt)),
            Phase::Pausing(until) if elapsed < *until => Next::Wait(*until - elapsed),
            Phase::Pausing(_) if !self.can_pay() => {
                let limit = self.last.as_ref().map_or(RunLimit::Cost, |last| last.limit);
                Next::Note(RunEvent::LimitReached { limit })
            }
            Phase::Pausing(_) => Next::Ask(self.ask(self.attempt + 1)),
            Phase::Noting(event) => Next::Note((**event).clone()),
            Phase::Acting(acting) => self.action(acting),
            Phase::GoingBack => Next::Undo(self.to_take_back()),
            Phase::Ending(stop) => Next::Note(self.end(stop)),
            Phase::Over => Next::Over,
        }
    }

    fn started(&mut self) {
        self.messages = vec![
            Message::System(prompt::system(self.start.answer_schema.as_ref())),
            Message::User(self.start.task.clone()),
        ];
        self.set_mark();
        self.decide();
    }

    fn other_models(&mut self, models: &[Identity], prices: &[Option<Prices>]) {
        (self.start.models, self.start.prices) = (models.to_vec(), prices.to_vec());
        (self.answers, self.model, self.attempt) = (vec![Vec::new(); models.len()], 0, 0);
        if matches!(&self.phase, Phase::Noting(event) if matches!(**event, RunEvent::ModelFellBack { .. })) {
            self.ask_again("other-models", "other models are asked from here on");
        }
    }

    fn resumed(&mut self) {
        self.was_resumed = true;
        if matches!(&self.phase, Phase::Acting(acting) if acting.is_awaiting()) {
            // A person may take longer than a process lives: nothing is in vain.
            return;
        }
        self.resumes += 1;
        let times = self.resumes;
        let cut_off = move || Stop::Vain(Reason::CutOff { times });
        let is_vain = self.resumes > MOST_RESUMES;
        match &mut self.phase {
            Phase::Over | Phase::Ending(_) => {}
            Phase::Acting(acting) if is_vain && !acting.is_started() => acting.stop_with(cut_off()),
            _ if is_vain => self.stop(cut_off()),
            Phase::Acting(acting) => acting.resume(),
            Phase::Asking => {
                // The provider may have read the request, and be paid for it.
                self.pay_for_nothing();
                self.ask_again("cut-off", "the request was cut off");
            }
            _ => {}
        }
    }

    fn ask_again(&mut self, code: &str, message: &str) {
        let (code, message) = (code.to_owned(), message.to_owned());
        self.note(RunEvent::ModelRetryScheduled { code, message, wait: Duration::ZERO });
    }

    /// The budgets begin anew.
    fn renew(&mut self) {
        self.since = Since {
            elapsed: self.elapsed,
            turns: self.turns,
            tokens: self.tokens.total(),
            cost: self.cost,
            calls: self.calls.len(),
        };
        self.guard.renew();
        self.resumes = 0;
    }

    fn decide(&mut self) {
        self.phase = Phase::Deciding;
        self.checkpoint = self.steps;
    }

    fn decision(&self, elapsed: Duration) -> Next {
        match self.crossed(elapsed) {
            _ if self.is_reflecting => Next::Ask(self.ask(1)),
            Some(limit) if self.last.is_none() => Next::Note(RunEvent::LimitReached { limit }),
            None if self.is_to_look_back() => Next::Note(RunEvent::ReflectionStarted),
            _ => Next::Ask(self.ask(1)),
        }
    }

    /// The limit that the run has reached.
    fn crossed(&self, elapsed: Duration) -> Option<RunLimit> {
        let (limits, since) = (&self.start.limits, &self.since);
        match () {
            () if elapsed.saturating_sub(since.elapsed) >= limits.time => Some(RunLimit::Time),
            () if self.turns - since.turns >= limits.iterations => Some(RunLimit::Iterations),
            () if self.tokens.total() - since.tokens >= limits.tokens_per_run => Some(RunLimit::TokensPerRun),
            () if !self.can_pay() => Some(RunLimit::Cost),
            () => None,
        }
    }

    fn has_no_calls_left(&self) -> bool {
        self.calls.len() - self.since.calls >= self.start.limits.calls as usize
    }

    /// When the time of the run is over.
    fn deadline(&self) -> Duration {
        self.since.elapsed + self.start.limits.time
    }

    fn note(&mut self, event: RunEvent) {
        self.phase = Phase::Noting(Box::new(event));
    }

    fn cancelled(&mut self) {
        match &mut self.phase {
            Phase::Acting(acting) if acting.is_started() => acting.stop_with(Stop::Cancelled),
            Phase::Over => {}
            _ => self.stop(Stop::Cancelled),
        }
    }

    fn time_ran_out(&mut self) {
        match &mut self.phase {
            Phase::Acting(acting) => acting.stop_with(Stop::Limit(RunLimit::Time)),
            Phase::Asking => {
                self.pay_for_nothing();
                self.no_time_for_an_answer();
            }
            Phase::Pausing(_) => self.no_time_for_an_answer(),
            _ => {}
        }
    }

    fn requeued(&mut self, at: RequeueAt) {
        self.renew();
        (self.model, self.last, self.is_reflecting) = (0, None, false);
        (self.answer, self.reason) = (None, None);
        match (at, self.held.take()) {
            (RequeueAt::Call, Some(mut held)) => {
                held.go_on();
                self.phase = Phase::Acting(held);
            }
            _ => {
                self.messages.push(Message::User(prompt::REQUEUED.into()));
                self.decide();
            }
        }
    }

    /// From where the run can go on once it is dead; `None` where a fork is the only way on.
    #[must_use]
    pub fn requeue_at(&self) -> Option<RequeueAt> {
        match &self.held {
            None => Some(RequeueAt::Turn),
            Some(held) if held.is_started() => Some(RequeueAt::Call),
            Some(_) => None,
        }
    }
}
