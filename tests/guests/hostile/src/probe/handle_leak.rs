//! `handle_leak`: opens files and never closes one. Hits `handles`.

use toolhold_sdk::prelude::*;

/// Opens the same file for ever and forgets it.
#[tool(hints(read_only), needs(read("/**", "test")))]
pub(crate) fn handle_leak(
    /// A file.
    path: String,
) -> Result<u64> {
    let mut count = 0_u64;
    loop {
        std::mem::forget(std::fs::File::open(&path).with_context(|| format!("after {count}"))?);
        count += 1;
    }
}
