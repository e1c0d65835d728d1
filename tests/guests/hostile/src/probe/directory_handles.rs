//! `directory_handles`: opens directories and never closes one. Hits `handles`.

use toolhold_sdk::prelude::*;

/// Opens the same directory for ever and forgets it.
#[tool(hints(read_only), needs(read("/**", "test")))]
pub(crate) fn directory_handles(
    /// A directory.
    path: String,
) -> Result<u64> {
    loop {
        std::mem::forget(std::fs::read_dir(&path)?);
    }
}
