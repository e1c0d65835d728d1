//! The journal: what was about to be done, what came of it, and an audit that shows whether anybody changed it.
//!
//! One SQLite database in the state directory, one writer. [`Journal::admit`] writes the intent before the act and tells a
//! repeat from a first call by its key; [`Journal::settle`] writes the outcome after it. Both append to the audit in the same
//! transaction. Commands that wait at the same time share a transaction, so many callers share one wait for the disk.
//!
//! * A call that can change something is admitted and settled **on disk** before its caller goes on
//!   ([`Durability::Full`]): nothing acknowledged is lost, and no effect is without its record.
//! * For a call that cannot, nobody waits: it is written within milliseconds, mostly when it is over and as one entry. A power
//!   cut or a kill can lose the last of these. While the journal cannot be written they wait too, and fail.
//! * After a crash, a call that was admitted and not settled is *abandoned* if it could not change anything (it may run
//!   again) and *unknown* otherwise: parked until a person settles it, never repeated by itself.
//!
//! What the audit shows: each entry's hash covers the one before it, `audit.head` notes the end, and what is stored of a call
//! must be what the audit says of it. So an edit, a cut, a reordering by somebody who can write the database is found.
//! Somebody who can write the whole state directory and knows this format can write all of it anew; against that, note
//! [`Verified::head`] elsewhere and have it compared. What is old can be removed from the beginning, where the audit itself says so: what is
//! left still holds, and joins on to an export of what was removed. Entries for which nobody waited and that came after the last one that
//! did can be cut off unnoticed until the journal is closed.

mod approvals;
mod audit;
mod calls;
mod completed;
mod dependencies;
mod directory;
mod engine;
mod error;
mod head;
mod joined;
mod lent;
mod lookup;
mod migrations;
mod plans;
mod pruning;
mod queue;
mod reader;
mod record;
mod runs;
mod search;
mod space;
mod standing;
mod subscription;
mod tapes;
mod unbegun;
mod verify;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, TryLockError, mpsc};
use std::thread::JoinHandle;

use tokio::sync::{broadcast, oneshot};
use toolhold_core::approval::Approval;
use toolhold_core::event::{Effects, Event};
use toolhold_core::id::{ApprovalId, CallId, RunId};
use toolhold_core::limit::Usage;
use toolhold_core::redact::Redactor;

pub use approvals::{ApprovalFilter, Ask, Asked, Change, Modified};
pub use dependencies::{Kind, Remember, Remembered};
pub(crate) use directory::prepared;
pub use error::Error;
pub use lookup::{AuditFilter, FoundEntry, NameOf, ToolUse};
pub use plans::{HistoryEntry, HistoryFilter, KeptBytes, PlanKind, PlanRecord, PlanState, Planned};
pub use pruning::{Prune, Pruned};
pub use reader::Reader;
pub use record::{Admission, CallRecord, CallUse, Filter, Intent, ScopedKey, Settled, Settlement, State};
pub use runs::{Origin, RunEventRecord, RunFilter, RunHead, RunRecord, RunStep};
pub use search::{AuditEntry, AuditPage, AuditSearch};
pub use subscription::Noted;
pub use tapes::KeptTape;
pub use verify::Verified;
pub use watch::Watched;

use approvals::Changing;
use directory::Directory;
use engine::Engine;
use lent::Idle;
use plans::Turn;
use queue::{Answer, Command, Queue, Reply, Work};
use subscription::Subscribers;
use unbegun::{Awaited, Unbegun};

/// How a journal is opened.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether calls with effects wait for the disk.
    pub durability: Durability,
    /// Taken out of arguments, results and failures before they are written.
    pub redactor: Redactor,
    /// Now, in microseconds since 1970: when the calls that a crash left open are settled.
    pub now: u64,
}

/// What an acknowledged call with effects survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A power cut.
    #[default]
    Full,
    /// A kill of the process, not a power cut: about ten times as fast.
    Normal,
}

/// An open journal. Cheap to clone; closed, with everything written, when the last clone is dropped.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Arc<Queue>,
    engine: Arc<Mutex<Option<Engine>>>,
    subscribers: Subscribers,
    writer: Option<JoinHandle<()>>,
    path: PathBuf,
    /// Connections of readers.
    idle: Arc<Idle>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Journal({})", self.inner.path.display())
    }
}

impl Journal {
    /// Opens the journal in `directory`, which is created for its owner alone if it is not there.
    ///
    /// # Errors
    ///
    /// [`Error`]: another process has it, others may write it, it cannot be written, it is damaged, its end was cut off.
    pub fn open(directory: &Path, options: &Options) -> Result<Self, Error> {
        let directory = Directory::open(directory)?;
        let path = directory.path().to_owned();
        let subscribers = Subscribers::default();
        let engine = Engine::open(directory, options, subscribers.clone())?;
        let engine = Arc::new(Mutex::new(Some(engine)));
        let queue = Arc::new(Queue::default());
        let (for_writer, engine_of_writer) = (Arc::clone(&queue), Arc::clone(&engine));
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            let queue = CloseAtEnd(for_writer);
            while queue.0.wait() {
                work(&engine_of_writer, &queue.0);
            }
        });
        let writer = Some(thread.map_err(Error::io("start the writer of", &path))?);
        Ok(Self { inner: Arc::new(Inner { queue, engine, subscribers, writer, path, idle: Arc::default() }) })
    }

    /// Whether the call may run. Written before the answer where it can change something or has a key; otherwise soon after.
    ///
    /// Dropped before the answer was taken, the call never begins, and its key is free again.
    ///
    /// # Errors
    ///
    /// It could not be written: the call must not run.
    pub async fn admit(&self, intent: Intent) -> Result<Admission, Error> {
        let (durable, waits) = (intent.is_durable(), intent.waits());
        admission(self.write(Work::Admit(Box::new(intent)), durable, waits).await?)
    }

    /// [`Journal::admit`] for a plain thread.
    ///
    /// # Errors
    ///
    /// It could not be written: the call must not run.
    pub fn admit_blocking(&self, intent: Intent) -> Result<Admission, Error> {
        let (durable, waits) = (intent.is_durable(), intent.waits());
        admission(self.write_blocking(Work::Admit(Box::new(intent)), durable, waits)?)
    }

    /// Writes how a call ended: before the answer where it could change something, otherwise soon after.
    ///
    /// Also settles an *unknown* call, when a person found out what it did.
    ///
    /// # Errors
    ///
    /// It could not be written, or the call does not wait for its outcome. What it did remains done. What could not be written is kept,
    /// here and in [`Journal::park`], and written as soon as it can be.
    pub async fn settle(&self, call: &CallId, settlement: Settlement) -> Result<(), Error> {
        let durable = settlement.durable;
        self.write(Work::Settle(call.clone(), Box::new(settlement)), durable, false).await.map(drop)
    }

    /// [`Journal::settle`] for a plain thread.
    ///
    /// # Errors
    ///
    /// It could not be written, or the call does not wait for its outcome.
    pub fn settle_blocking(&self, call: &CallId, settlement: Settlement) -> Result<(), Error> {
        let durable = settlement.durable;
        self.write_blocking(Work::Settle(call.clone(), Box::new(settlement)), durable, false).map(drop)
    }

    /// [`Journal::settle`] where nobody is left to wait. Errors are logged; the call then counts as unknown after a restart.
    pub fn settle_behind(&self, call: &CallId, settlement: Settlement) {
        let durable = settlement.durable;
        let work = Work::Settle(call.clone(), Box::new(settlement));
        if let Err(error) = self.inner.queue.push(Command { work, durable, reply: None }, true) {
            tracing::error!(%error, %call, "the outcome of a call was not written");
        }
    }

    /// Adds an event that is not of an admitted call to the audit: a denial, an invalid call, the begin of a run. Nobody waits.
    ///
    /// # Errors
    ///
    /// The journal cannot be written.
    pub async fn record(&self, at: u64, event: Event) -> Result<(), Error> {
        self.write(Work::Record(at, Box::new(event)), false, false).await.map(drop)
    }

    /// [`Journal::record`] for a plain thread.
    ///
    /// # Errors
    ///
    /// The journal cannot be written.
    pub fn record_blocking(&self, at: u64, event: Event) -> Result<(), Error> {
        self.write_blocking(Work::Record(at, Box::new(event)), false, false).map(drop)
    }

    /// [`Journal::record`] for what holds until something else is said of the same manifest or component: it is added only
    /// where the audit does not say so already.
    ///
    /// # Errors
    ///
    /// The journal cannot be written.
    pub async fn announce(&self, at: u64, event: Event) -> Result<(), Error> {
        self.write(Work::Announce(at, Box::new(event)), false, false).await.map(drop)
    }

    /// Writes a plan down, on disk before the answer: what it says is done from here on. Also keeps previews.
    ///
    /// # Errors
    ///
    /// It could not be written: nothing of the plan must be done.
    pub async fn plan(&self, planned: Planned) -> Result<(), Error> {
        self.write(Work::Plan(Box::new(planned)), true, true).await.map(drop)
    }

    /// [`Journal::plan`] for a plain thread.
    ///
    /// # Errors
    ///
    /// It could not be written: nothing of the plan must be done.
    pub fn plan_blocking(&self, planned: Planned) -> Result<(), Error> {
        self.write_blocking(Work::Plan(Box::new(planned)), true, true).map(drop)
    }

    /// Begins to take a plan back, on disk before the answer.
    ///
    /// # Errors
    ///
    /// It has not landed, or is taken back already; or it could not be written.
    pub async fn begin_undo(&self, call: &CallId, at: u64) -> Result<(), Error> {
        self.turn(call, (PlanState::Landed, PlanState::Undoing), None, at).await
    }

    /// The plan was taken back, or was not for a `reason`.
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub async fn end_undo(&self, call: &CallId, reason: Option<String>, at: u64) -> Result<(), Error> {
        let to = if reason.is_some() { PlanState::Landed } else { PlanState::Undone };
        self.turn(call, (PlanState::Undoing, to), reason, at).await
    }

    /// The files of a plan in this state were removed.
    ///
    /// # Errors
    ///
    /// It is in another state, or it could not be written.
    pub async fn expire(&self, call: &CallId, from: PlanState, at: u64) -> Result<(), Error> {
        self.turn(call, (from, PlanState::Expired), None, at).await
    }

    async fn turn(
        &self,
        call: &CallId,
        (from, to): (PlanState, PlanState),
        reason: Option<String>,
        at: u64,
    ) -> Result<(), Error> {
        let turn = Turn { call: call.clone(), from, to, reason, at };
        self.write(Work::Turn(Box::new(turn)), true, true).await.map(drop)
    }

    /// Nobody knows what the call did, for this reason: it is parked.
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub async fn park(&self, call: &CallId, reason: String, at: u64) -> Result<(), Error> {
        self.write(Work::Park(call.clone(), reason, at), true, true).await.map(drop)
    }

    /// [`Journal::park`] where nobody is left to wait. Errors are logged; the call is then parked after a restart.
    pub fn park_behind(&self, call: &CallId, reason: String, at: u64) {
        let work = Work::Park(call.clone(), reason, at);
        if let Err(error) = self.inner.queue.push(Command { work, durable: true, reply: None }, true) {
            tracing::error!(%error, %call, "a call of which nobody knows what it did was not parked");
        }
    }

    /// Settles an unknown call as a person decided, who found out what it did: with this result, or that it did nothing, so
    /// that its key is free again.
    ///
    /// A plan of one that did nothing is never done from then on: nothing of it may be on the disk.
    ///
    /// # Errors
    ///
    /// It is not unknown, or it could not be written.
    pub async fn resolve(&self, call: &CallId, result: Option<String>, at: u64) -> Result<(), Error> {
        let settlement = match result {
            Some(text) => Settlement::success(text, Usage::default(), Effects::Possible, at),
            None => Settlement::nothing("a person found out that it did nothing", Effects::Possible, at),
        };
        self.write(Work::Resolve(call.clone(), Box::new(settlement)), true, true).await.map(drop)
    }

    /// Asks a person, on disk before the answer.
    ///
    /// # Errors
    ///
    /// It could not be written, or a secret stands where nothing can take its place.
    pub async fn ask(&self, ask: Ask) -> Result<Asked, Error> {
        match self.write(Work::Ask(Box::new(ask)), true, true).await? {
            Some(Answer::Asked(asked)) => Ok(asked),
            _ => Err(Error::Closed),
        }
    }

    /// Does what happens to an approval, on disk before the answer: nobody acts on what could be forgotten.
    ///
    /// # Errors
    ///
    /// There is none of that name, its time is over, it cannot take that step, or it could not be written.
    pub async fn change_approval(&self, approval: &ApprovalId, change: Change, at: u64) -> Result<Approval, Error> {
        let changing = Changing { approval: approval.clone(), change, at };
        match self.write(Work::Change(Box::new(changing)), true, true).await? {
            Some(Answer::Approval(approval)) => Ok(*approval),
            _ => Err(Error::Closed),
        }
    }

    /// Removes approvals that nobody can answer or use any more and whose time was over before `before`, and says of how many. There may be
    /// more.
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub async fn remove_approvals(&self, before: u64, at: u64) -> Result<usize, Error> {
        match self.write(Work::RemoveApprovals(before, at), false, true).await? {
            Some(Answer::Removed(number)) => Ok(number),
            _ => Err(Error::Closed),
        }
    }

    /// Writes down that the time of some approvals is over, and says of which.
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub async fn expire_approvals(&self, now: u64) -> Result<Vec<Approval>, Error> {
        match self.write(Work::ExpireApprovals(now), false, true).await? {
            Some(Answer::Approvals(expired)) => Ok(expired),
            _ => Ok(Vec::new()),
        }
    }

    /// Remembers something of a dependency. Nobody waits, and where too much waits to be written already, only what the audit
    /// is to be told is written.
    pub fn remember(&self, remember: Remember) {
        if remember.event.is_none() && !self.inner.queue.has_room() {
            return;
        }
        let work = Work::Remember(Box::new(remember));
        if let Err(error) = self.inner.queue.push(Command { work, durable: false, reply: None }, true) {
            tracing::warn!(%error, "the state of a dependency was not written");
        }
    }

    /// [`Journal::park`] for a plain thread.
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub fn park_blocking(&self, call: &CallId, reason: String, at: u64) -> Result<(), Error> {
        self.write_blocking(Work::Park(call.clone(), reason, at), true, true).map(drop)
    }

    /// Writes a step of a run down; the order of the steps is that of these calls.
    ///
    /// # Errors
    ///
    /// It could not be written, or another step has its number.
    pub async fn run_step(&self, step: RunStep) -> Result<(), Error> {
        let (durable, waits) = (step.durable, step.waits);
        self.write(Work::Run(Box::new(step)), durable, waits).await.map(drop)
    }

    /// Keeps what an attempt at a call of a run was given. Nobody waits.
    ///
    /// # Errors
    ///
    /// The journal cannot be written.
    pub async fn keep_tape(&self, kept: KeptTape) -> Result<(), Error> {
        self.write(Work::Tape(Box::new(kept)), false, false).await.map(drop)
    }

    /// One step of removing what is old: ended calls and ended runs with what belongs to them, and the audit of them. Nothing was left to be
    /// removed where it comes to no entries.
    ///
    /// # Errors
    ///
    /// The audit is broken there, or it could not be written: nothing of the step was removed.
    pub async fn prune(&self, prune: Prune) -> Result<Pruned, Error> {
        match self.write(Work::Prune(Box::new(prune)), false, true).await? {
            Some(Answer::Pruned(pruned)) => Ok(pruned),
            _ => Err(Error::Closed),
        }
    }

    /// Gives some of what is free in the database back to the file system, and says whether there was any. A database from before this was
    /// possible keeps it, for what is written next, until it is [compacted](Self::compact).
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub async fn give_back(&self) -> Result<bool, Error> {
        match self.write(Work::GiveBack(space::PAGES_OF_A_STEP), false, true).await? {
            Some(Answer::Removed(pages)) => Ok(pages > 0),
            _ => Err(Error::Closed),
        }
    }

    /// Writes the database anew, without what is free in it. Needs as much room again meanwhile. Blocks everybody who writes.
    ///
    /// # Errors
    ///
    /// It could not be written: it is what it was.
    pub fn compact(&self) -> Result<(), Error> {
        let mut engine = self.inner.engine.lock().map_err(|_| Error::Closed)?;
        engine.as_mut().ok_or(Error::Closed)?.compact()
    }

    /// Removes the steps of a run that is over.
    ///
    /// # Errors
    ///
    /// They are removed already, or it could not be written.
    pub async fn expire_run(&self, run: &RunId, at: u64) -> Result<(), Error> {
        self.write(Work::ExpireRun(run.clone(), at), false, true).await.map(drop)
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.inner.path
    }

    /// Waits until everything before it is on disk.
    ///
    /// # Errors
    ///
    /// The journal cannot be written.
    pub async fn flush(&self) -> Result<(), Error> {
        self.write(Work::Barrier, true, true).await.map(drop)
    }

    /// Waits until everything before it can be read. It need not be on disk yet.
    ///
    /// # Errors
    ///
    /// The journal cannot be written.
    pub async fn written(&self) -> Result<(), Error> {
        self.write(Work::Barrier, false, true).await.map(drop)
    }

    /// Whether anything can be written now: writes what is there already, on disk before the answer.
    ///
    /// # Errors
    ///
    /// The journal cannot be written.
    pub async fn probe(&self) -> Result<(), Error> {
        self.write(Work::Probe, true, true).await.map(drop)
    }

    /// [`Journal::flush`] for a plain thread.
    ///
    /// # Errors
    ///
    /// The journal cannot be written.
    pub fn flush_blocking(&self) -> Result<(), Error> {
        self.write_blocking(Work::Barrier, true, true).map(drop)
    }

    /// Follows the journal: all that is committed from here on, in order. Who reads too slowly is told how much was missed; the
    /// writer waits for nobody. Ends when the journal is closed, and does not keep it open.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Noted>> {
        self.inner.subscribers.subscribe()
    }

    /// How it does, without keeping it open.
    #[must_use]
    pub fn watch(&self) -> Watched {
        Watched { directory: self.inner.path.clone(), queue: Arc::downgrade(&self.inner.queue) }
    }

    /// From here on, what `redactor` knows is taken out of what is written: it has to know all that the one before did. Blocks while somebody
    /// writes.
    pub(crate) fn learn(&self, redactor: &Redactor) {
        // Where a writer panicked, nothing is written any more.
        if let Ok(mut engine) = self.inner.engine.lock()
            && let Some(engine) = engine.as_mut()
        {
            engine.learn(redactor);
        }
    }

    /// A second, read-only view of the same journal. Sees what was written so far.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn reader(&self) -> Result<Reader, Error> {
        Reader::lent(&self.inner.path, &self.inner.idle)
    }

    /// `None` where nobody has to wait: the command is in the queue.
    async fn write(&self, work: Work, durable: bool, waits: bool) -> Result<Option<Answer>, Error> {
        let queue = &self.inner.queue;
        if !durable && !waits && queue.has_room() {
            return queue.push(Command { work, durable, reply: None }, true).map(|()| None);
        }
        let (sender, answer) = oneshot::channel();
        let admits = if let Work::Admit(intent) = &work { Some(Unbegun::of(intent)) } else { None };
        queue.push(Command { work, durable, reply: Some(Reply::Task(sender)) }, true)?;
        Awaited { answer, queue, admits }.taken().await.map(Some)
    }

    /// A thread that has to wait anyway writes what waits itself, if nobody else does: no other thread has to wake up.
    fn write_blocking(&self, work: Work, durable: bool, waits: bool) -> Result<Option<Answer>, Error> {
        let queue = &self.inner.queue;
        if !durable && !waits && queue.has_room() {
            return queue.push(Command { work, durable, reply: None }, true).map(|()| None);
        }
        let (sender, receiver) = mpsc::sync_channel(1);
        queue.push(Command { work, durable, reply: Some(Reply::Thread(sender)) }, false)?;
        match self.inner.engine.try_lock() {
            Ok(mut engine) => engine.as_mut().ok_or(Error::Closed)?.work(queue),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Poisoned(_)) => return Err(Error::Closed),
        }
        // For this command where another thread is writing, or for those that came meanwhile.
        queue.wake();
        receiver.recv().map_err(|_| Error::Closed)?.map(Some)
    }
}

/// What a call is told for which nobody waited: it has no key, so it is the first.
fn admission(answer: Option<Answer>) -> Result<Admission, Error> {
    match answer {
        Some(Answer::Admission(admission)) => Ok(admission),
        None | Some(_) => Ok(Admission::Fresh),
    }
}

/// When the writer ends, however it does, nobody waits for it any longer.
struct CloseAtEnd(Arc<Queue>);

impl Drop for CloseAtEnd {
    fn drop(&mut self) {
        self.0.close();
        if std::thread::panicking() {
            drop(self.0.drain());
        }
    }
}

fn work(engine: &Mutex<Option<Engine>>, queue: &Queue) {
    // A panic while writing poisons the lock: from then on every caller is told that the journal is closed.
    match engine.lock().map(|mut engine| engine.as_mut().map(|engine| engine.work(queue))) {
        Ok(Some(())) => {}
        Ok(None) | Err(_) => {
            for reply in queue.drain().into_iter().filter_map(|command| command.reply) {
                let _was_there = reply.send(Err(Error::Closed));
            }
        }
    }
}

#[cfg(test)]
impl Journal {
    /// Nothing is written until this value is dropped.
    fn hold(&self) -> std::sync::MutexGuard<'_, Option<Engine>> {
        self.inner.engine.lock().unwrap()
    }

    /// Lets a test do to the database what a disk would.
    pub(crate) fn with_connection(&self, act: impl FnOnce(&rusqlite::Connection)) {
        self.inner.engine.lock().unwrap().as_ref().unwrap().with_connection(act);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            let _panicked = writer.join().is_err();
        }
        // Before the engine, which leaves one file where nobody else has it open.
        self.idle.close();
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(engine) = engine {
            engine.close(&self.queue);
        }
    }
}

#[cfg(test)]
mod tests;
