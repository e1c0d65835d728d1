//! `links`: makes links of both kinds and moves things, to have a name for what lies outside of the grant.

use toolhold_sdk::prelude::*;
use wasip2::filesystem::types::PathFlags;

use crate::raw;

/// One try: from a directory and a path to another.
#[args]
pub(crate) struct Try {
    /// `symlink`, `link` or `rename`.
    how: String,
    /// Granted directory of what exists.
    from: String,
    /// What exists, or what a symbolic link says.
    old: String,
    /// Granted directory of what shall be.
    to: String,
    /// What shall be.
    new: String,
}

/// Tries each, and says which of them the host did.
#[tool(hints(destructive), needs(read("/**", "test"), write("/**", "test")))]
pub(crate) fn links(
    /// What to try.
    tries: Vec<Try>,
) -> Result<Vec<String>> {
    let mut done = Vec::new();
    for one in &tries {
        let (from, to) = (raw::granted(&one.from)?, raw::granted(&one.to)?);
        let result = match one.how.as_str() {
            "symlink" => to.symlink_at(&one.old, &one.new),
            "link" => from.link_at(PathFlags::empty(), &one.old, &to, &one.new),
            "link-follow" => from.link_at(PathFlags::SYMLINK_FOLLOW, &one.old, &to, &one.new),
            _ => from.rename_at(&one.old, &to, &one.new),
        };
        if result.is_ok() {
            done.push(format!("{} {}:{} {}:{}", one.how, one.from, one.old, one.to, one.new));
        }
    }
    Ok(done)
}
