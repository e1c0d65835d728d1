//! Working on durable runs: begin one, take one up again, go on with a dead one, go another way from a step of one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use toolhold_core::call::Mode;
use toolhold_core::id::RunId;
use toolhold_core::run::{Identity, Machine, Next, RunEvent, RunLimits, RunReport, Start};
use toolhold_core::state::State;
use tracing::Instrument as _;

use super::error::Error;
use super::past::{Past, is_dead as is_kept};
use super::pause::Pausing;
use super::recorder::JournalEngine;
use super::{HostTools, cancel, guarded, known};
use crate::agent::{Agent, Clock, Engine, Models, Observer, Stopped, Task, prices};
use crate::journal::{Journal, Origin, Reader};
use crate::telemetry::spans;
use crate::{Host, clock};

/// Works on runs of one host.
pub struct Worker<'a> {
    /// What the runs may call.
    pub tools: &'a HostTools<'a>,
    /// What measures time.
    pub clock: Arc<dyn Clock>,
    /// Ends the run when it fires.
    pub cancel: CancellationToken,
    /// Who asks for the runs: `run`, `mcp` …
    pub front: &'a str,
}

/// A run that is over.
#[derive(Debug, Clone)]
pub struct Ended {
    /// What it came to.
    pub report: RunReport,
    /// It is kept as a dead letter.
    pub is_kept: bool,
}

/// A run that somebody is about to work on. What it is so far is on record.
#[derive(Debug)]
pub struct Ready {
    machine: Machine,
    begins: Begins,
}

impl Ready {
    /// Which run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        self.machine.run()
    }

    /// What it began with.
    #[must_use]
    pub fn start(&self) -> &Start {
        self.machine.start()
    }
}

/// How the work on it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// With its first turn.
    New,
    /// Where it was.
    Again,
    /// Where it was, with budgets that begin anew.
    Fresh,
}

impl Begins {
    fn is_fresh(self) -> bool {
        self == Self::Fresh
    }
}

impl Worker<'_> {
    /// Works on a new run.
    ///
    /// # Errors
    ///
    /// The journal failed: the run can be resumed.
    pub async fn begin(&self, task: Task, models: &mut Models<'_>, observer: Observer<'_>) -> Result<Ended, Error> {
        let mut machine = Machine::begin(self.start(task, models));
        self.work(&mut machine, models, &mut self.engine(), observer).await
    }

    /// Puts a new run on record, on disk when this returns, and leaves the work to [`Worker::carry`].
    ///
    /// # Errors
    ///
    /// The journal failed, or there is a run of that name.
    pub async fn accept(&self, start: Start) -> Result<Ready, Error> {
        let mut machine = Machine::begin(start.clone());
        self.take(&mut machine, RunEvent::RunStarted(Box::new(start))).await?;
        Ok(Ready { machine, begins: Begins::New })
    }

    /// What a run of `task` begins with.
    #[must_use]
    pub fn start(&self, task: Task, models: &Models<'_>) -> Start {
        let manifest = Some(self.host().policy().manifest().digest());
        self.agent(self.cancel.clone()).start(models, Task { manifest, ..task })
    }

    /// Takes up a run that was cut off.
    ///
    /// # Errors
    ///
    /// It is over, or a dry run, or cannot be read; or the journal failed.
    pub async fn resume(&self, run: &RunId, models: &mut Models<'_>, observer: Observer<'_>) -> Result<Ended, Error> {
        let Ready { mut machine, begins } = self.ready_to_resume(run)?;
        self.go_on(&mut machine, begins.is_fresh(), models, &mut self.engine(), observer).await
    }

    /// Whether a run that was cut off can be taken up again, without doing so.
    ///
    /// # Errors
    ///
    /// It is over, or a dry run, or cannot be read.
    pub fn ready_to_resume(&self, run: &RunId) -> Result<Ready, Error> {
        let past = self.past(run)?;
        let machine = past.machine()?;
        let copied = past.record.origin.as_ref().map(|origin| usize::try_from(origin.step).unwrap_or(usize::MAX));
        let was_resumed = |steps: usize| {
            past.history.iter().skip(steps).any(|happened| matches!(happened.event, RunEvent::RunResumed { .. }))
        };
        // Nobody has worked on a fork since it was made: its budgets begin with it.
        let is_fresh = copied.is_some_and(|steps| !was_resumed(steps));
        if let Some(origin) = past.record.origin.filter(|origin| past.record.steps < origin.step) {
            return Err(Error::HalfCopied { run: run.clone(), origin });
        }
        if machine.start().mode == Mode::Preview {
            return Err(Error::DryRun(run.clone()));
        }
        if machine.state().is_end() {
            let hint = match machine.state() {
                State::DeadLettered => "let it go on with `toolhold dlq requeue`",
                _ => "it is over; go another way from one of its steps with `toolhold runs fork`",
            };
            return Err(Error::NotNow { run: run.clone(), state: machine.state(), hint });
        }
        Ok(Ready { machine, begins: if is_fresh { Begins::Fresh } else { Begins::Again } })
    }

    /// Lets a dead run go on, from the last place at which it was whole, with fresh budgets.
    ///
    /// # Errors
    ///
    /// It is not dead, or can only be forked; or the journal failed.
    pub async fn requeue(&self, run: &RunId, models: &mut Models<'_>, observer: Observer<'_>) -> Result<Ended, Error> {
        let Ready { mut machine, .. } = self.let_go_on(run).await?;
        self.go_on(&mut machine, false, models, &mut self.engine(), observer).await
    }

    /// Puts on record that a dead run goes on, and leaves the work to [`Worker::carry`].
    ///
    /// # Errors
    ///
    /// It is not dead, or can only be forked; or the journal failed.
    pub async fn let_go_on(&self, run: &RunId) -> Result<Ready, Error> {
        let past = self.past(run)?;
        let mut machine = past.machine()?;
        let not_now = |state, hint| Error::NotNow { run: run.clone(), state, hint };
        let ended = past.history.last().is_some_and(|last| matches!(last.event, RunEvent::RunEnded { .. }));
        if ended && is_dead(&machine) {
            // Whoever worked on it was stopped before it was kept.
            self.take(&mut machine, RunEvent::DeadLettered).await?;
        }
        if machine.state() != State::DeadLettered {
            return Err(not_now(machine.state(), "only a dead letter can be requeued; `toolhold dlq list` has them"));
        }
        let hint = "some of its calls have no result; go another way from one of its steps with `toolhold runs fork`";
        let at = machine.requeue_at().ok_or_else(|| not_now(machine.state(), hint))?;
        // A wish to cancel it was for its earlier life.
        cancel::forget(self.host().journal().directory(), run);
        self.take(&mut machine, RunEvent::Requeued { at }).await?;
        Ok(Ready { machine, begins: Begins::Again })
    }

    /// Begins a new run as a copy of another one up to `step`, and works on it; `note` is said to the model before. Nothing of the
    /// other run is changed, and nothing that it did is done again.
    ///
    /// # Errors
    ///
    /// There is no such step, or something is half done at it; or the journal failed.
    pub async fn fork(
        &self,
        (from, step): (&RunId, u64),
        run: RunId,
        note: Option<String>,
        models: &mut Models<'_>,
        observer: Observer<'_>,
    ) -> Result<Ended, Error> {
        let Ready { mut machine, .. } = self.copy((from, step), (run, None), note).await?;
        self.go_on(&mut machine, true, models, &mut self.engine(), observer).await
    }

    /// Puts a new run on record as a copy of another one up to `step`, and leaves the work to [`Worker::carry`]. It is a run on behalf
    /// of `by`, whoever began the other one.
    ///
    /// # Errors
    ///
    /// There is no such step, or something is half done at it; or the journal failed.
    pub async fn copy(
        &self,
        (from, step): (&RunId, u64),
        (run, by): (RunId, Option<String>),
        note: Option<String>,
    ) -> Result<Ready, Error> {
        let past = self.past(from)?;
        if past.record.mode == Mode::Preview {
            return Err(Error::DryRun(from.clone()));
        }
        let at = past.machine_at(step)?;
        if at.checkpoint() != step {
            return Err(Error::HalfDone { run: from.clone(), step, checkpoint: at.checkpoint() });
        }
        let origin = Origin { run: from.clone(), step };
        let mut engine = self.engine().forked(origin);
        let steps = usize::try_from(step).unwrap_or(usize::MAX);
        let mut copy = None;
        for happened in past.history.iter().take(steps) {
            let event = match &happened.event {
                RunEvent::RunStarted(start) => {
                    let start = Start { run: run.clone(), by: by.clone(), ..(**start).clone() };
                    copy = Some(Machine::begin(start.clone()));
                    RunEvent::RunStarted(Box::new(start))
                }
                other => other.clone(),
            };
            if let Some(machine) = &mut copy {
                take(machine, &mut engine, happened.elapsed, event).await?;
            }
        }
        let mut machine = copy.ok_or_else(|| Error::NoSuchRun(from.clone()))?;
        if let Some(text) = note {
            self.take(&mut machine, RunEvent::PersonNoted { text }).await?;
        }
        Ok(Ready { machine, begins: Begins::Fresh })
    }

    /// Works on a run until its end, or until `pause` fires: then a call that runs is waited for, nothing else is begun, and the
    /// run can be taken up again.
    ///
    /// # Errors
    ///
    /// It was paused, or the journal failed: the run can be resumed.
    pub async fn carry(
        &self,
        ready: Ready,
        models: &mut Models<'_>,
        observer: Observer<'_>,
        pause: &CancellationToken,
    ) -> Result<Ended, Error> {
        let Ready { mut machine, begins } = ready;
        let mut engine = Pausing { engine: self.engine(), pause };
        match begins {
            Begins::New => self.work(&mut machine, models, &mut engine, observer).await,
            Begins::Again | Begins::Fresh => {
                self.go_on(&mut machine, begins.is_fresh(), models, &mut engine, observer).await
            }
        }
    }

    /// Decides that a dead run stays dead.
    ///
    /// # Errors
    ///
    /// It is not dead; or the journal failed.
    pub async fn discard(&self, run: &RunId) -> Result<(), Error> {
        let past = self.past(run)?;
        let mut machine = past.machine()?;
        let ended = past.history.last().is_some_and(|last| matches!(last.event, RunEvent::RunEnded { .. }));
        if ended && is_dead(&machine) {
            self.take(&mut machine, RunEvent::DeadLettered).await?;
        }
        if machine.state() != State::DeadLettered {
            let hint = "only a dead letter can be discarded; `toolhold dlq list` has them";
            return Err(Error::NotNow { run: run.clone(), state: machine.state(), hint });
        }
        self.take(&mut machine, RunEvent::Discarded).await
    }

    async fn go_on(
        &self,
        machine: &mut Machine,
        fresh: bool,
        models: &mut Models<'_>,
        engine: &mut dyn Engine,
        observer: Observer<'_>,
    ) -> Result<Ended, Error> {
        let present: Vec<Identity> = models.iter().map(|model| model.identity().clone()).collect();
        let prices = if present == machine.start().models { Vec::new() } else { prices(models) };
        let others = (present != machine.start().models).then_some(present);
        self.take(machine, RunEvent::RunResumed { models: others, prices, fresh }).await?;
        if let (Some(call), Next::Note(unknown)) = (machine.open_call(), machine.next(machine.elapsed())) {
            // It is not made again, and the journal may know what it came to.
            let event = match machine.is_cancelled() {
                true => known::of(&self.host().journal().reader()?, machine, &call)?,
                // Its arguments have lost a secret, and the run goes on.
                false => known::of_open(self.host(), machine, &call)?,
            };
            self.take(machine, event.unwrap_or(unknown)).await?;
        }
        // What an earlier life of the run has read, it has read.
        self.tools.labels.add(machine.labels());
        for (index, model) in models.iter_mut().enumerate() {
            model.skip(machine.messages(), machine.answers_of(index));
        }
        self.work(machine, models, engine, observer).await
    }

    async fn work(
        &self,
        machine: &mut Machine,
        models: &mut Models<'_>,
        engine: &mut dyn Engine,
        observer: Observer<'_>,
    ) -> Result<Ended, Error> {
        let state: PathBuf = self.host().journal().directory().to_owned();
        let taken = || crate::journal::Error::Taken(machine.run().clone());
        let _working = self.host().at_work().begin(machine.run()).ok_or_else(taken)?;
        let cancel = self.cancel.child_token();
        let watch = cancel::watch(&state, machine.run(), cancel.clone());
        let breaker = &self.host().policy().manifest().reliability().breaker;
        // What was written of runs before is what is counted.
        self.host().journal().flush().await?;
        let (host, reader) = (self.host(), self.host().journal().reader()?);
        let quota = host.quotas().of_run(&machine.start().agent, &limits(host), host.dependencies(), &reader)?;
        let mut guarded = guarded::chain(models, self.host().dependencies(), breaker);
        let agent = Agent { quota: Some(quota), ..self.agent(cancel) };
        let span = spans::run(machine.start());
        agent.carry_on(machine, &mut guarded, engine, observer).instrument(span.clone()).await?;
        drop(guarded);
        // A run that was stopped before its end is still to be cancelled.
        watch.done();
        let report = machine.report();
        spans::ran(&span, &report);
        let is_kept = is_dead(machine);
        if is_kept {
            self.take(machine, RunEvent::DeadLettered).await?;
        }
        Ok(Ended { report, is_kept })
    }

    async fn take(&self, machine: &mut Machine, event: RunEvent) -> Result<(), Error> {
        let elapsed = machine.elapsed();
        take(machine, &mut self.engine(), elapsed, event).await
    }

    fn engine(&self) -> JournalEngine<'_> {
        JournalEngine::new(self.host().journal(), self.front)
    }

    fn past(&self, run: &RunId) -> Result<Past, Error> {
        Past::of(&self.host().journal().reader()?, run)
    }

    fn host(&self) -> &Host {
        self.tools.host
    }

    fn agent(&self, cancel: CancellationToken) -> Agent<'_, HostTools<'_>> {
        Agent { tools: self.tools, limits: limits(self.host()), clock: Arc::clone(&self.clock), cancel, quota: None }
    }
}

/// Whether the run failed for good and is worth keeping. A dry run has nothing to go on with.
fn is_dead(machine: &Machine) -> bool {
    matches!(machine.state(), State::Failed | State::TimedOut) && machine.start().mode == Mode::Live
}

async fn take(
    machine: &mut Machine,
    engine: &mut JournalEngine<'_>,
    elapsed: Duration,
    event: RunEvent,
) -> Result<(), Error> {
    let act = Box::pin(std::future::ready((elapsed, event)));
    let happened = engine.once(machine, act).await.map_err(|error| Stopped(error.to_string()))?;
    machine.apply(elapsed, &happened.event).map_err(|error| Stopped(error.to_string()))?;
    Ok(())
}

/// The manifest's bounds of a run.
#[must_use]
pub fn limits(host: &Host) -> RunLimits {
    let bounds = host.policy().manifest().run();
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    RunLimits {
        iterations: small(bounds.max_iterations),
        time: Duration::from_micros(bounds.max_time),
        tokens_per_turn: small(bounds.max_tokens_per_turn),
        tokens_per_run: bounds.max_tokens,
        calls: small(bounds.max_tool_calls),
        repairs: small(bounds.max_repairs),
        cost: bounds.max_cost,
        tokens_per_hour: bounds.max_tokens_per_hour,
        calls_per_hour: bounds.max_tool_calls_per_hour,
        reflect_every: small(bounds.reflect_every),
        ..RunLimits::default()
    }
}

/// Removes the steps of runs that ended before `before`, in microseconds since 1970.
pub(crate) async fn expire(journal: &Journal, before: u64) -> Result<(), crate::journal::Error> {
    for run in outlived(&journal.reader()?, before)? {
        match journal.expire_run(&run, clock::micros()).await {
            // Somebody else did it meanwhile.
            Ok(()) | Err(crate::journal::Error::Taken(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The runs that ended before `before` and still have their steps. Not those that wait for a person.
pub(crate) fn outlived(reader: &Reader, before: u64) -> Result<Vec<RunId>, crate::journal::Error> {
    let mut runs = Vec::new();
    for record in reader.outlived_runs(before)? {
        if !is_kept(reader, &record)? {
            runs.push(record.run);
        }
    }
    Ok(runs)
}
