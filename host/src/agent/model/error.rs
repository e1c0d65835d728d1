//! How asking a model can fail, and whether asking again can help.
//!
//! Messages may quote what a provider wrote: any text, so escape before showing. They never hold a key.

use std::time::Duration;

use toolhold_core::rate::Rate;

use toolhold_core::run::Retry;

/// Why a model gave no turn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No connection.
    #[error("the model cannot be reached: {0}; check the base URL and the network")]
    NotConnected(String),
    /// The connection ended, or what answered is no HTTP.
    #[error("the model cannot be reached: {0}; check the base URL and the network")]
    Unreachable(String),
    /// Whoever answered cannot show that it is the model's server. Nothing was sent to it.
    #[error(
        "the model's server cannot be trusted: {0}; check the base URL, and if the server is yours, name the authority that signed its certificate with `--model-ca FILE`"
    )]
    Untrusted(String),
    /// There was no connection in time.
    #[error("there was no connection to the model within {} seconds (`connect` of its `timeouts`)", .0.as_secs_f64())]
    NoConnection(Duration),
    /// No byte of an answer came in time.
    #[error("the model sent no byte of an answer within {} seconds (`first-byte` of its `timeouts`)", .0.as_secs_f64())]
    NoFirstByte(Duration),
    /// Nothing more came for too long.
    #[error("the model sent nothing for {} seconds (`idle` of its `timeouts`)", .0.as_secs_f64())]
    Stalled(Duration),
    /// The whole turn took too long.
    #[error("the model did not finish its turn within {} seconds (`whole` of its `timeouts`)", .0.as_secs_f64())]
    TooSlow(Duration),
    /// The provider refused the request.
    #[error("the model's provider answered {status}{}: {message}{}", reason(*.status), hint(*.status))]
    Status {
        /// The HTTP status.
        status: u16,
        /// What it said, shortened.
        message: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
        /// Asking again costs nothing but time, and may work.
        passing: bool,
    },
    /// The provider reported an error within an answer.
    #[error("the model's provider reported an error{}: {message}", coded(.code))]
    Reported {
        /// Its code, if any.
        code: String,
        /// What it said, shortened.
        message: String,
        /// Asking again may work.
        passing: bool,
    },
    /// The answer ended before its end.
    #[error("the model's answer broke off; nothing of it was used")]
    Truncated,
    /// The answer is not what the protocol says.
    #[error("the model's answer is not what its protocol says: {0}")]
    Malformed(String),
    /// The answer is larger than any answer may be.
    #[error("the model's answer is larger than {0} bytes; nothing of it was used")]
    TooLarge(usize),
    /// The run was taken up with fewer models than it began with.
    #[error("there is no model number {} in the chain: give the run the models that it began with", .0 + 1)]
    Missing(usize),
    /// All runs together have asked it as often as they may.
    #[error("the model was asked as often as it may be ({rate}); there is room again in {} s", .wait.as_secs())]
    TooOften {
        /// How long until there is room again.
        wait: Duration,
        /// The rate.
        rate: Rate,
        /// No other model stands in: it is waited for.
        is_last: bool,
    },
    /// It failed too often lately, in this run or in others.
    #[error("there were too many failures lately, so it is left alone for {} seconds; `toolhold breakers list` shows it", .wait.as_secs())]
    LeftAlone {
        /// For how long.
        wait: Duration,
        /// There is no other model in the chain, so it may be worth waiting.
        is_last: bool,
    },
    /// A script that does not fit the run.
    #[error("{0}")]
    Script(String),
    /// A recording that does not fit the run, or cannot be made.
    #[error("{0}")]
    Cassette(String),
}

impl Error {
    /// Whether asking again can help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Status { passing: true, retry_after: Some(wait), .. } => Retry::After(*wait),
            Self::Status { passing, .. } | Self::Reported { passing, .. } if !passing => Retry::Never,
            Self::TooOften { wait, is_last: true, .. } | Self::LeftAlone { wait, is_last: true } => Retry::After(*wait),
            Self::TooOften { .. } | Self::LeftAlone { .. } => Retry::Never,
            Self::Untrusted(_) | Self::TooLarge(_) | Self::Missing(_) | Self::Script(_) | Self::Cassette(_) => {
                Retry::Never
            }
            _ => Retry::Later,
        }
    }

    /// Whether it costs nothing: the request was not sent, or the provider refused it.
    #[must_use]
    pub fn is_unpaid(&self) -> bool {
        match self {
            Self::NotConnected(_) | Self::Untrusted(_) | Self::NoConnection(_) | Self::Status { .. } => true,
            Self::Missing(_) | Self::TooOften { .. } | Self::LeftAlone { .. } => true,
            Self::Script(_) | Self::Cassette(_) => true,
            Self::Unreachable(_) | Self::NoFirstByte(_) | Self::Stalled(_) | Self::TooSlow(_) => false,
            Self::Reported { .. } | Self::Truncated | Self::Malformed(_) | Self::TooLarge(_) => false,
        }
    }

    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotConnected(_) | Self::Unreachable(_) => "model-unreachable",
            Self::Untrusted(_) => "model-untrusted",
            Self::NoConnection(_) => "model-connect-timeout",
            Self::NoFirstByte(_) => "model-first-byte-timeout",
            Self::Stalled(_) => "model-stalled",
            Self::TooSlow(_) => "model-too-slow",
            Self::Status { .. } => "model-refused",
            Self::Reported { .. } => "model-error",
            Self::Truncated => "model-truncated",
            Self::Malformed(_) => "model-malformed",
            Self::TooLarge(_) => "model-too-large",
            Self::TooOften { .. } => "model-rate-limited",
            Self::LeftAlone { .. } => "model-left-alone",
            Self::Missing(_) => "model-missing",
            Self::Script(_) => "script",
            Self::Cassette(_) => "cassette",
        }
    }
}

fn reason(status: u16) -> String {
    let known = reqwest::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    known.map(|reason| format!(" ({reason})")).unwrap_or_default()
}

fn hint(status: u16) -> &'static str {
    match status {
        300..=399 => "; redirects are not followed: use the address it leads to as base URL",
        401 | 403 => "; check the key",
        404 => "; check the base URL and the model's name",
        _ => "",
    }
}

fn coded(code: &str) -> String {
    if code.is_empty() { String::new() } else { format!(" `{code}`") }
}
