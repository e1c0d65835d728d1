//! Agents that work inside a server: begun by whoever may, a bounded number at once, the others wait their turn.
//!
//! A run is on record before anybody is told that it was accepted, and each has a note in the state directory until it is over
//! ([`notes`]). So a server that is killed loses none: the next one takes up what this one had accepted, if it is told to. A
//! server that ends on purpose lets the calls that run come to their end, begins nothing more, and leaves its runs where they
//! can be taken up.
//!
//! A run is worked on under one manifest. When another one is taken up, the call that runs comes to its end and the run is then taken up again
//! under the new one, as by a server that was started anew; a dry run, of which nothing is on record, is cancelled.
//!
//! Nothing here decides: the calls of these runs pass the same gate as any other call.

mod error;
mod notes;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use toolhold_core::call::Mode;
use toolhold_core::effect::EffectReport;
use toolhold_core::id::RunId;
use toolhold_core::run::event::LOCAL;
use toolhold_core::schema::CompiledSchema;

pub use self::error::Refused;
use self::notes::Notes;
use self::work::Job;
use super::past::Past;
use super::places::Places;
use super::preflight;
use super::work::limits;
use crate::agent::model::{Described, Model};
use crate::agent::{Clock, Task, TokioClock};
use crate::{Current, Host, clock};

/// Who asked for a run, as the audit says, where nobody is named.
const FRONT: &str = "serve";

/// Most models of one chain.
const MOST_MODELS: usize = 16;

/// How many dry runs are remembered with all that they would change.
const REMEMBERED: usize = 64;

/// How runs are worked on.
#[derive(Debug)]
pub struct Settings {
    /// How many at once. Each holds at most one call at a time; one that waits for a person lends its place to others.
    pub at_once: usize,
    /// How many wait for their turn beside those. More are refused. Those that wait for a person count only beyond `max-waiting` of them.
    pub waiting: usize,
    /// Who is asked where a run names no model.
    pub models: Described,
}

impl Default for Settings {
    /// Four at once, a hundred that wait, the chain of the manifest.
    fn default() -> Self {
        Self { at_once: 4, waiting: 100, models: Described::default() }
    }
}

/// A run that is asked for.
#[derive(Debug, Clone, Default)]
pub struct NewRun {
    /// What is to be done, in words.
    pub task: String,
    /// Whose run it is; `None` is that of whoever names none.
    pub agent: Option<String>,
    /// Nothing that it does lands.
    pub is_dry: bool,
    /// The JSON Schema that the answer has to conform to.
    pub answer_schema: Option<Value>,
    /// Who is asked, by name; none is whom the server was started with, or the manifest's chain.
    pub models: Vec<String>,
    /// The name of the run. The same name is the same run.
    pub run: Option<RunId>,
    /// Who asks for it, as the audit says: `api:NAME`.
    pub by: Option<String>,
}

/// A run that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Which run.
    pub run: RunId,
    /// It was accepted before, under the same name.
    pub is_known: bool,
}

/// What became of a wish to cancel a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelling {
    /// Nobody worked on it, and it is over.
    Done,
    /// Whoever works on it was told.
    Asked,
}

/// The agents of a server. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

/// Runs, and what ends each.
type Present = BTreeMap<RunId, CancellationToken>;

struct Inner {
    host: Current,
    models: Described,
    most: usize,
    clock: Arc<dyn Clock>,
    notes: Notes,
    /// One for each run that is worked on at the same time.
    places: Places,
    /// The runs that are worked on or wait, and what ends each.
    present: Mutex<Present>,
    /// What the latest dry runs would have changed, the oldest first.
    dry: Mutex<Vec<(RunId, EffectReport)>>,
    /// Nothing is begun any more.
    pause: CancellationToken,
    /// Nothing is waited for any more.
    abandon: CancellationToken,
    tasks: TaskTracker,
}

impl Service {
    /// Agents for `host`. Works on nothing yet.
    #[must_use]
    pub fn new(host: impl Into<Current>, settings: Settings) -> Self {
        let (host, at_once) = (host.into(), settings.at_once.max(1));
        let notes = Notes::new(host.host().journal().directory());
        Self(Arc::new(Inner {
            host,
            models: settings.models,
            most: at_once.saturating_add(settings.waiting),
            clock: Arc::new(TokioClock::default()),
            notes,
            places: Places::new(at_once),
            present: Mutex::default(),
            dry: Mutex::default(),
            pause: CancellationToken::new(),
            abandon: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Accepts a new run: it is on record when this returns, and is worked on as soon as there is room.
    ///
    /// # Errors
    ///
    /// [`Refused`]: nothing was begun.
    pub async fn begin(&self, new: NewRun) -> Result<Accepted, Refused> {
        // One host from here to the end of the work on it.
        let host = self.host();
        let task = self.task(&host, &new)?;
        if new.run.is_some() && self.is_known(&host, &task)? {
            return Ok(Accepted { run: task.run, is_known: true });
        }
        let models = self.models(&host, &new.models)?;
        let by = new.by.as_deref().unwrap_or(FRONT);
        let mut job = Job::new((self.clone(), self.claim(&host, &task.run)?, host), models, task.mode, by);
        refuse_blocked(&job)?;
        let run = task.run.clone();
        job.note()?;
        self.carried_out(async move { job.begin(task).await }).await?;
        Ok(Accepted { run, is_known: false })
    }

    /// Takes up a run that was cut off; of no `models`, those that it had are asked.
    ///
    /// # Errors
    ///
    /// [`Refused`]: it is over, a dry run, or worked on already.
    pub async fn resume(&self, run: &RunId, models: &[String]) -> Result<(), Refused> {
        let claim = self.claim(&self.host(), run)?;
        self.resume_with(claim, models)
    }

    /// Lets a dead run go on.
    ///
    /// # Errors
    ///
    /// [`Refused`]: it is not dead, or can only be forked.
    pub async fn requeue(&self, run: &RunId, models: &[String]) -> Result<(), Refused> {
        let claim = self.claim(&self.host(), run)?;
        let mut job = self.job_of(run, claim, models)?;
        job.note()?;
        let run = run.clone();
        self.carried_out(async move { job.requeue(&run).await }).await
    }

    /// Whoever asked may go away: what is on record is worked on.
    async fn carried_out(
        &self,
        act: impl Future<Output = Result<(), Refused>> + Send + 'static,
    ) -> Result<(), Refused> {
        self.0.tasks.spawn(act).await.map_err(|_| Refused::Ending)?
    }

    /// Begins a new run as a copy of another one up to `step`; of no step, up to the last one at which nothing was half done.
    /// It is the run of whoever asks for it, `by`.
    ///
    /// # Errors
    ///
    /// [`Refused`]: there is no such step, or something is half done at it.
    pub async fn fork(
        &self,
        from: &RunId,
        step: Option<u64>,
        note: Option<String>,
        models: &[String],
        by: Option<&str>,
    ) -> Result<RunId, Refused> {
        let step = match step {
            Some(step) => step,
            None => self.past(from)?.machine()?.checkpoint(),
        };
        let run = clock::new_run();
        let claim = self.claim(&self.host(), &run)?;
        let mut job = self.job_of(from, claim, models)?;
        job.note()?;
        let (from, copy, by) = (from.clone(), run.clone(), behalf(by));
        self.carried_out(async move { job.fork((&from, step), copy, note, by).await }).await?;
        Ok(run)
    }

    /// Ends a run: at once where nobody works on it, else whoever does is told.
    ///
    /// # Errors
    ///
    /// [`Refused`]: there is no such run, or it is over.
    pub async fn cancel(&self, run: &RunId) -> Result<Cancelling, Refused> {
        if let Some(cancel) = self.present().get(run) {
            cancel.cancel();
            return Ok(Cancelling::Asked);
        }
        let host = self.host();
        if host.at_work().has(run) {
            // Somebody else in this process, who looks for the wish.
            super::request_cancel(host.journal().directory(), run)?;
            return Ok(Cancelling::Asked);
        }
        super::cancel(host.journal(), run).await?;
        self.0.notes.remove(run);
        Ok(Cancelling::Done)
    }

    /// Decides that a dead run stays dead.
    ///
    /// # Errors
    ///
    /// [`Refused`]: it is not dead.
    pub async fn discard(&self, run: &RunId) -> Result<(), Refused> {
        work::discard(&self.host(), &self.0.clock, run).await
    }

    /// Takes up what an earlier server had accepted and not ended. Returns how many runs it takes up; what cannot go on is logged.
    ///
    /// # Errors
    ///
    /// The notes cannot be read.
    pub async fn take_up(&self) -> Result<usize, Refused> {
        let mut taken = 0;
        for run in self.0.notes.all()? {
            match self.take_up_one(&run).await {
                Ok(true) => taken += 1,
                Ok(false) => self.0.notes.remove(&run),
                Err(error) => tracing::warn!(%run, %error, "a run of the server before is not taken up"),
            }
        }
        Ok(taken)
    }

    /// `false` where there is nothing to go on with.
    async fn take_up_one(&self, run: &RunId) -> Result<bool, Refused> {
        let Some(record) = self.host().journal().reader()?.run(run)? else { return Ok(false) };
        if record.state.is_end() || record.expired {
            return Ok(false);
        }
        if record.mode == Mode::Preview {
            // What it staged is gone with the server before.
            super::cancel(self.host().journal(), run).await?;
            return Ok(false);
        }
        let claim = self.claim_again(&self.host(), run)?;
        self.resume_with(claim, &[]).map(|()| true)
    }

    /// Whether it is worked on here, or waits for its turn.
    #[must_use]
    pub fn is_present(&self, run: &RunId) -> bool {
        self.present().contains_key(run) || self.host().at_work().has(run)
    }

    /// What a dry run would have changed, if it is one of the latest that ended here.
    #[must_use]
    pub fn effects(&self, run: &RunId) -> Option<EffectReport> {
        self.dry().iter().find(|(known, _)| known == run).map(|(_, effects)| effects.clone())
    }

    /// Begins nothing more, and returns when the calls that run have ended, or were stopped because `now` was cancelled. The runs can be
    /// taken up again.
    pub async fn shut_down(&self, now: &CancellationToken) {
        self.0.pause.cancel();
        self.0.tasks.close();
        tokio::select! {
            () = self.0.tasks.wait() => {}
            () = now.cancelled() => {
                self.0.abandon.cancel();
                self.0.tasks.wait().await;
            }
        }
    }
}

impl Service {
    /// The host that is in force. Taken once for whatever is done with it.
    fn host(&self) -> Host {
        self.0.host.host()
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.0.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dry(&self) -> MutexGuard<'_, Vec<(RunId, EffectReport)>> {
        self.0.dry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, run: RunId, effects: EffectReport) {
        let mut dry = self.dry();
        if dry.len() >= REMEMBERED {
            dry.remove(0);
        }
        dry.push((run, effects));
    }

    fn task(&self, host: &Host, new: &NewRun) -> Result<Task, Refused> {
        if new.task.trim().is_empty() {
            return Err(Refused::Task("the task is empty: say what is to be done"));
        }
        let agent = new.agent.clone().unwrap_or_else(|| LOCAL.to_owned());
        agent_name(&agent).map_err(Refused::Task)?;
        if let Some(schema) = &new.answer_schema {
            CompiledSchema::compile(schema).map_err(|error| Refused::AnswerSchema(error.to_string()))?;
        }
        // In a manifest that makes every call a preview, a run is a dry run: its later calls see its earlier ones.
        let is_dry = new.is_dry || host.policy().manifest().mode() == Mode::Preview;
        let mode = if is_dry { Mode::Preview } else { Mode::Live };
        let run = new.run.clone().unwrap_or_else(clock::new_run);
        let (by, answer_schema) = (behalf(new.by.as_deref()), new.answer_schema.clone());
        Ok(Task { mode, answer_schema, agent, by, ..Task::new(run, new.task.clone()) })
    }

    /// Whether the run of that name is this one.
    fn is_known(&self, host: &Host, task: &Task) -> Result<bool, Refused> {
        let reader = host.journal().reader()?;
        if reader.run(&task.run)?.is_none() {
            return Ok(false);
        }
        let past = Past::of(&reader, &task.run)?;
        let machine = past.machine()?;
        let start = machine.start();
        let text = host.redactor().redact(&task.text).into_owned();
        let same = (&start.task, &start.agent, start.mode, &start.answer_schema)
            == (&text, &task.agent, task.mode, &task.answer_schema);
        if same { Ok(true) } else { Err(Refused::OtherTask(task.run.clone())) }
    }

    fn models(&self, host: &Host, names: &[String]) -> Result<Vec<Box<dyn Model>>, Refused> {
        if names.len() > MOST_MODELS {
            return Err(Refused::Task("a chain has at most 16 models"));
        }
        let (manifest, secrets) = (host.policy().manifest(), host.secrets());
        let models = match names {
            [] => self.0.models.open(manifest, secrets, &self.0.clock)?,
            names => self.0.models.open_known(names, manifest, secrets, &self.0.clock)?,
        };
        if models.is_empty() { Err(Refused::NoModel) } else { Ok(models) }
    }

    /// Takes a place, or one in the queue.
    fn claim(&self, host: &Host, run: &RunId) -> Result<Claim, Refused> {
        let present = self.present();
        // Who is here already is told that, also where there is no room.
        self.is_free(&present, host, run)?;
        // A person may take hours: who waits for one keeps no other from being accepted. As many as questions may wait: what is bounded there
        // is bounded here.
        let most_lent = host.policy().manifest().approvals().limits.max_waiting;
        let lent = self.0.places.lent().min(usize::try_from(most_lent).unwrap_or(usize::MAX));
        if present.len().saturating_sub(lent) >= self.0.most {
            return Err(Refused::Full(self.0.most));
        }
        Ok(self.claimed(present, run))
    }

    /// The same for a run that was accepted by the server before: there was room for it.
    fn claim_again(&self, host: &Host, run: &RunId) -> Result<Claim, Refused> {
        let present = self.present();
        self.is_free(&present, host, run)?;
        Ok(self.claimed(present, run))
    }

    fn is_free(&self, present: &Present, host: &Host, run: &RunId) -> Result<(), Refused> {
        if self.0.pause.is_cancelled() {
            return Err(Refused::Ending);
        }
        if present.contains_key(run) || host.at_work().has(run) {
            return Err(Refused::AtWork(run.clone()));
        }
        Ok(())
    }

    fn claimed(&self, mut present: MutexGuard<'_, Present>, run: &RunId) -> Claim {
        let cancel = CancellationToken::new();
        present.insert(run.clone(), cancel.clone());
        Claim { service: self.clone(), run: run.clone(), cancel }
    }

    /// Takes up a run for which there is a place.
    fn resume_with(&self, claim: Claim, models: &[String]) -> Result<(), Refused> {
        let run = claim.run.clone();
        let mut job = self.job_of(&run, claim, models)?;
        job.note()?;
        job.resume(&run)
    }

    /// The work on a run that there is already, or on a copy of it.
    fn job_of(&self, of: &RunId, claim: Claim, models: &[String]) -> Result<Job, Refused> {
        let host = self.host();
        let machine = self.past(of)?.machine()?;
        let had: Vec<String> = machine.start().models.iter().map(|model| model.name.clone()).collect();
        let models = self.models(&host, if models.is_empty() { had.as_slice() } else { models })?;
        Ok(Job::new((self.clone(), claim, host), models, Mode::Live, FRONT))
    }

    fn past(&self, run: &RunId) -> Result<Past, Refused> {
        Ok(Past::of(&self.host().journal().reader()?, run)?)
    }
}

/// Refuses a run that would come to nothing.
fn refuse_blocked(job: &Job) -> Result<(), Refused> {
    let host = job.host();
    let found = preflight::check(host, &work::specs(host), job.models(), &limits(host));
    let blocked: Vec<String> =
        found.into_iter().filter(|finding| finding.blocks).map(|finding| finding.message).collect();
    if blocked.is_empty() { Ok(()) } else { Err(Refused::Blocked(blocked.join("; "))) }
}

/// A place among the runs that are present. Dropped, it is free.
struct Claim {
    service: Service,
    run: RunId,
    cancel: CancellationToken,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.service.present().remove(&self.run);
    }
}

/// On whose behalf a run is; nobody's where the operator asks for it.
fn behalf(by: Option<&str>) -> Option<String> {
    by.filter(|by| *by != LOCAL).map(str::to_owned)
}

/// Whether a text can be whose run it is.
///
/// # Errors
///
/// What a name is.
pub fn agent_name(text: &str) -> Result<(), &'static str> {
    let is_name = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.');
    match (1..=64).contains(&text.len()) && text.chars().all(is_name) {
        true => Ok(()),
        false => Err("the name of an agent has up to 64 letters, digits, `-`, `_` and `.`"),
    }
}
