//! `log_flood`: log lines for ever. Hits `log`.

use toolhold_sdk::prelude::*;

/// Logs lines of this many bytes for ever.
#[tool(hints(read_only))]
pub(crate) fn log_flood(
    /// Bytes of each line.
    bytes: usize,
) -> u64 {
    let line = "x".repeat(bytes);
    loop {
        info!("{line}");
    }
}
