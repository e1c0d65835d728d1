//! `acts_then_traps`: leaves a line in a file and then traps. Nothing may stand in for it where the line stays.

use std::io::Write;

use toolhold_sdk::prelude::*;

/// Appends a line to a file, then aborts.
#[tool(hints(additive), needs(write("/**", "test"), read("/**", "test")))]
pub(crate) fn acts_then_traps(
    /// The file.
    path: String,
) -> Result<u64> {
    std::fs::OpenOptions::new().create(true).append(true).open(path)?.write_all(b"acted\n")?;
    std::process::abort()
}
