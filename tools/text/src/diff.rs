//! `diff`: what changed between two texts.

use similar::{ChangeTag, TextDiff};
use toolhold_sdk::prelude::*;

/// Bytes of both texts together; comparing takes time that grows faster than they do.
const MAX_INPUT_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of the diff.
const MAX_DIFF_BYTES: usize = 256 * 1024;
/// Lines of context unless asked otherwise.
const DEFAULT_CONTEXT: usize = 3;
/// Lines of context at most.
const MAX_CONTEXT: usize = 100;

/// A comparison.
#[output]
pub(crate) struct Comparison {
    /// True if there is no difference.
    identical: bool,
    /// Unified diff; empty if there is no difference.
    diff: String,
    /// Lines added.
    added: usize,
    /// Lines removed.
    removed: usize,
    /// True if the diff was cut.
    truncated: bool,
}

/// Compares two texts line by line and returns a unified diff.
#[tool(title = "Compare texts", hints(read_only, idempotent))]
pub(crate) fn diff(
    /// Text before.
    old: String,
    /// Text after.
    new: String,
    /// Name of the old text in the header; `old` if left out.
    old_name: Option<String>,
    /// Name of the new text in the header; `new` if left out.
    new_name: Option<String>,
    /// Unchanged lines to show around each change, at most 100; 3 if left out.
    context: Option<usize>,
) -> Result<Comparison> {
    if old.len() + new.len() > MAX_INPUT_BYTES {
        return Err(Error::invalid_args(format!(
            "the texts have more than {MAX_INPUT_BYTES} bytes together; compare parts of them"
        )));
    }
    let compared = TextDiff::from_lines(&old, &new);
    let (mut added, mut removed) = (0, 0);
    for change in compared.iter_all_changes() {
        match change.tag() {
            ChangeTag::Insert => added += 1,
            ChangeTag::Delete => removed += 1,
            ChangeTag::Equal => {}
        }
    }
    let names = (old_name.as_deref().unwrap_or("old"), new_name.as_deref().unwrap_or("new"));
    let context = context.unwrap_or(DEFAULT_CONTEXT).min(MAX_CONTEXT);
    let mut text = compared.unified_diff().context_radius(context).header(names.0, names.1).to_string();
    let truncated = text.len() > MAX_DIFF_BYTES;
    text.truncate(text.floor_char_boundary(MAX_DIFF_BYTES));
    Ok(Comparison { identical: old == new, diff: text, added, removed, truncated })
}
