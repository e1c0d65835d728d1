//! The one that writes: a connection, the head of the audit, and batches of commands, each batch one transaction.
//!
//! Whoever holds the engine writes everything that waits, in order. A batch in which nobody needs the disk is committed
//! without waiting for it (`synchronous = NORMAL`: it survives a kill, not a power cut); one that does need it is on disk, with all
//! that came before, when it is answered.

use std::borrow::Cow;
use std::collections::HashMap;

use rusqlite::{Connection, OpenFlags};
use toolhold_core::approval::Approval;
use toolhold_core::chain::Head;
use toolhold_core::event::{Entry, Event};
use toolhold_core::id::CallId;
use toolhold_core::redact::Redactor;

use super::calls;
use super::completed;
use super::directory::Directory;
use super::error::Error;
use super::head::HeadFile;
use super::pruning::{self, Prune, Pruned};
use super::queue::{Answer, Command, Queue, Work};
use super::record::{Admission, Intent, Settlement};
use super::subscription::{Pending, Subscribers};
use super::unbegun::Unbegun;
use super::{Durability, Options, approvals, audit, dependencies, migrations, plans, runs, space, standing, tapes};

/// Prepared statements that are kept: more than there are.
const STATEMENTS: usize = 64;

/// Everything that is needed to write.
pub(super) struct Engine {
    connection: Connection,
    head: Head,
    file: HeadFile,
    durability: Durability,
    /// Whether commits presently wait for the disk.
    waits: Option<bool>,
    redactor: Redactor,
    subscribers: Subscribers,
    /// What the present batch wrote.
    pending: Pending,
    /// Last, so that it is released after the database is closed.
    _directory: Directory,
}

impl Engine {
    /// Opens the database, brings its form up to date, checks the end of its audit and settles what a crash left open.
    pub(super) fn open(directory: Directory, options: &Options, subscribers: Subscribers) -> Result<Self, Error> {
        let mut connection = connect(&directory)?;
        migrations::apply(&mut connection)?;
        let start = audit::start(&connection)?;
        let head = audit::last(&connection)?;
        let (file, noted) = HeadFile::open(&directory.head())?;
        if let Some(noted) = noted {
            audit::check_noted(&connection, &noted, (&start, &head))?;
        }
        let redactor = options.redactor.clone();
        let mut engine = Self {
            connection,
            head,
            file,
            durability: options.durability,
            waits: None,
            redactor,
            subscribers,
            pending: Pending::default(),
            _directory: directory,
        };
        engine.recover(options.now)?;
        Ok(engine)
    }

    /// What is taken out of what is written from here on.
    pub(super) fn learn(&mut self, redactor: &Redactor) {
        self.redactor = redactor.clone();
    }

    /// Writes everything that waits, as one batch, and answers.
    pub(super) fn work(&mut self, queue: &Queue) {
        let mut batch = queue.drain();
        batch.retain(|command| !command.is_in_vain());
        if batch.is_empty() {
            return;
        }
        let Err((batch, error)) = self.write(batch, queue) else { return };
        if error.is_of_the_database() {
            return failed(batch, &error, queue);
        }
        // One of them cannot be written, whenever it is tried: the others have nothing to do with that.
        let mut rest = batch.into_iter();
        while let Some(command) = rest.next() {
            match self.write(vec![command], queue) {
                Ok(()) => {}
                Err((one, error)) if error.is_of_the_database() => {
                    return failed(one.into_iter().chain(rest).collect(), &error, queue);
                }
                Err((one, error)) => one.into_iter().for_each(|command| drop(answered(command, Err(error.clone())))),
            }
        }
    }

    /// Writes a batch and answers, or gives it back.
    fn write(&mut self, mut batch: Vec<Command>, queue: &Queue) -> Result<(), (Vec<Command>, Error)> {
        let durable = batch.iter().any(|command| command.durable);
        let answers = match self.transact(&batch, durable) {
            Ok(answers) => answers,
            Err(error) => return Err((batch, error)),
        };
        queue.finished(Vec::new(), true);
        self.pending.tell(&self.subscribers, &mut batch);
        let unbegun: Vec<_> =
            batch.into_iter().zip(answers).filter_map(|(command, answer)| answered(command, answer)).collect();
        if !unbegun.is_empty() {
            queue.finished(unbegun, true);
        }
        Ok(())
    }

    /// One transaction around all of `batch`. Where it fails, nothing of it is written.
    fn transact(&mut self, batch: &[Command], durable: bool) -> Result<Vec<Result<Answer, Error>>, Error> {
        let waits = durable && self.durability == Durability::Full;
        self.wait_for_disk(waits)?;
        let before = self.head;
        match self.attempt(batch) {
            Ok(answers) => {
                if waits {
                    self.file.note(&self.head);
                }
                Ok(answers)
            }
            Err(error) => {
                self.head = before;
                self.pending.roll_back();
                if !self.connection.is_autocommit() {
                    // Where even this fails, the next BEGIN does too, and nothing is written.
                    let _failed = self.connection.execute_batch("ROLLBACK").is_err();
                }
                Err(error)
            }
        }
    }

    fn attempt(&mut self, batch: &[Command]) -> Result<Vec<Result<Answer, Error>>, Error> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let whole = completed::within(batch);
        let mut answers = Vec::with_capacity(batch.len());
        for (number, command) in batch.iter().enumerate() {
            answers.push(self.apply((number, &command.work), &whole)?);
        }
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(answers)
    }

    /// The outer error ends the batch, the inner one does not: nothing was written of that command.
    fn apply(
        &mut self,
        (number, work): (usize, &Work),
        whole: &HashMap<&CallId, &Intent>,
    ) -> Result<Result<Answer, Error>, Error> {
        let answer = match work {
            Work::Admit(intent) if whole.contains_key(&intent.call) => {
                return Ok(Ok(Answer::Admission(Admission::Fresh)));
            }
            Work::Admit(intent) => self.admit(intent)?,
            Work::Ask(ask) => approvals::ask(&self.connection, ask, &self.redactor)?,
            Work::Change(changing) => approvals::change(&self.connection, changing, &self.redactor)?,
            Work::ExpireApprovals(now) => {
                calls::Step { event: None, answer: Ok(Answer::Approvals(self.expire(*now)?)) }
            }
            Work::RemoveApprovals(before, at) => {
                calls::Step { event: None, answer: Ok(Answer::Removed(self.remove_approvals(*before, *at)?)) }
            }
            Work::Prune(prune) => return self.prune(prune),
            Work::GiveBack(pages) => {
                let given = space::give_back(&self.connection, *pages)?;
                calls::Step { event: None, answer: Ok(Answer::Removed(given)) }
            }
            Work::Settle(call, settlement) => match whole.get(call) {
                Some(intent) => completed::write(&self.connection, intent, settlement, &self.redactor)?,
                None => {
                    if let Some(event) = plans::settle(&self.connection, call, settlement)? {
                        self.append(settlement.at, event)?;
                    }
                    calls::settle(&self.connection, call, settlement, &self.redactor)?
                }
            },
            Work::Plan(planned) => plans::insert(&self.connection, planned, &self.redactor)?,
            Work::Turn(turn) => plans::turn(&self.connection, turn)?,
            Work::Park(call, reason, at) => calls::park(&self.connection, call, &self.redactor.redact(reason), *at)?,
            Work::Run(step) => self.step(number, step)?,
            Work::Tape(kept) => tapes::insert(&self.connection, kept, &self.redactor)?,
            Work::ExpireRun(run, at) => {
                tapes::expire(&self.connection, run)?;
                runs::expire(&self.connection, run, *at)?
            }
            Work::Resolve(call, settlement) => self.resolve(call, settlement)?,
            Work::Remember(remember) => dependencies::remember(&self.connection, remember, &self.redactor)?,
            Work::Record(at, event) => calls::Step { event: Some((*at, (**event).clone())), answer: Ok(Answer::Done) },
            Work::Announce(at, event) => calls::Step { event: self.news(*at, event)?, answer: Ok(Answer::Done) },
            Work::Barrier => calls::Step { event: None, answer: Ok(Answer::Done) },
            Work::Probe => self.probe()?,
        };
        if let Some((at, event)) = answer.event {
            self.append(at, event)?;
        }
        Ok(answer.answer)
    }

    /// INVARIANT: an approval is used in the transaction that admits the call.
    fn admit(&mut self, intent: &Intent) -> Result<calls::Step, Error> {
        let step = calls::admit(&self.connection, intent, &self.redactor)?;
        if matches!(step.answer, Ok(Answer::Admission(Admission::Fresh)))
            && let Some(event) = approvals::take(&self.connection, intent, &self.redactor)?
        {
            self.append(intent.at, event)?;
        }
        Ok(step)
    }

    /// What a person found out of a call. One that did nothing never lands, either.
    fn resolve(&mut self, call: &CallId, settlement: &Settlement) -> Result<calls::Step, Error> {
        if !calls::is_unknown(&self.connection, call)? {
            return Ok(calls::Step { event: None, answer: Err(Error::NotUnknown(call.clone())) });
        }
        let nothing = settlement.end.reason();
        self.append(settlement.at, Event::UnknownResolved { call: call.clone(), succeeded: nothing.is_none() })?;
        if let Some(reason) = nothing
            && let Some(event) = plans::give_up(&self.connection, call, reason)?
        {
            self.append(settlement.at, event)?;
        }
        calls::settle(&self.connection, call, settlement, &self.redactor)
    }

    /// Approvals whose time is over.
    fn expire(&mut self, now: u64) -> Result<Vec<Approval>, Error> {
        let (expired, events) = approvals::expire(&self.connection, now, &self.redactor)?;
        events.into_iter().try_for_each(|event| self.append(now, event))?;
        Ok(expired)
    }

    /// Approvals whose time was over before `before`, a bounded number of them.
    fn remove_approvals(&mut self, before: u64, at: u64) -> Result<usize, Error> {
        let removed = approvals::remove(&self.connection, before)?;
        let number = removed.len();
        removed.into_iter().try_for_each(|approval| self.append(at, Event::ApprovalRemoved { approval }))?;
        Ok(number)
    }

    /// One step of removing what is old. What is found broken in the audit is not removed, and is no failure of the disk.
    fn prune(&mut self, prune: &Prune) -> Result<Result<Answer, Error>, Error> {
        let sifted = match pruning::sift(&self.connection, prune.before) {
            Ok(Some(sifted)) => sifted,
            Ok(None) => return Ok(Ok(Answer::Pruned(Pruned::default()))),
            Err(error @ Error::Broken(_)) => return Ok(Err(error)),
            Err(error) => return Err(error),
        };
        sifted.remove(&self.connection)?;
        // As they were written: what stays is compared with them to the letter.
        for (sequence, entry) in sifted.kept.iter().cloned() {
            self.append_as_it_is(Entry::new(prune.at, Event::EntryKept { sequence, entry: Box::new(entry) }))?;
        }
        self.append(prune.at, sifted.event(prune))?;
        audit::cut(&self.connection, &sifted.until, self.head.sequence)?;
        Ok(Ok(Answer::Pruned(sifted.counts())))
    }

    fn step(&mut self, number: usize, step: &runs::RunStep) -> Result<calls::Step, Error> {
        let appended = runs::append(&self.connection, step, &self.redactor)?;
        if appended.stored {
            self.pending.step(number, appended.redacted);
        }
        Ok(appended.step)
    }

    /// Writes what is there already: a page, like anything else that is written.
    fn probe(&self) -> Result<calls::Step, Error> {
        let form: i64 = self.connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        self.connection.pragma_update(None, "user_version", form)?;
        Ok(calls::Step { event: None, answer: Ok(Answer::Done) })
    }

    /// The event, unless it says what the audit says already.
    fn news(&self, at: u64, event: &Event) -> Result<Option<(u64, Event)>, Error> {
        // Noted as it is written: `audit verify` compares the two.
        let event = self.clean(event.clone());
        let is_news = match event.standing() {
            Some(standing) => standing::is_news(&self.connection, &standing)?,
            None => true,
        };
        Ok(is_news.then_some((at, event)))
    }

    fn append(&mut self, at: u64, event: Event) -> Result<(), Error> {
        let event = self.clean(event);
        self.append_as_it_is(Entry::new(at, event))
    }

    fn append_as_it_is(&mut self, entry: Entry) -> Result<(), Error> {
        self.head = audit::append(&self.connection, &self.head, &entry)?;
        self.pending.entry(self.head.sequence, entry);
        Ok(())
    }

    /// An event without secrets: the name of a tool is what a model wrote, the end of a run may quote anything. What the host itself
    /// says is no secret, although one may be written like it.
    fn clean(&self, mut event: Event) -> Event {
        if !self.redactor.is_empty() {
            for text in event.free_texts() {
                let Cow::Owned(clean) = self.redactor.redact(text) else { continue };
                *text = clean;
            }
        }
        event
    }

    /// Calls that were admitted and not settled, because the host stopped in between; approvals whose time is over.
    fn recover(&mut self, now: u64) -> Result<(), Error> {
        let open = calls::open(&self.connection)?;
        if !open.is_empty() {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            for (call, effects) in open {
                if plans::is_ready(&self.connection, &call)? {
                    // Whoever knows how to finish it asks for it.
                    continue;
                }
                let event = calls::cut_off(&self.connection, call, effects, now)?;
                self.append(now, event)?;
            }
            self.connection.execute_batch("COMMIT")?;
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        self.expire(now)?;
        self.connection.execute_batch("COMMIT")?;
        // Before anybody can follow.
        self.pending.roll_back();
        self.checkpoint()
    }

    /// Moves the log into the database, on disk, and notes the end. After it, the database is one file.
    fn checkpoint(&mut self) -> Result<(), Error> {
        self.wait_for_disk(true)?;
        let busy: i64 = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        // Where a reader holds the log open, it stays there and is as safe; only the note may not run ahead of the disk.
        if busy == 0 {
            self.file.note(&self.head);
        }
        Ok(())
    }

    fn wait_for_disk(&mut self, waits: bool) -> Result<(), Error> {
        if self.waits != Some(waits) {
            self.connection.pragma_update(None, "synchronous", if waits { "FULL" } else { "NORMAL" })?;
            self.waits = Some(waits);
        }
        Ok(())
    }

    /// Writes the database anew, without what is free in it. Everybody waits meanwhile.
    pub(super) fn compact(&mut self) -> Result<(), Error> {
        space::compact(&self.connection)?;
        self.checkpoint()
    }

    #[cfg(test)]
    pub(super) fn with_connection(&self, act: impl FnOnce(&Connection)) {
        act(&self.connection);
    }

    /// Leaves one file behind. What cannot be moved out of the log is as safe in it.
    pub(super) fn close(mut self, queue: &Queue) {
        self.work(queue);
        if let Err(error) = self.checkpoint() {
            tracing::warn!(%error, "the journal's log stays beside it");
        }
    }
}

/// Tells whoever waits for it. What settles the call where one was admitted for a caller that has gone away.
fn answered(command: Command, answer: Result<Answer, Error>) -> Option<Command> {
    let Some(reply) = command.reply else {
        if let Err(error) = answer {
            tracing::error!(%error, "a journal entry for which nobody waited was refused");
        }
        return None;
    };
    let is_fresh = matches!(answer, Ok(Answer::Admission(Admission::Fresh)));
    let was_taken = reply.send(answer);
    match &command.work {
        Work::Admit(intent) if is_fresh && !was_taken => Some(Unbegun::of(intent).settled()),
        _ => None,
    }
}

/// Nothing of `batch` was written. What nobody waits for is kept, and so is what became of a call: its caller is told that it is not on
/// record, which it is once that is possible.
fn failed(batch: Vec<Command>, error: &Error, queue: &Queue) {
    tracing::error!(%error, "the journal cannot be written");
    let (mut kept, mut waiting) = (Vec::new(), Vec::new());
    for mut command in batch {
        let reply = command.reply.take();
        if reply.is_none() || command.work.is_an_end() {
            kept.push(command);
        }
        waiting.extend(reply);
    }
    queue.finished(kept, false);
    for reply in waiting {
        let _was_there = reply.send(Err(error.clone()));
    }
}

fn connect(directory: &Directory) -> Result<Connection, Error> {
    let path = directory.database();
    // Created here, so that it belongs to its owner alone from its first byte on.
    drop(super::directory::private(&path).map_err(Error::io("open", &path))?);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(&path, flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    space::of_new_ones(&connection)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(Error::Database(format!(
            "the file system of `{}` does not support a write-ahead log",
            path.display()
        )));
    }
    connection.execute_batch(space::SHORT_LOG)?;
    connection
        .execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}
