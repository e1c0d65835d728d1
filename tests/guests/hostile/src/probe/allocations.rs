//! `allocations`: very many small ones, none given back. Hits `memory`.

use std::hint::black_box;

use toolhold_sdk::prelude::*;

/// Allocates boxes for ever and forgets them.
#[tool]
pub(crate) fn allocations() -> u64 {
    let mut count = 0_u64;
    loop {
        std::mem::forget(black_box(Box::new([count; 4])));
        count += 1;
    }
}
