//! `sparse_growth`: a file that says it is large and takes no place, until somebody copies it. Hits `bytes-written`.

use toolhold_sdk::prelude::*;

/// Makes a file this long without writing to it.
#[tool(hints(destructive), needs(read("/**", "test"), write("/**", "test")))]
pub(crate) fn sparse_growth(
    /// The file.
    path: String,
    /// How long.
    bytes: u64,
) -> Result<u64> {
    std::fs::File::create(path)?.set_len(bytes)?;
    Ok(bytes)
}
