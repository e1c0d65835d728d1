//! `endless_loop`: computes for ever and calls nothing. Hits `fuel`, or `time` where there is more fuel than time.

use std::hint::black_box;

use toolhold_sdk::prelude::*;

/// Counts for ever.
#[tool(hints(read_only))]
pub(crate) fn endless_loop() -> u64 {
    let mut count = 0_u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}
