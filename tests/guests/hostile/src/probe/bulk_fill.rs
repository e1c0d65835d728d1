//! `bulk_fill`: one instruction that writes megabytes, over and over. Little fuel burns while much time passes.

use std::hint::black_box;

use toolhold_sdk::prelude::*;

/// Fills the same 32 MiB for ever.
#[tool]
pub(crate) fn bulk_fill() -> u64 {
    let mut bytes = vec![0_u8; 32 << 20];
    let mut value = 0_u8;
    loop {
        value = value.wrapping_add(1);
        black_box(&mut bytes).fill(black_box(value));
    }
}
