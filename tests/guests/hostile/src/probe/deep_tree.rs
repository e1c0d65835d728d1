//! `deep_tree`: a directory in a directory in a directory. Hits `files-created`, or the longest path that the host allows.

use toolhold_sdk::prelude::*;

/// Creates directories within each other until it is stopped.
#[tool(hints(destructive), needs(write("/**", "test"), read("/**", "test")))]
pub(crate) fn deep_tree(
    /// Where to start.
    path: String,
) -> Result<u64> {
    let mut path = path;
    let mut depth = 0_u64;
    loop {
        path.push_str("/d");
        match std::fs::create_dir(&path) {
            Ok(()) => depth += 1,
            Err(error) => return Err(Error::failed(format!("after {depth}: {error}"))),
        }
    }
}
