//! `pollable_leak`: subscribes to a clock for ever and drops nothing. Hits `handles`.

use toolhold_sdk::prelude::*;
use wasip2::clocks::monotonic_clock::subscribe_duration;

/// Makes pollables for ever and forgets them.
#[tool(hints(read_only))]
pub(crate) fn pollable_leak() -> u64 {
    loop {
        std::mem::forget(subscribe_duration(1_000_000_000));
    }
}
