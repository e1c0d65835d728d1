//! `poll_forever`: waits in one host call for something that is centuries away. No fuel burns; hits `time`.

use toolhold_sdk::prelude::*;
use wasip2::clocks::monotonic_clock::{subscribe_duration, subscribe_instant};
use wasip2::io::poll::poll;

/// Polls two clocks for ever.
#[tool(hints(read_only))]
pub(crate) fn poll_forever() -> usize {
    let (one, other) = (subscribe_duration(u64::MAX), subscribe_instant(u64::MAX));
    poll(&[&one, &other]).len()
}
