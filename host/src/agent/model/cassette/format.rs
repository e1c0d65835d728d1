//! The lines of a cassette.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolhold_core::manifest::Api;

use super::super::Error;

/// The headers of an answer that are kept: what reading it depends on. Others may hold what nobody expects there.
pub(super) const KEPT_HEADERS: [&str; 5] =
    ["content-type", "content-encoding", "retry-after", "retry-after-ms", "date"];

/// The first line: what requests are made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in super::super) struct Head {
    /// The version of the form.
    pub(in super::super) cassette: u32,
    /// The protocol.
    pub(in super::super) api: Api,
    /// The provider's name for the model.
    pub(in super::super) model: String,
    /// The address.
    pub(in super::super) url: String,
    /// What this model is told beside what every model is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) system: Option<String>,
    /// Tokens that it may write in one turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) max_output_tokens: Option<u32>,
}

/// Every other line: a request and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in super::super) struct Exchange {
    pub(in super::super) request: Asked,
    /// Nothing where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) response: Option<Answered>,
    /// What cut it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) failure: Option<Failure>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in super::super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Value,
}

/// An answer, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in super::super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    /// The bytes, if they are UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
    /// The bytes, if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body_base64: Option<String>,
}

/// What was read of an answer, before it is written.
#[derive(Debug, Default)]
pub(in super::super) struct Taken {
    pub(in super::super) body: Vec<u8>,
    pub(in super::super) failure: Option<Error>,
}

/// What cut an exchange off: a code of the model's errors, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(in super::super) struct Failure {
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    millis: Option<u64>,
}

impl Head {
    /// The version of the form.
    pub(in super::super) const VERSION: u32 = 1;
}

impl Answered {
    /// The recorded bytes; `None` where the line does not hold exactly one form of them.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        match (&self.body, &self.body_base64) {
            (Some(text), None) => Some(text.clone().into_bytes()),
            (None, Some(text)) => STANDARD.decode(text).ok(),
            _ => None,
        }
    }

    /// Holds these bytes.
    pub(super) fn of(status: u16, headers: BTreeMap<String, String>, bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { status, headers, body: Some(text.to_owned()), body_base64: None },
            Err(_) => Self { status, headers, body: None, body_base64: Some(STANDARD.encode(bytes)) },
        }
    }
}

impl Failure {
    /// The failure of an exchange. What only its reader found out is found out again.
    pub(super) fn of(error: &Error) -> Self {
        let (message, wait) = match error {
            Error::NotConnected(message) | Error::Unreachable(message) | Error::Untrusted(message) => {
                (Some(message.clone()), None)
            }
            Error::NoConnection(wait) | Error::NoFirstByte(wait) | Error::Stalled(wait) | Error::TooSlow(wait) => {
                (None, Some(*wait))
            }
            _ => (None, None),
        };
        let millis = wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        Self { code: error.code().to_owned(), message, millis }
    }

    /// The error that it was; `None` where the code is none that an exchange can end with.
    pub(super) fn error(&self) -> Option<Error> {
        let message = || self.message.clone().unwrap_or_default();
        let wait = Duration::from_millis(self.millis.unwrap_or_default());
        Some(match self.code.as_str() {
            "model-unreachable" => Error::Unreachable(message()),
            "model-untrusted" => Error::Untrusted(message()),
            "model-connect-timeout" => Error::NoConnection(wait),
            "model-first-byte-timeout" => Error::NoFirstByte(wait),
            "model-stalled" => Error::Stalled(wait),
            "model-too-slow" => Error::TooSlow(wait),
            "model-truncated" => Error::Truncated,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_be_cut_off_comes_back_as_it_was() {
        let wait = Duration::from_millis(1_500);
        for error in [
            Error::Unreachable("no route".into()),
            Error::Untrusted("expired".into()),
            Error::NoConnection(wait),
            Error::NoFirstByte(wait),
            Error::Stalled(wait),
            Error::TooSlow(wait),
            Error::Truncated,
        ] {
            let written = serde_json::to_string(&Failure::of(&error)).unwrap();
            let read: Failure = serde_json::from_str(&written).unwrap();
            assert_eq!(read.error(), Some(error), "{written}");
        }
        assert_eq!(Failure::of(&Error::Malformed("x".into())).error(), None);
    }

    #[test]
    fn bytes_of_any_kind_come_back_as_they_were() {
        for bytes in [b"data: {}\n\n".as_slice(), b"", b"\xff\x00"] {
            let written = serde_json::to_string(&Answered::of(200, BTreeMap::new(), bytes)).unwrap();
            let read: Answered = serde_json::from_str(&written).unwrap();
            assert_eq!(read.bytes().as_deref(), Some(bytes));
        }
    }
}
