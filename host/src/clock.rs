//! The one place where the host reads the wall clock and makes identifiers out of it.

use jiff::Timestamp;
use toolhold_core::id::{ApprovalId, CallId, RunId};

/// Now.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A name for a run that no other has; names sort by time.
///
/// # Panics
///
/// Never: the text of a UUID is an identifier.
#[must_use]
pub fn new_run() -> RunId {
    identifier()
}

/// A name for a call that no other has; names sort by time.
#[must_use]
pub fn new_call() -> CallId {
    identifier()
}

/// A name for a question that no other has; names sort by time.
///
/// # Panics
///
/// Never: the text of a UUID is an identifier.
#[must_use]
pub fn new_approval() -> ApprovalId {
    identifier()
}

#[expect(
    clippy::panic,
    reason = "the text of a UUID is printable ASCII of 36 characters, which every identifier may be"
)]
fn identifier<I: std::str::FromStr>() -> I {
    match uuid::Uuid::now_v7().to_string().parse() {
        Ok(identifier) => identifier,
        Err(_) => panic!("the text of a UUID is an identifier"),
    }
}

/// Now, in microseconds since 1970.
#[must_use]
pub fn micros() -> u64 {
    u64::try_from(now().as_microsecond()).unwrap_or(0)
}
