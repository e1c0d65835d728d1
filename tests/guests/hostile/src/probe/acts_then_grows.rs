//! `acts_then_grows`: leaves a line in a file and then takes memory for ever. Whatever stops it, it has acted.

use std::hint::black_box;
use std::io::Write;

use toolhold_sdk::prelude::*;

/// Appends a line to a file, then grows.
#[tool(hints(additive), needs(write("/**", "test"), read("/**", "test")))]
pub(crate) fn acts_then_grows(
    /// The file.
    path: String,
) -> Result<u64> {
    std::fs::OpenOptions::new().create(true).append(true).open(path)?.write_all(b"acted\n")?;
    loop {
        std::mem::forget(black_box(vec![1_u8; 1 << 20]));
    }
}
