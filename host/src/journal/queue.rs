//! What waits to be written, in the order in which it will be.
//!
//! Bounded: when too much waits, whoever comes next waits for its own write too, so the queue holds at most the bound and
//! one command per waiting caller.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;
use toolhold_core::approval::Approval;
use toolhold_core::event::Event;
use toolhold_core::id::{CallId, RunId};

use super::approvals::{Ask, Asked, Changing};
use super::dependencies::Remember;
use super::error::Error;
use super::plans::{Planned, Turn};
use super::pruning::{Prune, Pruned};
use super::record::{Admission, Intent, Settlement};
use super::runs::RunStep;
use super::tapes::KeptTape;

/// Most commands that wait without their callers waiting.
const MAX_COMMANDS: usize = 8192;

/// Most text that waits, in bytes.
const MAX_BYTES: usize = 32 << 20;

/// How long the writer lets commands gather for which nobody waits. A `kill -9` loses at most these.
const LINGER: Duration = Duration::from_millis(5);

/// One thing to write.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) work: Work,
    /// Whether it must be on disk before it is answered.
    pub(super) durable: bool,
    /// Who waits for it.
    pub(super) reply: Option<Reply>,
}

impl Command {
    /// Whether it admits a call for a caller that has gone away, so that nobody would make the call.
    pub(super) fn is_in_vain(&self) -> bool {
        matches!(self.work, Work::Admit(_)) && self.reply.as_ref().is_some_and(Reply::is_gone)
    }
}

#[derive(Debug)]
pub(super) enum Work {
    Admit(Box<Intent>),
    Settle(CallId, Box<Settlement>),
    Record(u64, Box<Event>),
    Plan(Box<Planned>),
    Turn(Box<Turn>),
    Park(CallId, String, u64),
    Run(Box<RunStep>),
    Tape(Box<KeptTape>),
    ExpireRun(RunId, u64),
    /// A person settles a parked call.
    Resolve(CallId, Box<Settlement>),
    Remember(Box<Remember>),
    Ask(Box<Ask>),
    Change(Box<Changing>),
    /// Approvals whose time is over by now.
    ExpireApprovals(u64),
    /// Approvals whose time was over before this; and the time.
    RemoveApprovals(u64, u64),
    /// One step of removing what is old.
    Prune(Box<Prune>),
    /// Gives so many free pages back to the file system.
    GiveBack(u32),
    /// An event that is added only where it says something new.
    Announce(u64, Box<Event>),
    /// Nothing: answered when everything before it is written.
    Barrier,
    /// What is there already, so that it is known whether anything can be written.
    Probe,
}

impl Work {
    /// Whether it says what became of a call that was made. That stays true, whether or not its caller could be told that it is written.
    pub(super) fn is_an_end(&self) -> bool {
        matches!(self, Self::Settle(..) | Self::Park(..))
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Admit(intent) => intent.text.len(),
            Self::Settle(_, settlement) | Self::Resolve(_, settlement) => settlement.text_bytes(),
            Self::Remember(remember) => remember.bytes(),
            Self::Plan(planned) => planned.bytes(),
            Self::Run(step) => step.body.len(),
            Self::Tape(kept) => kept.bytes(),
            Self::Ask(ask) => ask.bytes(),
            Self::ExpireRun(..)
            | Self::Turn(_)
            | Self::Park(..)
            | Self::Change(_)
            | Self::ExpireApprovals(_)
            | Self::RemoveApprovals(..)
            | Self::Prune(_)
            | Self::GiveBack(_)
            | Self::Record(..)
            | Self::Announce(..)
            | Self::Barrier
            | Self::Probe => 0,
        }
    }
}

/// What a command came to.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Admission(Admission),
    Asked(Asked),
    Approval(Box<Approval>),
    Approvals(Vec<Approval>),
    /// How many.
    Removed(usize),
    Pruned(Pruned),
    Done,
}

/// How an answer reaches its caller: a plain thread or a task.
#[derive(Debug)]
pub(super) enum Reply {
    Thread(mpsc::SyncSender<Result<Answer, Error>>),
    Task(oneshot::Sender<Result<Answer, Error>>),
}

impl Reply {
    /// Says whether the caller was still there. One that has gone away is not an error.
    pub(super) fn send(self, answer: Result<Answer, Error>) -> bool {
        match self {
            Self::Thread(sender) => sender.send(answer).is_ok(),
            Self::Task(sender) => sender.send(answer).is_ok(),
        }
    }

    /// A thread waits for as long as it takes; a task may be given up.
    fn is_gone(&self) -> bool {
        match self {
            Self::Thread(_) => false,
            Self::Task(sender) => sender.is_closed(),
        }
    }
}

/// The queue and what its users wait on.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    writer: Condvar,
}

#[derive(Debug, Default)]
struct State {
    commands: Vec<Command>,
    bytes: usize,
    /// Somebody waits for a command in the queue.
    urgent: bool,
    /// The writer waits for a first command.
    idle: bool,
    /// The last attempt to write failed: nobody is told that a command is written before it is.
    failing: bool,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change of the state is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a command for which its caller need not wait can be taken without waiting.
    pub(super) fn has_room(&self) -> bool {
        let state = self.lock();
        state.commands.len() < MAX_COMMANDS && state.bytes < MAX_BYTES && !state.failing
    }

    /// How many commands wait, and whether the last attempt to write failed.
    pub(super) fn waiting(&self) -> (usize, bool) {
        let state = self.lock();
        (state.commands.len(), state.failing)
    }

    /// Adds a command. `wake` is false where the caller is about to write it itself.
    pub(super) fn push(&self, command: Command, wake: bool) -> Result<(), Error> {
        let mut state = self.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        let is_urgent = command.reply.is_some();
        state.bytes += command.work.bytes();
        state.commands.push(command);
        state.urgent |= is_urgent;
        let is_full = state.commands.len() >= MAX_COMMANDS / 2 || state.bytes >= MAX_BYTES / 2;
        if wake && (state.idle || is_urgent || is_full) {
            state.idle = false;
            self.writer.notify_one();
        }
        Ok(())
    }

    /// Wakes the writer for what was pushed without waking it.
    pub(super) fn wake(&self) {
        let mut state = self.lock();
        if !state.commands.is_empty() {
            state.idle = false;
            self.writer.notify_one();
        }
    }

    /// Waits until there is something worth writing. `false` when the queue is closed and empty, or cannot be written.
    pub(super) fn wait(&self) -> bool {
        let mut state = self.lock();
        // While writing fails, only somebody who waits for it is worth a further attempt.
        while (state.commands.is_empty() || (state.failing && !state.urgent)) && !state.closed {
            state.idle = true;
            state = self.writer.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.idle = false;
        let gathers = |state: &mut State| {
            !state.urgent && !state.closed && state.commands.len() < MAX_COMMANDS / 2 && state.bytes < MAX_BYTES / 2
        };
        let waited = self.writer.wait_timeout_while(state, LINGER, gathers);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !(state.closed && (state.commands.is_empty() || state.failing))
    }

    /// Takes everything.
    pub(super) fn drain(&self) -> Vec<Command> {
        let mut state = self.lock();
        state.urgent = false;
        state.bytes = 0;
        std::mem::take(&mut state.commands)
    }

    /// Notes whether writing works. What was `kept`, and nobody waits for, goes first next time.
    pub(super) fn finished(&self, kept: Vec<Command>, works: bool) {
        let mut state = self.lock();
        state.failing = !works;
        if !kept.is_empty() {
            state.bytes += kept.iter().map(|command| command.work.bytes()).sum::<usize>();
            let later = std::mem::replace(&mut state.commands, kept);
            state.commands.extend(later);
        }
    }

    /// Takes no further commands; what waits is still written.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.writer.notify_all();
    }
}
