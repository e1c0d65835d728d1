//! `encode` and `decode`: base64, hexadecimal, percent-encoding. Bytes that are no text are shown as hexadecimal.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD};
use toolhold_sdk::prelude::*;

/// Models often forget padding, and it carries no information.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// A form of bytes as text.
#[args]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// RFC 4648 with `+`, `/` and padding.
    Base64,
    /// RFC 4648 with `-`, `_`, without padding.
    Base64url,
    /// Two lower-case digits per byte.
    Hex,
    /// `%XX` for everything but letters, digits and `-._~` (RFC 3986).
    Url,
}

/// A text.
#[output]
pub(crate) struct Encoded {
    /// The encoded text.
    text: String,
}

/// Decoded bytes: one of the two.
#[output]
pub(crate) struct Decoded {
    /// The decoded text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// If the bytes are not UTF-8 text: the bytes in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    /// Number of decoded bytes.
    bytes: usize,
}

/// Encodes a text (its UTF-8 bytes) as base64, base64url, hexadecimal or percent-encoding.
#[tool(title = "Encode", hints(read_only, idempotent))]
pub(crate) fn encode(
    /// The text.
    text: String,
    /// The form to give it.
    format: Format,
) -> Encoded {
    let bytes = text.as_bytes();
    let text = match format {
        Format::Base64 => STANDARD.encode(bytes),
        Format::Base64url => URL_SAFE_NO_PAD.encode(bytes),
        Format::Hex => hex(bytes),
        Format::Url => percent_encode(bytes),
    };
    Encoded { text }
}

/// Decodes base64, base64url, hexadecimal or percent-encoding. White space and missing padding do not matter.
#[tool(title = "Decode", hints(read_only, idempotent))]
pub(crate) fn decode(
    /// The encoded text.
    text: String,
    /// The form it has.
    format: Format,
) -> Result<Decoded> {
    let bytes = bytes_of(&text, format)?;
    let count = bytes.len();
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Decoded { text: Some(text), hex: None, bytes: count },
        Err(error) => Decoded { text: None, hex: Some(hex(error.as_bytes())), bytes: count },
    })
}

/// Bytes of an encoded text.
///
/// # Errors
/// `invalid-args` with the place where it is not what it claims to be.
pub(crate) fn bytes_of(text: &str, format: Format) -> Result<Vec<u8>> {
    let compact = || -> String { text.split_ascii_whitespace().collect() };
    let explain = |problem: base64::DecodeError| {
        Error::invalid_args(format!(
            "`text` is not {}: {problem}",
            if format == Format::Base64 { "base64" } else { "base64url" }
        ))
    };
    match format {
        Format::Base64 => GeneralPurpose::new(&alphabet::STANDARD, LENIENT).decode(compact()).map_err(explain),
        Format::Base64url => GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT).decode(compact()).map_err(explain),
        Format::Hex => unhex(&compact()),
        Format::Url => percent_decode(text),
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

fn unhex(text: &str) -> Result<Vec<u8>> {
    let digit = |(index, character): (usize, char)| {
        let value = character.to_digit(16).and_then(|value| u8::try_from(value).ok());
        value
            .ok_or_else(|| Error::invalid_args(format!("`text` is not hexadecimal: `{character}` at position {index}")))
    };
    let digits: Vec<u8> = text.chars().enumerate().map(digit).collect::<Result<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Error::invalid_args(format!(
            "`text` has {} hexadecimal digits; bytes need an even number",
            digits.len()
        )));
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

fn percent_encode(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            encoded.push(char::from(*byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn percent_decode(text: &str) -> Result<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if *first != b'%' {
            decoded.push(*first);
            rest = after;
            continue;
        }
        let position = text.len() - rest.len();
        let (value, after) = match after {
            [high, low, after @ ..] => (hex_value(*high).zip(hex_value(*low)), after),
            _ => (None, after),
        };
        let Some((high, low)) = value else {
            return Err(Error::invalid_args(format!(
                "`text` is not percent-encoded: `%` at position {position} is not followed by two hexadecimal digits"
            )));
        };
        decoded.push(high << 4 | low);
        rest = after;
    }
    Ok(decoded)
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
