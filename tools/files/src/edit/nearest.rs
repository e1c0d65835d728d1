//! A text that is not there: where something like it is, since most failed edits differ in white space or one word.

use toolhold_sdk::prelude::*;

/// Lines compared; more would make a failed edit slow.
const MAX_LINES: usize = 20_000;
/// Longest line compared by distance.
const MAX_LINE_BYTES: usize = 300;
/// Least similarity that is worth a hint.
const WORTH_NAMING: f64 = 0.6;
/// Longest excerpt of the file in a message.
const MAX_EXCERPT_BYTES: usize = 600;

/// The error for a missing `old`, with the most similar place of the text.
pub(crate) fn missing(text: &str, old: &str) -> Error {
    let lines: Vec<&str> = text.lines().take(MAX_LINES).collect();
    let wanted: Vec<&str> = old.lines().collect();
    if let Some(start) = same_but_for_space(&lines, &wanted) {
        let excerpt = excerpt(&lines, start, wanted.len());
        return Error::invalid_args(format!(
            "`old` is not in the file; lines {} differ from it in white space only:\n{excerpt}",
            span(start, wanted.len())
        ));
    }
    match most_similar(&lines, &wanted) {
        Some(start) => {
            let excerpt = excerpt(&lines, start, wanted.len());
            Error::invalid_args(format!(
                "`old` is not in the file; the most similar place is lines {}:\n{excerpt}",
                span(start, wanted.len())
            ))
        }
        None => {
            Error::invalid_args("`old` is not in the file, nor anything like it; `read` or `search` the file first")
        }
    }
}

fn same_but_for_space(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let squeeze = |line: &&str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted: Vec<String> = wanted.iter().map(squeeze).collect();
    let lines: Vec<String> = lines.iter().map(squeeze).collect();
    if wanted.iter().all(String::is_empty) {
        return None;
    }
    lines.windows(wanted.len()).position(|window| window == wanted.as_slice())
}

/// First line of the place whose line is most like the longest line of `wanted`.
fn most_similar(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let (anchor_index, anchor) = wanted.iter().enumerate().max_by_key(|(_, line)| line.trim().len())?;
    let anchor = anchor.trim();
    if anchor.is_empty() || anchor.len() > MAX_LINE_BYTES {
        return None;
    }
    let score = |line: &str| {
        let line = line.trim();
        // Lengths that differ by half cannot be similar enough; distance is quadratic.
        let comparable =
            line.len() <= MAX_LINE_BYTES && line.len().abs_diff(anchor.len()) * 2 <= anchor.len().max(line.len());
        if comparable { strsim::normalized_levenshtein(anchor, line) } else { 0.0 }
    };
    let best = lines
        .iter()
        .enumerate()
        .map(|(index, line)| (index, score(line)))
        .max_by(|left, right| left.1.total_cmp(&right.1).then(right.0.cmp(&left.0)));
    best.filter(|(_, score)| *score >= WORTH_NAMING).map(|(index, _)| index.saturating_sub(anchor_index))
}

fn excerpt(lines: &[&str], start: usize, count: usize) -> String {
    let mut excerpt = lines.iter().skip(start).take(count).copied().collect::<Vec<_>>().join("\n");
    excerpt.truncate(excerpt.floor_char_boundary(MAX_EXCERPT_BYTES));
    excerpt
}

fn span(start: usize, count: usize) -> String {
    match count {
        0 | 1 => (start + 1).to_string(),
        _ => format!("{} to {}", start + 1, start + count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "fn main() {\n    let total = compute(1, 2);\n    print(total);\n}\n";

    #[test]
    fn white_space_is_named_as_the_difference() {
        let error = missing(TEXT, "let total = compute(1, 2);\nprint(total);");
        assert_eq!(
            error.message(),
            "`old` is not in the file; lines 2 to 3 differ from it in white space only:\n    let total = compute(1, 2);\n    print(total);"
        );
    }

    #[test]
    fn the_most_similar_line_is_shown() {
        let error = missing(TEXT, "    let total = compute(1, 3);");
        assert!(
            error.message().contains("the most similar place is lines 2:\n    let total = compute(1, 2);"),
            "{error}"
        );
        assert!(missing(TEXT, "struct Unrelated;").message().contains("nor anything like it"));
    }
}
