//! What may be shown: text from a guest, a model or a file, made safe for a terminal, a log line and a person's eye.
//!
//! The journal stores what really happened; this is the pure step between it and a reader. It changes how a text looks,
//! never what it says: every character that is replaced stays readable as an escape.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character can hide, reorder or forge what a person sees: controls (line breaks and tabs too),
/// bidirectional overrides, zero-width and other invisible characters, tag characters, line separators.
#[must_use]
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// `text` with every hidden character written as an escape (`\n`, `\u{202e}`), in one line.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// [`escape`], cut after `limit` bytes with a note of how much is missing.
#[must_use]
pub fn shown(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return escape(text);
    }
    let end = text.floor_char_boundary(limit);
    let (head, tail) = text.split_at(end);
    let mut safe = escape(head).into_owned();
    // Writing to a string does not fail.
    let _ = write!(safe, "… ({} bytes more)", tail.len());
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_forges_is_written_out() {
        assert_eq!(escape("a\u{1b}[31m\nb"), r"a\u{1b}[31m\nb");
        assert_eq!(escape("pay \u{202e}001\u{202c} now\u{200b}"), r"pay \u{202e}001\u{202c} now\u{200b}");
        assert_eq!(escape("\u{e0041}\u{feff}\u{7f}\u{85}"), r"\u{e0041}\u{feff}\u{7f}\u{85}");
    }

    #[test]
    fn ordinary_text_of_any_language_stays() {
        for text in ["plain", "naïve — “quoted”", "日本語", "مرحبا", "🙂"] {
            assert!(matches!(escape(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn a_cut_falls_between_characters_and_says_so() {
        assert_eq!(shown("ääää", 3), "ä… (6 bytes more)");
        assert_eq!(shown("ok", 2), "ok");
    }
}
