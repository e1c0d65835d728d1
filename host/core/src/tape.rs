//! What a guest was given from outside of its sandbox: time, randomness, answers. With it, the same call can be made again.
//!
//! A tape holds what the guest *got*, not what there was: answers are without the secrets that the host took out of them. It is
//! bounded: what is not kept is marked, and never made up. Tapes are stored: names and fields stay, new ones get defaults.

use serde::{Deserialize, Serialize};

use crate::id::Digest;

/// Readings of a clock that are kept of one attempt.
pub const MOST_READINGS: usize = 1_024;

/// Everything that one attempt at a call was given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tape {
    /// What its randomness was made of, if it asked for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<Digest>,
    /// What the wall clock said each time, in nanoseconds since 1970.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wall: Vec<u64>,
    /// What the monotonic clock said each time, in nanoseconds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub monotonic: Vec<u64>,
    /// How many readings of both are not kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub readings_left_out: u64,
    /// Its requests, in order, and what came of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// How many requests are not kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub exchanges_left_out: u64,
}

/// One request and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The method, such as `GET`.
    pub method: String,
    /// The whole URL, as it was judged. Any text: escape before showing.
    pub url: String,
    /// SHA-256 of its body, once that was sent to its end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<Digest>,
    /// What the guest got.
    pub answer: Answer,
}

/// What a guest got for a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Answer {
    /// Nothing, for as long as it waited.
    #[default]
    Nothing,
    /// An answer.
    Came(Box<Response>),
    /// An error.
    Failed {
        /// Which: the name of the variant.
        error: String,
        /// Why, for the operator. Any text: escape before showing.
        why: String,
    },
    /// There was one, and it was too large to be kept.
    NotKept,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names and values; a byte of a value is the character with its number.
    pub headers: Vec<(String, String)>,
    /// As much of the body as the guest read.
    pub body: Bytes,
    /// The body came to its end. Otherwise the guest stopped reading there, or it broke off.
    pub is_whole: bool,
    /// It broke off.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub broke_off: bool,
}

/// Bytes, as text where they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bytes {
    /// UTF-8.
    Text(String),
    /// Anything else, in hexadecimal.
    Hex(String),
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Bytes {
    /// As text where they are.
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Hex(hex::encode(error.as_bytes())),
        }
    }

    /// The bytes; `None` where what was stored is not what was written.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.clone().into_bytes()),
            Self::Hex(text) => hex::decode(text).ok(),
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tape_is_read_as_it_was_written_and_an_empty_one_is_short() {
        assert_eq!(serde_json::to_string(&Tape::default()).unwrap(), "{}");
        let response = Response {
            status: 200,
            headers: vec![("a".into(), "\u{e9}".into())],
            body: Bytes::of(vec![0xff, 0]),
            is_whole: true,
            broke_off: false,
        };
        let exchange = |answer| Exchange { method: "GET".into(), url: "http://a/".into(), body: None, answer };
        let failed = Answer::Failed { error: "connect".into(), why: "no".into() };
        let answers = [Answer::Came(Box::new(response)), failed, Answer::NotKept, Answer::Nothing];
        let tape = Tape {
            seed: Some(Digest::of(b"x")),
            wall: vec![1],
            exchanges: answers.map(exchange).into(),
            ..Tape::default()
        };
        let text = serde_json::to_string(&tape).unwrap();
        assert_eq!(serde_json::from_str::<Tape>(&text).unwrap(), tape, "{text}");
    }

    #[test]
    fn bytes_are_the_same_again() {
        for bytes in [&b""[..], b"text", b"\xff\x00"] {
            assert_eq!(Bytes::of(bytes.to_vec()).bytes().unwrap(), bytes);
        }
        assert_eq!(Bytes::Hex("[redacted]".into()).bytes(), None);
    }
}
