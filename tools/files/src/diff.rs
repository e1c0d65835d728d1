//! A unified diff of bounded size, for a model that wants to see what it did.

use similar::TextDiff;
use toolhold_sdk::prelude::*;

/// Longest diff in bytes; whoever changed more reads the file.
const MAX_BYTES: usize = 16 * 1024;

/// A diff and what it leaves out.
#[output]
#[derive(Debug)]
pub(crate) struct Diff {
    /// Unified diff with three lines of context.
    pub(crate) diff: String,
    /// Lines added.
    pub(crate) added: usize,
    /// Lines removed.
    pub(crate) removed: usize,
    /// True if the diff was cut; read the file to see all of it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub(crate) diff_truncated: bool,
}

/// Compares two texts line by line.
pub(crate) fn unified(path: &str, old: &str, new: &str) -> Diff {
    let compared = TextDiff::from_lines(old, new);
    let (mut added, mut removed) = (0, 0);
    for change in compared.iter_all_changes() {
        match change.tag() {
            similar::ChangeTag::Insert => added += 1,
            similar::ChangeTag::Delete => removed += 1,
            similar::ChangeTag::Equal => {}
        }
    }
    let mut diff = compared.unified_diff().context_radius(3).header(path, path).to_string();
    let diff_truncated = diff.len() > MAX_BYTES;
    diff.truncate(diff.floor_char_boundary(MAX_BYTES));
    Diff { diff, added, removed, diff_truncated }
}
