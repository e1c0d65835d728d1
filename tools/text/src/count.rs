//! `count`: sizes of a text.

use toolhold_sdk::prelude::*;

/// Sizes of a text.
#[output]
pub(crate) struct Counts {
    /// Lines; a last one without a newline counts.
    lines: usize,
    /// Words: runs of anything but white space.
    words: usize,
    /// Unicode characters (scalar values).
    characters: usize,
    /// Bytes in UTF-8.
    bytes: usize,
}

/// Counts lines, words, characters and bytes of a text.
#[tool(title = "Count", hints(read_only, idempotent))]
pub(crate) fn count(
    /// The text.
    text: String,
) -> Counts {
    Counts {
        lines: text.lines().count(),
        words: text.split_whitespace().count(),
        characters: text.chars().count(),
        bytes: text.len(),
    }
}
