//! Hunks on the text of a file.

use toolhold_sdk::prelude::*;

use super::parse::{Hunk, Line, LineKind};

/// Lines shown where a hunk does not fit.
const SHOWN: usize = 3;

/// Applies all hunks, and counts those that were not where they say.
///
/// # Errors
/// `invalid-args` that names each hunk that does not fit.
pub(super) fn apply_all(text: &str, hunks: &[Hunk]) -> Result<(String, usize)> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let crlf = text.contains('\n') && text.matches("\r\n").count() == text.matches('\n').count();
    // A patch that has the carriage returns of the file means those of its new lines, and their absence.
    let complete =
        hunks.iter().flat_map(|hunk| &hunk.lines).any(|line| line.kind != LineKind::New && line.text.ends_with('\r'));
    let ending = if crlf && !complete { "\r\n" } else { "\n" };
    let (mut result, mut from, mut shift, mut moved) = (String::with_capacity(text.len()), 0, 0_i64, 0);
    let mut problems = Vec::new();
    for (index, hunk) in hunks.iter().enumerate() {
        let old: Vec<&Line> = hunk.lines.iter().filter(|line| line.kind != LineKind::New).collect();
        // Without old lines, the number is that of the line before.
        let said = if old.is_empty() { hunk.old_start } else { hunk.old_start.saturating_sub(1) };
        let expected = usize::try_from(i64::try_from(said).unwrap_or(i64::MAX).saturating_add(shift)).unwrap_or(0);
        let place = match find(&lines, &old, expected, from) {
            Ok(place) => place,
            Err(problem) => {
                problems.push(format!("hunk {} (line {}): {problem}", index + 1, hunk.old_start));
                continue;
            }
        };
        moved += usize::from(place != said);
        shift = i64::try_from(place).unwrap_or(0) - i64::try_from(said).unwrap_or(0);
        result.extend(lines.get(from..place).unwrap_or_default().iter().copied());
        from = place + old.len();
        put(&mut result, hunk, lines.get(place..from).unwrap_or_default(), ending);
    }
    if !problems.is_empty() {
        return Err(Error::invalid_args(problems.join("; ")));
    }
    result.extend(lines.get(from..).unwrap_or_default().iter().copied());
    Ok((result, moved))
}

/// Writes the new lines; those that are in both versions as they are in the file.
fn put(result: &mut String, hunk: &Hunk, mut there: &[&str], ending: &str) {
    for line in &hunk.lines {
        match line.kind {
            LineKind::New => {
                result.push_str(line.text.strip_suffix('\r').filter(|_| ending == "\r\n").unwrap_or(&line.text));
                result.push_str(if line.newline { ending } else { "" });
            }
            LineKind::Old | LineKind::Both => {
                if let Some((first, rest)) = there.split_first() {
                    there = rest;
                    if line.kind == LineKind::Both {
                        result.push_str(first);
                    }
                }
            }
        }
    }
}

/// Where the old lines are: where they are expected, or else at the one place where all are.
fn find(lines: &[&str], old: &[&Line], expected: usize, from: usize) -> std::result::Result<usize, String> {
    if old.is_empty() {
        return if (from..=lines.len()).contains(&expected) {
            Ok(expected)
        } else {
            Err(format!("it adds lines behind line {expected}, but the file has {}", lines.len()))
        };
    }
    let fits = |place: usize| {
        lines
            .get(place..place + old.len())
            .is_some_and(|there| there.iter().zip(old).all(|(there, line)| same(there, line)))
    };
    if expected >= from && fits(expected) {
        return Ok(expected);
    }
    let mut places = (from..=lines.len().saturating_sub(old.len())).filter(|place| fits(*place));
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (Some(first), Some(second)) => Err(format!(
            "its lines are not there but at {} and {}; more context tells which is meant",
            first + 1,
            second + 1
        )),
        (None, _) => Err(mismatch(lines, old, expected)),
    }
}

/// Whether a line of the file is a line of the patch. A patch may have lost the carriage returns of the file on its way.
fn same(there: &str, line: &Line) -> bool {
    let (body, newline) = there.strip_suffix('\n').map_or((there, false), |body| (body, true));
    newline == line.newline && (body == line.text || body.strip_suffix('\r') == Some(line.text.as_str()))
}

fn mismatch(lines: &[&str], old: &[&Line], expected: usize) -> String {
    let first = old
        .iter()
        .enumerate()
        .find(|(index, line)| !lines.get(expected + index).is_some_and(|there| same(there, line)));
    let Some((index, line)) = first else { return "it overlaps the hunk before".to_owned() };
    let number = expected + index + 1;
    let there = lines.get(expected + index..).unwrap_or_default().iter().take(SHOWN);
    let there: Vec<String> = there.map(|line| format!("`{}`", line.trim_end_matches(['\n', '\r']))).collect();
    let ending = if line.newline { "" } else { " without a newline" };
    match there.as_slice() {
        [] => format!("it wants `{}`{ending} at line {number}, but the file ends before", line.text),
        there => format!("it wants `{}`{ending} at line {number}, but there is {}", line.text, there.join(", ")),
    }
}
