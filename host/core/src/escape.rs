//! Makes text that a guest, a model or a remote wrote safe to show to a person.
//!
//! A terminal obeys control characters, and a reader is deceived by characters that change direction or have no width.
//! All of them are shown as what they are; nothing is dropped, so two different texts never look the same.

mod hosts;

use std::borrow::Cow;
use std::fmt::Write as _;

pub use hosts::odd_hosts;

/// `text` on one line: line breaks and tabs are escaped too.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    escape(text, |character| must_escape(character) || matches!(character, '\n' | '\t'))
}

/// `text` with its line breaks and tabs.
#[must_use]
pub fn block(text: &str) -> Cow<'_, str> {
    escape(text, must_escape)
}

/// [`line`], cut after `limit` bytes with a note of how much is missing.
#[must_use]
pub fn short(text: &str, limit: usize) -> Cow<'_, str> {
    let (head, tail) = text.split_at(text.floor_char_boundary(limit));
    if tail.is_empty() {
        return line(head);
    }
    Cow::Owned(format!("{}… ({} bytes more)", line(head), tail.len()))
}

/// [`short`], in quotation marks, with runs of blanks as one: what is in them is somebody else's word, and cannot look like a line of ours.
#[must_use]
pub fn quoted(text: &str, limit: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ").replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", short(&text, limit))
}

fn escape(text: &str, must: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&must) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' if must('\n') => safe.push_str("\\n"),
            '\t' if must('\t') => safe.push_str("\\t"),
            '\r' => safe.push_str("\\r"),
            other if must(other) => {
                // Writing to a String cannot fail.
                let _infallible = write!(safe, "\\u{{{:x}}}", u32::from(other));
            }
            other => safe.push(other),
        }
    }
    Cow::Owned(safe)
}

/// Control characters, and the invisible ones with which text is forged: direction, width, joiners, tags, fillers.
#[must_use]
pub fn must_escape(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}'
        | '\u{ffa0}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_survives() {
        assert_eq!(line("a\x1b[2Jb\r\n\tc"), "a\\u{1b}[2Jb\\r\\n\\tc");
        assert_eq!(block("a\n\tb\x07"), "a\n\tb\\u{7}");
        assert_eq!(line("\u{9b}31m"), "\\u{9b}31m");
    }

    #[test]
    fn nothing_invisible_survives() {
        assert_eq!(line("ab\u{202e}txt.exe"), "ab\\u{202e}txt.exe");
        assert_eq!(line("a\u{200b}b\u{feff}c\u{e0041}"), "a\\u{200b}b\\u{feff}c\\u{e0041}");
    }

    #[test]
    fn a_cut_falls_between_characters_and_says_so() {
        assert_eq!(short("ääää", 3), "ä… (6 bytes more)");
        assert_eq!(short("ok", 2), "ok");
    }

    #[test]
    fn what_is_quoted_stays_within_its_quotation_marks() {
        assert_eq!(quoted("a  \n\u{a0}\t b", 20), "\"a b\"");
        assert_eq!(quoted("a\" (granted) \"\\", 40), "\"a\\\" (granted) \\\"\\\\\"");
        assert_eq!(quoted("aaaaa", 3), "\"aaa… (2 bytes more)\"");
        assert_eq!(quoted("\u{1b}[2J\u{202e}", 20), "\"\\u{1b}[2J\\u{202e}\"");
    }

    #[test]
    fn ordinary_text_of_any_language_is_left_as_it_is() {
        for text in ["plain", "naïve", "日本語", "עברית", "🙂"] {
            assert!(matches!(line(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
