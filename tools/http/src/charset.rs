//! Which characters the bytes of a text stand for: byte order mark, then the header, then the word of a page of HTML or XML,
//! then UTF-8 if it is that, else what old pages are written in.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// How far into a page its own word for its encoding may be.
const LOOKED_AT: usize = 1024;

/// The text, and the name of its encoding.
pub(crate) fn decode(bytes: &[u8], content_type: &str) -> (String, &'static str) {
    let own_word = || markup(bytes, content_type).then(|| label(bytes.get(..LOOKED_AT).unwrap_or(bytes))).flatten();
    let declared = label(content_type.as_bytes()).or_else(own_word);
    let guess = || if std::str::from_utf8(bytes).is_ok() { UTF_8 } else { WINDOWS_1252 };
    let (text, encoding, _) = declared.unwrap_or_else(guess).decode(bytes);
    (text.into_owned(), encoding.name())
}

/// Whether the body may name its own encoding: elsewhere `charset=` is a word like any other.
fn markup(bytes: &[u8], content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind {
        "" => bytes.trim_ascii_start().first() == Some(&b'<'),
        _ => kind == "text/html" || kind.ends_with("/xml") || kind.ends_with("+xml"),
    }
}

/// The encoding after `charset=`, in a header or in a `meta` tag.
fn label(text: &[u8]) -> Option<&'static Encoding> {
    let sign = b"charset=";
    let at = text.windows(sign.len()).position(|window| window.eq_ignore_ascii_case(sign))?;
    let rest = text.get(at + sign.len()..)?;
    let quoted = |byte: &u8| matches!(byte, b'"' | b'\'' | b' ');
    let name: Vec<u8> =
        rest.iter().copied().skip_while(|byte| quoted(byte)).take_while(|byte| is_label(*byte)).collect();
    Encoding::for_label(&name)
}

fn is_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.')
}
