//! `host_calls`: work that the host does for the guest, for ever; hardly any fuel burns. Hits `host-calls`.

use std::hint::black_box;

use toolhold_sdk::prelude::*;

/// Asks for ever whether it was cancelled, and does not care.
#[tool(hints(read_only))]
pub(crate) fn host_calls() -> u64 {
    loop {
        black_box(cancelled());
    }
}
