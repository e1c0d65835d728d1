//! A name that a guest chose, on a terminal.

use std::borrow::Cow;

use toolhold_core::escape;

/// `name` on one line. One with spaces, quotes or arrows is quoted, so that no name looks like a name and something else.
#[must_use]
pub(in super::super) fn path(name: &str) -> Cow<'_, str> {
    let shown = escape::line(name);
    let deceives = |character: char| character.is_whitespace() || matches!(character, '"' | '`' | '→' | '\\');
    if !name.is_empty() && !name.contains(deceives) {
        return shown;
    }
    Cow::Owned(format!("\"{}\"", shown.replace('"', "\\\"")))
}
