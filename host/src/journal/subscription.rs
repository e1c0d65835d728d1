//! What was committed, for whoever follows the journal while it is written: metrics, streams of events, pages that are live.
//!
//! Told after the commit and in its order; what was rolled back is told to nobody. The writer never waits: who reads too slowly
//! is told how much was missed ([`RecvError::Lagged`](tokio::sync::broadcast::error::RecvError::Lagged)) and finds it in the
//! journal. Texts are moved here from what was written, never copied, and shared by all who follow.
//!
//! To follow without a gap and without hearing anything twice: subscribe, then read what is there, then leave out what is told
//! with a number that was read.

use std::sync::Arc;

use tokio::sync::broadcast::{self, Receiver, Sender};
use toolhold_core::event::Entry;
use toolhold_core::id::RunId;
use toolhold_core::state::State;

use super::queue::{Command, Work};
use super::runs::RunEventRecord;

/// How many notes a subscriber may be behind. A batch of the writer is mostly far smaller.
pub(super) const KEPT_NOTES: usize = 4096;

/// Something that was committed. Free of known secrets, as it is stored.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "made once and shared: nobody moves it")]
pub enum Noted {
    /// An entry of the audit.
    Entry {
        /// Its number: each is one greater than the last.
        sequence: u64,
        /// What it says.
        entry: Entry,
    },
    /// A step of a run.
    Step {
        /// Which run.
        run: RunId,
        /// Where the run is after it.
        state: State,
        /// The step, as [`Reader::run_events`](super::Reader::run_events) gives it.
        event: RunEventRecord,
    },
}

/// Whoever follows.
#[derive(Debug, Clone)]
pub(super) struct Subscribers(Sender<Arc<Noted>>);

impl Default for Subscribers {
    fn default() -> Self {
        Self(broadcast::channel(KEPT_NOTES).0)
    }
}

impl Subscribers {
    /// Follows from here on.
    pub(super) fn subscribe(&self) -> Receiver<Arc<Noted>> {
        self.0.subscribe()
    }
}

/// What a batch wrote, until it is committed.
#[derive(Debug, Default)]
pub(super) struct Pending(Vec<Written>);

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "entries are nearly all of what is written")]
enum Written {
    Entry {
        sequence: u64,
        entry: Entry,
    },
    /// The step of the command with this number in its batch.
    Step {
        command: usize,
        /// What was stored of it, where that is not its own text.
        redacted: Option<String>,
    },
}

impl Pending {
    /// An entry was added to the audit.
    pub(super) fn entry(&mut self, sequence: u64, entry: Entry) {
        self.0.push(Written::Entry { sequence, entry });
    }

    /// A step was stored.
    pub(super) fn step(&mut self, command: usize, redacted: Option<String>) {
        self.0.push(Written::Step { command, redacted });
    }

    /// Nothing of it was committed.
    pub(super) fn roll_back(&mut self) {
        self.0.clear();
    }

    /// All of it was committed: tells those who follow. `batch` is what was written.
    pub(super) fn tell(&mut self, subscribers: &Subscribers, batch: &mut [Command]) {
        let written = std::mem::take(&mut self.0);
        // Asked after the commit: who subscribes later reads what is not told here.
        if subscribers.0.receiver_count() == 0 {
            return;
        }
        for note in written.into_iter().filter_map(|written| noted(written, batch)) {
            // The last one may have gone meanwhile.
            let _gone = subscribers.0.send(Arc::new(note)).is_err();
        }
    }
}

fn noted(written: Written, batch: &mut [Command]) -> Option<Noted> {
    match written {
        Written::Entry { sequence, entry } => Some(Noted::Entry { sequence, entry }),
        Written::Step { command, redacted } => {
            let Work::Run(step) = &mut batch.get_mut(command)?.work else { return None };
            let body = redacted.unwrap_or_else(|| std::mem::take(&mut step.body));
            let event = RunEventRecord { step: step.step, at: step.at, body };
            Some(Noted::Step { run: step.run.clone(), state: step.state, event })
        }
    }
}
