//! `sleep_forever`: sleeps for as long as a program can say. Hits `time`; a caller who gives up does not wait for it.

use std::time::Duration;

use toolhold_sdk::prelude::*;

/// Sleeps.
#[tool(hints(read_only))]
pub(crate) fn sleep_forever() -> u64 {
    emit("started");
    loop {
        std::thread::sleep(Duration::MAX);
    }
}
