//! Why an attempt ended: whose doing it was, and whether another one could end differently.

use crate::effect::{Request, RequestState};
use crate::limit::Limit;
use crate::outcome::{Class, Failure};

/// Whose doing the end of an attempt was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// It succeeded.
    Done,
    /// The host had no room for it.
    Full,
    /// Another machine was at fault, or the way to it: it failed, or asked to be left alone for a while.
    Remote,
    /// The tool broke: it trapped, gave an unusable result, or did not come to an end.
    Broken,
    /// The tool worked and says no: arguments, denials, what was not found.
    Own,
    /// Anything else: limits, conflicts, the host, a caller who went away.
    Elsewhere,
}

impl Cause {
    /// By the failure, if there is one, and by what became of the last request.
    #[must_use]
    pub fn of(failure: Option<&Failure>, requests: &[Request]) -> Self {
        let last = requests.last();
        let is_remote = last.is_some_and(is_fault);
        let Some(failure) = failure else {
            return if last.is_some_and(turned_away) { Self::Remote } else { Self::Done };
        };
        let out_of_time = failure.exceeded.is_some_and(|exceeded| exceeded.limit == Limit::Time);
        match failure.class {
            Class::Busy => Self::Full,
            Class::Unavailable | Class::AwaitingApproval => Self::Elsewhere,
            Class::Tool if is_remote => Self::Remote,
            Class::Tool | Class::InvalidArguments | Class::UnknownTool | Class::Denied => Self::Own,
            Class::Trap | Class::InvalidOutput => Self::Broken,
            // Whoever waits for another machine is not at fault.
            Class::Limit if out_of_time && !requests.iter().any(has_gone_out) => Self::Broken,
            Class::Limit if out_of_time => Self::Remote,
            Class::Limit | Class::Conflict | Class::Withheld | Class::Cancelled | Class::Host => Self::Elsewhere,
        }
    }

    /// Whether another attempt could end differently.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Full | Self::Remote)
    }
}

/// Whether the other side, or the way to it, was at fault in a request.
#[must_use]
pub fn is_fault(request: &Request) -> bool {
    match request.state {
        RequestState::Answered { status } => matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504),
        RequestState::NotSent { .. } | RequestState::Sent { .. } => request.fault,
        RequestState::Refused { .. } | RequestState::Withheld => false,
    }
}

/// Whether the answer says: come back later. A tool may hand such an answer on as its result.
fn turned_away(request: &Request) -> bool {
    matches!(request.state, RequestState::Answered { status: 429 | 503 })
}

/// Whether another machine was asked. What was refused or withheld never left this one.
fn has_gone_out(request: &Request) -> bool {
    !matches!(request.state, RequestState::Refused { .. } | RequestState::Withheld)
}
