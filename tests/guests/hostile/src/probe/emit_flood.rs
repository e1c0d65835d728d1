//! `emit_flood`: parts of a result for ever. Hits `output`.

use toolhold_sdk::prelude::*;

/// Emits parts of this many bytes for ever.
#[tool(hints(read_only))]
pub(crate) fn emit_flood(
    /// Bytes of each part.
    bytes: usize,
) -> u64 {
    let part = "x".repeat(bytes);
    loop {
        emit(&part);
    }
}
