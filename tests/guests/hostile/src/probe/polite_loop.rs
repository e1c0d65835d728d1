//! `polite_loop`: works until it is told that nobody waits any more, and then says so.

use toolhold_sdk::prelude::*;

/// Loops until it is cancelled.
#[tool(hints(read_only))]
pub(crate) fn polite_loop() -> Result<u64> {
    emit("started");
    loop {
        check_cancelled()?;
    }
}
