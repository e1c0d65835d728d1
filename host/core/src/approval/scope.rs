//! How far an answer reaches: never to another call, at most to repeats of the same one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limit::Unit;
use crate::manifest::amount;

/// How far an answer reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ApprovalScope {
    /// One call.
    #[default]
    Once,
    /// The same call, as often as its run makes it before the answer expires.
    Run,
    /// The same call of the same client, for so many microseconds.
    For(u64),
}

/// Why a text is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// It is neither of the words nor a time.
    #[error("`{0}` says not how far an approval reaches: write `once`, `run`, or a time such as `15m`")]
    Unknown(String),
    /// It is too long or no time at all.
    #[error("an approval holds for a day at most, and for some time: `{0}` is none of that")]
    Time(String),
}

impl ApprovalScope {
    /// The longest time that an answer holds: a day, in microseconds. Longer is a rule of the manifest.
    pub const LONGEST: u64 = 24 * 3_600 * 1_000_000;
}

impl fmt::Display for ApprovalScope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once => out.write_str("once"),
            Self::Run => out.write_str("run"),
            Self::For(micros) => out.write_str(&amount::show(*micros, Unit::Micros)),
        }
    }
}

impl FromStr for ApprovalScope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let shown = || crate::escape::short(text, 60).into_owned();
        match text {
            "once" => Ok(Self::Once),
            "run" => Ok(Self::Run),
            // Nobody means anything else by it, and no approval is for metres.
            time => match amount::parse(&minutes(time), Unit::Micros) {
                Ok(micros) if (1..=Self::LONGEST).contains(&micros) => Ok(Self::For(micros)),
                Ok(_) => Err(ScopeError::Time(shown())),
                Err(_) => Err(ScopeError::Unknown(shown())),
            },
        }
    }
}

/// `15m` as `15min`.
fn minutes(time: &str) -> std::borrow::Cow<'_, str> {
    match time.strip_suffix('m').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(digits) => format!("{digits}min").into(),
        None => time.into(),
    }
}

impl Serialize for ApprovalScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ApprovalScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
