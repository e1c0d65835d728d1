//! `giant_result`: a success of megabytes. Hits `output`.

use toolhold_sdk::prelude::*;

/// Returns a text of this many bytes.
#[tool(hints(read_only))]
pub(crate) fn giant_result(
    /// How many.
    bytes: usize,
) -> String {
    "x".repeat(bytes)
}
