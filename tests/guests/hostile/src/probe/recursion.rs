//! `recursion`: calls itself for ever. A trap when the stack ends: the guest's, never the host's.

use std::hint::black_box;

use toolhold_sdk::prelude::*;

/// Recurses for ever.
#[tool(hints(read_only))]
pub(crate) fn recursion() -> u64 {
    deeper(0)
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deeper(depth: u64) -> u64 {
    black_box(deeper(black_box(depth) + 1)) + 1
}
