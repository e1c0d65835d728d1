//! `progress_flood`: progress for ever, with long words. The host drops some; hits `host-calls`.

use toolhold_sdk::prelude::*;

/// Reports progress for ever.
#[tool(hints(read_only))]
pub(crate) fn progress_flood(
    /// Bytes of each message.
    bytes: usize,
) -> u64 {
    let message = "x".repeat(bytes);
    loop {
        progress(f64::NAN, f64::INFINITY, &message);
    }
}
