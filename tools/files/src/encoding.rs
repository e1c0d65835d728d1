//! Bytes to text and back. Only the encodings that need no tables: others are rare in what agents read, and can be had as
//! base64. Decoding never fails: what is no text is reported, not guessed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use toolhold_sdk::prelude::*;

/// How bytes are shown as text.
#[args]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8, or what a byte order mark says; Latin-1 if it is not valid UTF-8; an error for binary files.
    #[default]
    Auto,
    /// UTF-8; invalid bytes become U+FFFD.
    Utf8,
    /// UTF-16, little endian.
    Utf16le,
    /// UTF-16, big endian.
    Utf16be,
    /// ISO 8859-1: every byte is a character.
    Latin1,
    /// The bytes as base64.
    Base64,
}

impl Encoding {
    /// The name as it stands in arguments and results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Encoding::Auto => "auto",
            Encoding::Utf8 => "utf8",
            Encoding::Utf16le => "utf16le",
            Encoding::Utf16be => "utf16be",
            Encoding::Latin1 => "latin1",
            Encoding::Base64 => "base64",
        }
    }

    /// The byte order mark, which is not part of the text.
    pub(crate) fn mark(self) -> &'static [u8] {
        match self {
            Encoding::Utf8 => b"\xEF\xBB\xBF",
            Encoding::Utf16le => b"\xFF\xFE",
            Encoding::Utf16be => b"\xFE\xFF",
            _ => b"",
        }
    }

    /// Whether a newline is one byte, so that lines can be found without decoding.
    pub(crate) fn is_bytewise(self) -> bool {
        !matches!(self, Encoding::Utf16le | Encoding::Utf16be)
    }
}

/// Finds the encoding from the first bytes of a file; `None` if they are binary.
pub(crate) fn detect(head: &[u8]) -> Option<Encoding> {
    for encoding in [Encoding::Utf8, Encoding::Utf16le, Encoding::Utf16be] {
        if head.starts_with(encoding.mark()) {
            return Some(encoding);
        }
    }
    if is_binary(head) {
        return None;
    }
    match std::str::from_utf8(head) {
        Ok(_) => Some(Encoding::Utf8),
        // The head may end within a character.
        Err(error) if error.error_len().is_none() => Some(Encoding::Utf8),
        Err(_) => Some(Encoding::Latin1),
    }
}

/// Whether bytes are no text in any encoding that `detect` knows: text has no NUL.
pub(crate) fn is_binary(head: &[u8]) -> bool {
    head.contains(&0)
}

/// Text of bytes without their mark. Never fails.
pub(crate) fn decode(bytes: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Auto | Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        Encoding::Utf16le => decode_utf16(bytes, u16::from_le_bytes),
        Encoding::Utf16be => decode_utf16(bytes, u16::from_be_bytes),
        Encoding::Latin1 => bytes.iter().copied().map(char::from).collect(),
        Encoding::Base64 => STANDARD.encode(bytes),
    }
}

/// Bytes of a text, with the mark where readers of the encoding expect one.
///
/// # Errors
/// `invalid-args` if the text has no form in the encoding.
pub(crate) fn encode(text: &str, encoding: Encoding) -> Result<Vec<u8>> {
    match encoding {
        Encoding::Auto | Encoding::Utf8 => Ok(text.as_bytes().to_vec()),
        Encoding::Utf16le => Ok(encode_utf16(text, encoding, u16::to_le_bytes)),
        Encoding::Utf16be => Ok(encode_utf16(text, encoding, u16::to_be_bytes)),
        Encoding::Latin1 => text.chars().map(latin1_byte).collect(),
        Encoding::Base64 => {
            let compact: String = text.split_ascii_whitespace().collect();
            STANDARD
                .decode(compact)
                .map_err(|problem| Error::invalid_args(format!("`content` is not base64: {problem}")))
        }
    }
}

fn latin1_byte(character: char) -> Result<u8> {
    let problem = || Error::invalid_args(format!("`{character}` does not exist in latin1; use `utf8`"));
    u8::try_from(u32::from(character)).map_err(|_| problem())
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().copied().map(unit))
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

fn encode_utf16(text: &str, encoding: Encoding, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mut encoded = encoding.mark().to_vec();
    encoded.extend(text.encode_utf16().flat_map(bytes));
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_bytes_tell_the_encoding() {
        assert_eq!(detect(b"plain"), Some(Encoding::Utf8));
        assert_eq!(detect(b"\xEF\xBB\xBFx"), Some(Encoding::Utf8));
        assert_eq!(detect(b"\xFF\xFEx\0"), Some(Encoding::Utf16le));
        assert_eq!(detect(b"\xFE\xFF\0x"), Some(Encoding::Utf16be));
        assert_eq!(detect(b"caf\xE9 au lait"), Some(Encoding::Latin1));
        assert_eq!(detect("caf\u{e9}".as_bytes().get(..4).unwrap()), Some(Encoding::Utf8), "cut within a character");
        assert_eq!(detect(b"\x7FELF\0"), None);
    }

    #[test]
    fn text_survives_both_ways() {
        for encoding in [Encoding::Utf8, Encoding::Utf16le, Encoding::Utf16be, Encoding::Latin1] {
            let bytes = encode("grün\n", encoding).unwrap();
            let body = bytes.strip_prefix(encoding.mark()).unwrap_or(&bytes);
            assert_eq!(decode(body, encoding), "grün\n", "{encoding:?}");
        }
        assert_eq!(encode("AAEC\n/w==", Encoding::Base64).unwrap(), [0, 1, 2, 255]);
        assert!(encode("€", Encoding::Latin1).unwrap_err().message().contains("use `utf8`"));
        assert!(encode("a", Encoding::Base64).is_err());
    }
}
