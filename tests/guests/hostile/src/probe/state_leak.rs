//! `state_leak`: counts its own calls. Every call must be the first.

use std::sync::atomic::{AtomicU64, Ordering};

use toolhold_sdk::prelude::*;

static CALLS: AtomicU64 = AtomicU64::new(0);

/// Says how many calls this instance has seen.
#[tool(hints(read_only))]
pub(crate) fn state_leak() -> u64 {
    CALLS.fetch_add(1, Ordering::Relaxed) + 1
}
