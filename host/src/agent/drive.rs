//! Does what the state machine of a run says is next, and tells it what came of it, until the run is over.
//!
//! Everything that happens goes through the run's [`Engine`], is applied to the machine, and is then told to the observer, in
//! this order: nobody hears of what is not on record. Whatever is waited for, a person who gives up and the end of the run's
//! time come first.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Ready, ready};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use toolhold_core::call::{Mode, ToolCall};
use toolhold_core::cost::Prices;
use toolhold_core::id::{ApprovalId, CallId, Digest, RunId};
use toolhold_core::outcome::{CallReport, Class, Failure, Outcome};
use toolhold_core::run::event::{LOCAL, VERSION};
use toolhold_core::run::reflect::{Next as Way, Verdict};
use toolhold_core::run::{
    Ask, CallSummary, FailureSummary, Machine, Next, Occurrence, PendingApproval, PendingCall, Reason, RunEvent,
    RunLimit, RunLimits, RunReport, Start, result_of_call,
};
use toolhold_core::state::State;
use tracing::Instrument as _;

use super::clock::Clock;
use super::engine::{Engine, Forgetful, Unrecorded};
use super::model::{Error, Model, Request};
use super::tools::Tools;
use crate::quota::RunQuota;
use crate::telemetry::spans;

/// The chain of models: the first one is asked, the next one where it is given up.
pub type Models<'m> = [Box<dyn Model + 'm>];

/// Works on runs with a set of tools.
pub struct Agent<'a, T> {
    /// What can be called.
    pub tools: &'a T,
    /// How far a run may go.
    pub limits: RunLimits,
    /// What measures time.
    pub clock: Arc<dyn Clock>,
    /// Ends the run when it fires.
    pub cancel: CancellationToken,
    /// What the run may still use of what all runs of its agent share; `None` where nothing is counted.
    pub quota: Option<RunQuota>,
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
    /// The manifest that applies.
    pub manifest: Option<Digest>,
    /// The JSON Schema that the answer has to conform to, if any.
    pub answer_schema: Option<Value>,
    /// Whose run it is.
    pub agent: String,
    /// On whose behalf, where that is not the operator.
    pub by: Option<String>,
}

impl Task {
    /// A live task without more.
    #[must_use]
    pub fn new(run: RunId, text: impl Into<String>) -> Self {
        let agent = LOCAL.to_owned();
        Self { run, text: text.into(), mode: Mode::Live, manifest: None, answer_schema: None, agent, by: None }
    }
}

/// Who hears of events, at once and in order. Must not block.
pub type Observer<'a> = &'a mut (dyn FnMut(&Occurrence) + Send);

/// What each model of a chain costs; nothing where no price is known.
#[must_use]
pub fn prices(models: &Models<'_>) -> Vec<Option<Prices>> {
    let prices: Vec<_> = models.iter().map(|model| model.prices()).collect();
    if prices.iter().any(Option::is_some) { prices } else { Vec::new() }
}

/// Nobody works on the run any more, and it is not over: it can be taken up again.
#[derive(Debug, thiserror::Error)]
#[error("the run was stopped, because what happens to it cannot be recorded: {0}")]
pub struct Stopped(pub String);

impl<T: Tools> Agent<'_, T> {
    /// What a run of `task` begins with.
    #[must_use]
    pub fn start(&self, models: &Models<'_>, task: Task) -> Start {
        Start {
            version: VERSION,
            run: task.run,
            agent: task.agent,
            by: task.by,
            task: task.text,
            mode: task.mode,
            models: models.iter().map(|model| model.identity().clone()).collect(),
            prices: prices(models),
            tools: self.tools.specs(),
            limits: self.limits.clone(),
            manifest: task.manifest,
            answer_schema: task.answer_schema,
        }
    }

    /// Works on `task` with `model` until an end, and keeps nothing of it. Never fails: how it went is in the report.
    pub async fn run(&self, model: &mut dyn Model, task: Task, observer: Observer<'_>) -> RunReport {
        let mut models: [Box<dyn Model + '_>; 1] = [Box::new(model)];
        let mut machine = Machine::begin(self.start(&models, task));
        // What records nothing fails at nothing.
        let _never_stopped = self.carry_on(&mut machine, &mut models, &mut Forgetful, observer).await.is_err();
        machine.report()
    }

    /// Works on a run until an end. `models` are those that it began with.
    ///
    /// # Errors
    ///
    /// What happens to it cannot be recorded: nothing more was done. It can be taken up again.
    pub async fn carry_on(
        &self,
        machine: &mut Machine,
        models: &mut Models<'_>,
        engine: &mut dyn Engine,
        observer: Observer<'_>,
    ) -> Result<(), Stopped> {
        let origin = Origin { clock: &*self.clock, began: self.clock.now(), before: machine.elapsed() };
        let mut work = Work { agent: self, origin, machine, models, engine, observer };
        loop {
            match work.step().await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(Unrecorded::Failed(why)) => return Err(Stopped(why)),
                Err(Unrecorded::Refused(refused)) => {
                    let reason = Some(Reason::Defect { message: refused.to_string() });
                    let defect = RunEvent::RunEnded { end: State::Failed, answer: None, reason };
                    return work.take(defect).await.map_err(|error| Stopped(error.to_string()));
                }
            }
        }
    }
}

/// The clock of a run: it stands still while nobody works on it.
#[derive(Clone, Copy)]
struct Origin<'a> {
    clock: &'a dyn Clock,
    began: Duration,
    before: Duration,
}

impl Origin<'_> {
    fn elapsed(&self) -> Duration {
        self.before + self.clock.now().saturating_sub(self.began)
    }

    fn until(&self, deadline: Duration) -> Duration {
        deadline.saturating_sub(self.elapsed())
    }
}

struct Work<'w, 'a, 'm, T> {
    agent: &'w Agent<'a, T>,
    origin: Origin<'w>,
    machine: &'w mut Machine,
    models: &'w mut Models<'m>,
    engine: &'w mut dyn Engine,
    observer: Observer<'w>,
}

impl<T: Tools> Work<'_, '_, '_, T> {
    /// Does what is next; `false` where that is nothing.
    async fn step(&mut self) -> Result<bool, Unrecorded> {
        let next = self.machine.next(self.origin.elapsed());
        match next {
            Next::Over => return Ok(false),
            Next::Note(event) => self.take(event).await?,
            _ if self.agent.cancel.is_cancelled() && !self.is_half_done() => {
                self.take(RunEvent::CancelRequested).await?;
            }
            Next::Ask(ask) => match self.no_room() {
                Some(event) => self.take(event).await?,
                None => self.ask(ask).await?,
            },
            Next::Call(call) => match self.no_call(&call) {
                Some(event) => self.take(event).await?,
                None => self.call(call).await?,
            },
            Next::Await(pending) => self.person(pending).await?,
            Next::Undo(calls) => self.go_back(calls).await?,
            Next::Wait(wait) => self.wait(wait).await?,
        }
        Ok(true)
    }

    /// What happens instead of a turn for which the quota has no room.
    fn no_room(&self) -> Option<RunEvent> {
        let (quota, machine) = (self.agent.quota.as_ref()?, &*self.machine);
        let is_last = machine.asks_for_last_answer();
        let limit = match is_last || !quota.was_refused() {
            true if quota.ask(machine.tokens_at_most(), is_last) => return None,
            true => RunLimit::TokensPerHour,
            // A call was refused, and others would be.
            false => RunLimit::CallsPerHour,
        };
        Some(match machine.is_looking_back() {
            _ if is_last => machine.out_of_quota(limit),
            true => RunEvent::ReflectionEnded { verdict: not_looked_back() },
            false => RunEvent::LimitReached { limit },
        })
    }

    /// What happens instead of a call for which the quota has no room. One that was started counts already.
    fn no_call(&self, call: &PendingCall) -> Option<RunEvent> {
        let quota = self.agent.quota.as_ref()?;
        if call.is_started || quota.call() {
            return None;
        }
        let words = RunLimit::CallsPerHour.in_words(&self.machine.start().limits);
        let message = format!("this call was not run: the run has reached its limit of {words}");
        let failure = FailureSummary { class: Class::Unavailable, code: "calls-per-hour".into(), message };
        Some(RunEvent::CallRejected { turn: call.turn, tool: call.tool.clone(), failure })
    }

    /// A call was started before, and what became of it is to be found out first.
    fn is_half_done(&self) -> bool {
        matches!(self.machine.next(self.origin.elapsed()), Next::Call(PendingCall { is_started: true, .. }))
    }

    async fn take(&mut self, event: RunEvent) -> Result<(), Unrecorded> {
        let act: Ready<_> = ready((self.origin.elapsed(), event));
        let happened = self.engine.once(self.machine, Box::pin(act)).await?;
        self.apply(&happened)
    }

    fn apply(&mut self, happened: &Occurrence) -> Result<(), Unrecorded> {
        self.machine.apply(happened.elapsed, &happened.event)?;
        (self.observer)(happened);
        Ok(())
    }

    async fn ask(&mut self, ask: Ask) -> Result<(), Unrecorded> {
        self.take(ask.event()).await?;
        let Self { agent, origin, machine, models, engine, observer } = self;
        let (agent, origin) = (*agent, *origin);
        let name = models.get(ask.model).map_or("", |model| &model.identity().name);
        let span = spans::chat(machine.start(), name, ask.turn, machine.steps() + 1);
        let act = async {
            let event = asked(agent, &origin, machine, models, &ask, observer).instrument(span.clone()).await;
            spans::chatted(&span, &event);
            (origin.elapsed(), event)
        };
        let happened = engine.once(machine, Box::pin(act)).await?;
        if let (Some(quota), RunEvent::ModelAnswered { answer, .. }) = (&agent.quota, &happened.event) {
            quota.answered(answer.tokens.total());
        }
        self.apply(&happened)
    }

    async fn go_back(&mut self, calls: Vec<CallId>) -> Result<(), Unrecorded> {
        let (agent, origin) = (self.agent, self.origin);
        let act = async {
            let refused = agent.tools.undo(calls.clone()).await.err();
            (origin.elapsed(), RunEvent::WentBack { calls, refused })
        };
        let happened = self.engine.once(self.machine, Box::pin(act)).await?;
        self.apply(&happened)
    }

    /// Waits for a person. The clock of the run stands still meanwhile, as it does while nobody works on it.
    async fn person(&mut self, pending: PendingApproval) -> Result<(), Unrecorded> {
        let (agent, elapsed, began) = (self.agent, self.origin.elapsed(), self.origin.clock.now());
        let act = async {
            let event = tokio::select! {
                biased;
                () = agent.cancel.cancelled() => RunEvent::CancelRequested,
                decided = agent.tools.decided(&pending.approval) => match decided {
                    Ok(()) => RunEvent::ApprovalGranted { approval: pending.approval.clone() },
                    Err(failure) => pending.clone().refused(failure),
                },
            };
            (elapsed, event)
        };
        let happened = self.engine.once(self.machine, Box::pin(act)).await?;
        self.origin.began += self.origin.clock.now().saturating_sub(began);
        self.apply(&happened)
    }

    async fn wait(&mut self, wait: Duration) -> Result<(), Unrecorded> {
        let cancel = &self.agent.cancel;
        tokio::select! {
            biased;
            () = cancel.cancelled() => self.take(RunEvent::CancelRequested).await,
            () = self.origin.clock.sleep(wait) => Ok(()),
        }
    }

    /// Makes a call and stays with it: a run that ends asks the call to end, and waits for what became of it.
    async fn call(&mut self, call: PendingCall) -> Result<(), Unrecorded> {
        if !call.is_started {
            self.take(call.event()).await?;
        }
        let token = self.agent.cancel.child_token();
        let start = self.machine.start();
        let (mode, most_bytes) = (start.mode, start.limits.kept_bytes);
        let asked = ToolCall {
            run: start.run.clone(),
            tool: call.tool.clone(),
            arguments: call.arguments.clone(),
            key: call.key.clone(),
            mode,
        };
        let step = spans::step(start.run.as_str(), self.machine.steps() + 1);
        let mut made = Box::pin(made(self.agent.tools, asked, call.is_resumed, token.clone()).instrument(step));
        let returned = |(report, is_done): (CallReport, bool)| {
            if is_done {
                return not_known(&call, "a person would now have to approve it");
            }
            if let Some(approval) = awaited(&report) {
                return RunEvent::ApprovalRequested { turn: call.turn, tool: call.tool.clone(), approval };
            }
            if call.is_resumed && report.mode != mode {
                // It may have been live the first time.
                return not_known(&call, "the manifest now lets it run as a preview only");
            }
            let content = result_of_call(&report, mode, most_bytes);
            let summary = CallSummary::of(call.turn, &report);
            RunEvent::CallReturned { call: summary, content, labels: report.effects.labels }
        };
        let (agent, origin) = (self.agent, self.origin);
        let first = async {
            let event = tokio::select! {
                biased;
                report = &mut made => returned(report),
                () = agent.cancel.cancelled() => RunEvent::CancelRequested,
                () = origin.clock.sleep(origin.until(call.deadline)) => RunEvent::TimeRanOut,
            };
            (origin.elapsed(), event)
        };
        let happened = self.engine.once(self.machine, Box::pin(first)).await?;
        self.apply(&happened)?;
        if matches!(happened.event, RunEvent::CallReturned { .. } | RunEvent::ApprovalRequested { .. }) {
            return Ok(());
        }
        token.cancel();
        let grace = self.agent.limits.cancel_grace;
        let abandoned = self.machine.abandoned(&call);
        let second = async {
            let event = tokio::select! {
                biased;
                report = &mut made => returned(report),
                () = origin.clock.sleep(grace) => abandoned,
            };
            (origin.elapsed(), event)
        };
        let happened = self.engine.once(self.machine, Box::pin(second)).await?;
        self.apply(&happened)
    }
}

/// What a person is asked, if the call was not made because of it.
fn awaited(report: &CallReport) -> Option<ApprovalId> {
    match &report.outcome {
        Outcome::Failure(failure) if failure.class == Class::AwaitingApproval => failure.approval.clone(),
        _ => None,
    }
}

/// Makes a call. `true` beside its report is that it may have been made before, and is asked about now.
async fn made<T: Tools>(tools: &T, call: ToolCall, is_resumed: bool, cancel: CancellationToken) -> (CallReport, bool) {
    let report = tools.call(call.clone(), cancel).await;
    let is_done = is_resumed && is_asked_about(&report) && tools.may_have_made(&call).await;
    (report, is_done)
}

/// Whether the call was not made because a person decides on it, or would if there were not too many questions.
fn is_asked_about(report: &CallReport) -> bool {
    let is_refused = |failure: &Failure| {
        failure.class == Class::Unavailable && matches!(failure.code.as_str(), "approvals-full" | "prompts-limited")
    };
    awaited(report).is_some() || matches!(&report.outcome, Outcome::Failure(failure) if is_refused(failure))
}

/// There was no room to look back.
fn not_looked_back() -> Verdict {
    Verdict { closer: false, next: Way::GoOn, why: "the quota has no room for looking back".into() }
}

/// A call that was made before and would be something else now.
fn not_known(call: &PendingCall, now: &str) -> RunEvent {
    let message = format!("it may have been made before, and {now}: see `toolhold history`");
    let failure = FailureSummary { class: Class::Host, code: "outcome-unknown".into(), message };
    let (turn, tool) = (call.turn, call.tool.clone());
    let call = CallSummary { turn, call: None, tool, failure: Some(failure), replayed: false };
    RunEvent::CallReturned { call, content: String::new(), labels: BTreeSet::new() }
}

/// Sends a request to a model, and says what came of it.
async fn asked<T: Tools>(
    agent: &Agent<'_, T>,
    origin: &Origin<'_>,
    machine: &Machine,
    models: &mut Models<'_>,
    ask: &Ask,
    observer: &mut Observer<'_>,
) -> RunEvent {
    let start = machine.start();
    let limits = &start.limits;
    let (messages, tools) = (machine.view(), machine.tools());
    let request = Request {
        messages: &messages,
        tools: if ask.with_tools { &tools } else { &[] },
        last: machine.asks_for_last_answer(),
        tokens: limits.tokens_per_turn,
        bytes: limits.answer_bytes,
        answer_schema: start.answer_schema.as_ref().filter(|_| machine.asks_for_answer()),
        ..Request::default()
    };
    let mut on_text = |text: &str| {
        let event = RunEvent::TextArrived { text: text.to_owned() };
        observer(&Occurrence { elapsed: origin.elapsed(), state: State::AwaitingModel, event });
    };
    let failed = |error: Error| RunEvent::ModelFailed {
        code: error.code().to_owned(),
        message: error.to_string(),
        retry: error.retry(),
        unpaid: error.is_unpaid(),
    };
    let Some(model) = models.get_mut(ask.model) else {
        return failed(Error::Missing(ask.model));
    };
    let turn_time = model.turn_time().unwrap_or(limits.turn_time);
    tokio::select! {
        biased;
        () = agent.cancel.cancelled() => RunEvent::CancelRequested,
        turn = model.turn(request, &mut on_text) => match turn {
            Ok(answer) => RunEvent::ModelAnswered { turn: ask.turn, answer },
            Err(error) => failed(error),
        },
        () = origin.clock.sleep(origin.until(ask.deadline)) => RunEvent::TimeRanOut,
        () = origin.clock.sleep(turn_time) => failed(Error::TooSlow(turn_time)),
    }
}
