//! `extract`: everything that matches a pattern, with its groups.

use toolhold_sdk::prelude::*;

use crate::pattern::{self, Reading};

/// Matches returned unless asked otherwise.
const DEFAULT_LIMIT: usize = 200;
/// Matches returned at most.
const MAX_LIMIT: usize = 10_000;

/// One match.
#[output]
pub(crate) struct Match {
    /// The matched text.
    text: String,
    /// Line of its beginning, from 1.
    line: usize,
    /// Texts of the groups, in order; null for a group that took no part.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    groups: Vec<Option<String>>,
}

/// All matches.
#[output]
pub(crate) struct Matches {
    /// In the order of the text.
    matches: Vec<Match>,
    /// True if there are more than `limit`.
    truncated: bool,
}

/// Finds everything in a text that matches a regular expression, with the groups of each match.
#[tool(title = "Extract by pattern", hints(read_only, idempotent))]
pub(crate) fn extract(
    /// The text.
    text: String,
    /// Regular expression (Rust syntax: no look-around, no back-references); `^` and `$` match at lines.
    pattern: String,
    /// Ignore upper and lower case.
    #[serde(default)]
    ignore_case: bool,
    /// Let `.` match newlines too.
    #[serde(default)]
    dot_matches_newline: bool,
    /// Matches to return, at most 10000; 200 if left out.
    limit: Option<usize>,
) -> Result<Matches> {
    let regex = pattern::compile(&pattern, Reading { ignore_case, dot_matches_newline, literal: false })?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let mut found = Matches { matches: Vec::new(), truncated: false };
    let (mut line, mut counted_to) = (1, 0);
    for captures in regex.captures_iter(&text) {
        if found.matches.len() >= limit {
            found.truncated = true;
            break;
        }
        let Some(whole) = captures.get(0) else { continue };
        line += text.get(counted_to..whole.start()).map_or(0, |between| between.matches('\n').count());
        counted_to = whole.start();
        let groups = captures.iter().skip(1).map(|group| group.map(|group| group.as_str().to_owned())).collect();
        found.matches.push(Match { text: whole.as_str().to_owned(), line, groups });
    }
    Ok(found)
}
