//! `exits`: leaves through `wasi:cli/exit` in the middle of a call. No result came of it, whatever the status says.

use toolhold_sdk::prelude::*;

/// Exits with this status.
#[tool(hints(read_only))]
pub(crate) fn exits(
    /// The status.
    status: i32,
) -> u64 {
    std::process::exit(status)
}
