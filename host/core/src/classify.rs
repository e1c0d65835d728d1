//! Whether a call may be made again: by what left the host, by what the tool declares, and by why it ended.
//!
//! Two questions, one table. *Can* another attempt end differently ([`Cause`])? *May* it be made without doing something twice
//! ([`Trace`], and what the tool declares)? What the sandbox saw counts before what a tool says of itself: a declaration can
//! make a repeat permissible of which nobody would be harmed but the tool's own doing, and never hides that bytes have left.
//!
//! `docs/retries.md` shows the table; a test compares the two.

mod cause;
mod trace;

pub use cause::{Cause, is_fault};
pub use trace::{Keys, Trace};

use crate::breaker;
use crate::describe::Hints;
use crate::effect::Request;
use crate::outcome::Failure;

/// What is known of an attempt that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// Why it ended.
    pub cause: Cause,
    /// What left the host.
    pub trace: Trace,
    /// The tool says that a second call has no further effect, or that it has none at all.
    pub declared: bool,
}

/// What may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is over: another attempt would come to the same, or could do something twice.
    Never,
    /// Another attempt may be made.
    Repeat,
    /// Another attempt may be made, because every request that asks for a change carries the same key as before.
    RepeatWithSameKey,
    /// Nobody knows what it did. It is parked for a person.
    Unknown,
}

/// What the host saw of an attempt.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Why there is no result, if there is none.
    pub failure: Option<&'a Failure>,
    /// What was requested, oldest first.
    pub requests: &'a [Request],
    /// How many more requests there were, of which nothing is known.
    pub left_out: u64,
    /// Whether its grants let it send what may change something.
    pub may_ask_for_changes: bool,
    /// Whether its grants let it write files in place.
    pub writes_in_place: bool,
}

impl Evidence {
    /// Weighs what the host saw and what the tool declares.
    #[must_use]
    pub fn of(seen: &Seen<'_>, hints: Hints) -> Self {
        Self {
            cause: Cause::of(seen.failure, seen.requests),
            trace: Trace::of(seen),
            declared: hints.idempotent || hints.read_only,
        }
    }

    /// What may follow. The one table.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        let Self { cause, trace, declared } = self;
        match (cause.is_transient(), trace) {
            (_, Trace::Unanswered(Keys::Missing)) if cause != Cause::Done && !declared => Verdict::Unknown,
            (false, Trace::Unanswered(Keys::Sent)) if cause != Cause::Done && !declared => Verdict::Unknown,
            (false, _) => Verdict::Never,
            (true, Trace::Nothing | Trace::Looked | Trace::TurnedAway) => Verdict::Repeat,
            (true, _) if declared => Verdict::Repeat,
            (true, Trace::Unanswered(Keys::Sent) | Trace::Answered(Keys::Sent)) => Verdict::RepeatWithSameKey,
            (true, Trace::Unanswered(Keys::Missing) | Trace::Answered(Keys::Missing) | Trace::WroteInPlace) => {
                Verdict::Never
            }
        }
    }

    /// Whether nobody knows what it did, if nothing follows.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        matches!(self.trace, Trace::Unanswered(_)) && self.cause != Cause::Done && !self.declared
    }

    /// What it says of the tool, for the tool's breaker. What a remote is at fault for is told to the breaker of that remote.
    #[must_use]
    pub fn of_tool(self) -> breaker::Verdict {
        match self.cause {
            Cause::Done | Cause::Own => breaker::Verdict::Works,
            Cause::Broken => breaker::Verdict::Fault,
            Cause::Remote | Cause::Full | Cause::Elsewhere => breaker::Verdict::Nothing,
        }
    }
}

/// What made the outcome of a call unknown, for the person who decides.
#[must_use]
pub fn in_words(requests: &[Request], left_out: u64) -> String {
    let unanswered: Vec<String> = requests.iter().filter_map(trace::unanswered).collect();
    match unanswered.as_slice() {
        [] => format!("{left_out} requests more than what is written down were made, and the call failed"),
        several => several.join("; "),
    }
}

#[cfg(test)]
mod tests;
