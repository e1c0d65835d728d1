//! Replacing in a text, independent of files.

use std::borrow::Cow;

use toolhold_sdk::prelude::*;

use super::Replacement;
use super::nearest;

/// Line numbers named in an "occurs more than once" message.
const NAMED_LINES: usize = 8;

/// Applies all edits and counts the replaced places. A text whose every line ends with CR LF is edited as if it had LF.
///
/// # Errors
/// `invalid-args` that names the edit, and where to look.
pub(crate) fn all(text: &str, edits: &[Replacement]) -> Result<(String, usize)> {
    let crlf = has_only_crlf(text);
    let mut current: String = if crlf { text.replace("\r\n", "\n") } else { text.to_owned() };
    let mut total = 0;
    for (index, edit) in edits.iter().enumerate() {
        let (changed, count) = one(&current, edit, crlf).map_err(|error| match edits.len() {
            1 => error,
            _ => error.context(format!("nothing was changed: edit {} of {}", index + 1, edits.len())),
        })?;
        current = changed;
        total += count;
    }
    Ok((if crlf { current.replace('\n', "\r\n") } else { current }, total))
}

fn one(text: &str, edit: &Replacement, crlf: bool) -> Result<(String, usize)> {
    let normal = |text: &'_ str| -> Cow<'_, str> {
        if crlf { text.replace("\r\n", "\n").into() } else { text.to_owned().into() }
    };
    let (old, new) = (normal(&edit.old), normal(&edit.new));
    if old.is_empty() {
        return Err(Error::invalid_args("`old` is empty; give the text to replace, or use `write` for a new file"));
    }
    if old == new {
        return Err(Error::invalid_args("`old` and `new` are the same; nothing would change"));
    }
    let places: Vec<usize> = text.match_indices(old.as_ref()).map(|(start, _)| start).collect();
    match places.as_slice() {
        [] => Err(nearest::missing(text, &old)),
        // Places that overlap are two places that could be meant.
        [place] => match overlapping(text, *place, &old).filter(|_| !edit.replace_all) {
            Some(second) => Err(ambiguous(text, &[*place, second])),
            None => Ok((text.replacen(old.as_ref(), &new, 1), 1)),
        },
        several if edit.replace_all => Ok((text.replace(old.as_ref(), &new), several.len())),
        several => Err(ambiguous(text, several)),
    }
}

/// Where `old` begins again after the first character of the place where it was found.
fn overlapping(text: &str, place: usize, old: &str) -> Option<usize> {
    let next = place + old.chars().next()?.len_utf8();
    text.get(next..)?.find(old).map(|found| next + found)
}

fn ambiguous(text: &str, places: &[usize]) -> Error {
    let line = |start: &usize| 1 + text.bytes().take(*start).filter(|byte| *byte == b'\n').count();
    let named: Vec<String> = places.iter().take(NAMED_LINES).map(|start| line(start).to_string()).collect();
    let more = if places.len() > NAMED_LINES { ", …" } else { "" };
    Error::invalid_args(format!(
        "`old` occurs {} times, at lines {}{more}; add lines around it until it is unique, or set `replace_all`",
        places.len(),
        named.join(", ")
    ))
}

fn has_only_crlf(text: &str) -> bool {
    let all = text.bytes().filter(|byte| *byte == b'\n').count();
    all > 0 && text.matches("\r\n").count() == all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(old: &str, new: &str) -> Replacement {
        Replacement { old: old.to_owned(), new: new.to_owned(), replace_all: false }
    }

    #[test]
    fn edits_apply_one_after_another() {
        let (text, count) = all("a b c", &[edit("a", "x"), edit("x b", "y")]).unwrap();
        assert_eq!((text.as_str(), count), ("y c", 2));
        let everywhere = Replacement { replace_all: true, ..edit("a", "b") };
        assert_eq!(all("a a a", &[everywhere]).unwrap(), ("b b b".to_owned(), 3));
    }

    #[test]
    fn an_ambiguous_edit_names_the_lines() {
        let message = all("x\ny\nx\n", &[edit("x", "z")]).unwrap_err().message().to_owned();
        assert!(message.contains("occurs 2 times, at lines 1, 3"), "{message}");
        let message = all("[0, 0, 0]\n", &[edit("0, 0", "1, 1")]).unwrap_err().message().to_owned();
        assert!(message.contains("occurs 2 times, at lines 1, 1"), "{message}");
        let message = all("ä\nä\nä", &[edit("ä\nä", "x")]).unwrap_err().message().to_owned();
        assert!(message.contains("at lines 1, 2"), "{message}");
        let everywhere = Replacement { replace_all: true, ..edit("0, 0", "1, 1") };
        assert_eq!(all("[0, 0, 0]", &[everywhere]).unwrap(), ("[1, 1, 0]".to_owned(), 1));
        let message = all("x\nq\n", &[edit("q", "r"), edit("nope", "z")]).unwrap_err().message().to_owned();
        assert!(message.starts_with("nothing was changed: edit 2 of 2: "), "{message}");
    }

    #[test]
    fn line_endings_and_the_last_line_stay() {
        assert_eq!(all("a\r\nb\r\nc", &[edit("a\nb", "a\nx\nb")]).unwrap().0, "a\r\nx\r\nb\r\nc");
        assert_eq!(all("a\r\nb\n", &[edit("b", "c")]).unwrap().0, "a\r\nc\n", "mixed endings are left alone");
        assert_eq!(all("no newline", &[edit("no", "still no")]).unwrap().0, "still no newline");
    }

    #[test]
    fn senseless_edits_are_refused() {
        assert!(all("a", &[edit("", "x")]).unwrap_err().message().contains("empty"));
        assert!(all("a", &[edit("a", "a")]).unwrap_err().message().contains("the same"));
    }
}
