//! `memory_growth`: takes memory in large pieces for ever. Hits `memory`.

use std::hint::black_box;

use toolhold_sdk::prelude::*;

/// Allocates megabytes for ever and forgets them.
#[tool(hints(read_only))]
pub(crate) fn memory_growth() -> u64 {
    loop {
        std::mem::forget(black_box(vec![1_u8; 1 << 20]));
    }
}
