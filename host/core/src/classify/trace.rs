//! What an attempt left outside of its sandbox.
//!
//! Staged changes are no trace: those of an attempt that is made again are thrown away.

use crate::effect::{Request, RequestState};
use crate::grant::http::Method;

use super::Seen;

/// What an attempt left behind, from nothing to what nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trace {
    /// Nothing left the host; what was staged is thrown away.
    Nothing,
    /// Requests left that ask for no change: `GET`, `HEAD`, `OPTIONS`.
    Looked,
    /// Requests that ask for a change were turned away, each with 429: by the other side's own word nothing was done.
    TurnedAway,
    /// Files may have been written in place.
    WroteInPlace,
    /// A request that asks for a change was answered.
    Answered(Keys),
    /// A request that asks for a change was sent, and no answer came.
    Unanswered(Keys),
}

/// Whether every request that asks for a change, and left, carried a key by which the other side knows it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keys {
    /// Each did.
    Sent,
    /// One did not.
    Missing,
}

impl Trace {
    /// The worst of what was seen.
    #[must_use]
    pub fn of(seen: &Seen<'_>) -> Self {
        let has_keys = !seen.writes_in_place
            && seen.requests.iter().all(|request| request.keyed || one(request) <= Self::TurnedAway);
        let keys = if has_keys { Keys::Sent } else { Keys::Missing };
        let rest = match (seen.left_out > 0, seen.may_ask_for_changes) {
            (false, _) => Self::Nothing,
            (true, false) => Self::Looked,
            (true, true) => return Self::Unanswered(Keys::Missing),
        };
        let in_place = if seen.writes_in_place { Self::WroteInPlace } else { Self::Nothing };
        match seen.requests.iter().map(one).chain([rest, in_place]).max() {
            Some(Self::Answered(_)) => Self::Answered(keys),
            Some(Self::Unanswered(_)) => Self::Unanswered(keys),
            Some(trace) => trace,
            None => Self::Nothing,
        }
    }
}

/// What one request left behind.
fn one(request: &Request) -> Trace {
    let keys = if request.keyed { Keys::Sent } else { Keys::Missing };
    // A method that is none was refused; if it were not, it would ask for a change.
    let is_safe = request.method.parse::<Method>().is_ok_and(Method::is_safe);
    match (&request.state, is_safe) {
        (RequestState::Refused { .. } | RequestState::Withheld | RequestState::NotSent { .. }, _) => Trace::Nothing,
        (RequestState::Sent { .. } | RequestState::Answered { .. }, true) => Trace::Looked,
        (RequestState::Answered { status: 429 }, false) => Trace::TurnedAway,
        (RequestState::Answered { .. }, false) => Trace::Answered(keys),
        (RequestState::Sent { .. }, false) => Trace::Unanswered(keys),
    }
}

/// A request of which nobody knows what it did, in words.
pub(super) fn unanswered(request: &Request) -> Option<String> {
    match (&request.state, one(request)) {
        (RequestState::Sent { why }, Trace::Unanswered(_)) => {
            let Request { method, url, sent_bytes, .. } = request;
            Some(format!("{method} {url} was sent with {sent_bytes} bytes and not answered: {why}"))
        }
        _ => None,
    }
}
