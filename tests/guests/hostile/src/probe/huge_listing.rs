//! `huge_listing`: names of a directory, all kept. The host must not hold a listing that the guest can make arbitrarily long.

use toolhold_sdk::prelude::*;

/// Lists a directory and counts.
#[tool(hints(read_only), needs(read("/**", "test")))]
pub(crate) fn huge_listing(
    /// The directory.
    path: String,
) -> Result<usize> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path)? {
        names.push(entry?.file_name());
    }
    Ok(names.len())
}
