//! `giant_random`: asks for more random bytes than any host has memory for.

use toolhold_sdk::prelude::*;

/// Asks for this many random bytes at once.
#[tool(hints(read_only))]
pub(crate) fn giant_random(
    /// How many; all that a number can say if left out.
    bytes: Option<u64>,
) -> usize {
    wasip2::random::random::get_random_bytes(bytes.unwrap_or(u64::MAX)).len()
}
