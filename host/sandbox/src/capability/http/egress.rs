//! What the sandbox asks of whoever opens sockets for it: one checked request in, an answer or the reason why not out.
//!
//! The sandbox has no code that could connect to anything; the host hands in an [`Egress`]. What arrives here is granted and
//! counted. What is left to do there: look the name up, refuse addresses that are not permitted, add the secrets, send.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::combinators::UnsyncBoxBody;
use ipnet::IpNet;
use toolhold_core::grant::SecretUse;
use toolhold_core::grant::http::{Method, Target};
use toolhold_core::id::ComponentName;

/// A body on its way, in either direction.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// A body ended before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BodyError(pub String);

/// A request that is granted.
pub struct EgressRequest {
    /// Whose tool asks.
    pub component: Option<ComponentName>,
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub target: Target,
    /// Its headers, without those that belong to the connection and those that secrets are put into.
    pub headers: HeaderMap,
    /// Its body, as the guest writes it. A body that ends with an error is one that must not look complete.
    pub body: Option<Body>,
    /// Ranges of addresses beside the public ones to which it may go.
    pub addresses: Vec<IpNet>,
    /// What is to be added.
    pub secrets: Vec<SecretUse>,
    /// How long the guest is willing to wait for a connection.
    pub connect_timeout: Option<Duration>,
    /// Is told of secrets that the answer held.
    pub returned: Returned,
}

/// Takes down the names of secrets that were in an answer, and that were taken out of it before it was handed over.
pub type Returned = Arc<dyn Fn(&[String]) + Send + Sync>;

impl fmt::Debug for EgressRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "EgressRequest({} {})", self.method.as_str(), self.target)
    }
}

/// The begin of an answer.
#[derive(Debug)]
pub struct EgressResponse {
    /// The status.
    pub status: http::StatusCode,
    /// The headers, as they came but for secrets.
    pub headers: HeaderMap,
    /// The body, as it came but for secrets: nothing is decompressed. Dropping it ends the connection.
    pub body: Body,
}

/// Why there is no answer. The texts are for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The name leads to an address that is not permitted. Nothing has left.
    #[error("{0}")]
    Address(String),
    /// The name leads nowhere. Nothing has left.
    #[error("{0}")]
    Lookup(String),
    /// A secret cannot be had or cannot be put where it belongs. Nothing has left.
    #[error("{0}")]
    Secret(String),
    /// No connection came to be. Nothing has left.
    #[error("{0}")]
    Connect(String),
    /// No connection came to be in the time that the guest gave it. Nothing has left.
    #[error("no connection came to be in the time that the tool gave it")]
    ConnectTimeout,
    /// The other side is not who it should be. Nothing of the request has left.
    #[error("{0}")]
    Tls(String),
    /// The connection ended or broke. The request may have arrived.
    #[error("{0}")]
    Broken(String),
    /// The other side failed too often lately, and is left alone. Nothing has left.
    #[error("{why}; it is left alone for another {wait_seconds} s")]
    LeftAlone {
        /// Which side.
        why: String,
        /// For how long, in seconds.
        wait_seconds: u64,
    },
    /// The call is made once more from what is on record, and this request is not, or its answer was not kept. Nothing has left.
    #[error("{0}")]
    NotRecorded(String),
    /// What came is no answer, or is larger than any answer's head may be. The request has left.
    #[error("{0}")]
    NoAnswer(String),
}

impl EgressError {
    /// Whether a byte of the request may have left the host.
    #[must_use]
    pub fn may_have_left(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::NoAnswer(_))
    }

    /// Whether the other side is at fault, or the way to it: not what was asked for, nor how this host is set up.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::Address(_) | Self::Secret(_) | Self::NotRecorded(_))
    }

    /// The word for it on a tape.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::Lookup(_) => "lookup",
            Self::Secret(_) => "secret",
            Self::Connect(_) => "connect",
            Self::ConnectTimeout => "connect-timeout",
            Self::Tls(_) => "tls",
            Self::Broken(_) => "broken",
            Self::LeftAlone { .. } => "left-alone",
            Self::NotRecorded(_) => "not-recorded",
            Self::NoAnswer(_) => "no-answer",
        }
    }

    /// The error of this word; a word of another version is no error that this one knows.
    pub(super) fn of_word(word: &str, why: &str) -> Self {
        let why = why.to_owned();
        match word {
            "address" => Self::Address(why),
            "lookup" => Self::Lookup(why),
            "secret" => Self::Secret(why),
            "connect" => Self::Connect(why),
            "connect-timeout" => Self::ConnectTimeout,
            "tls" => Self::Tls(why),
            "broken" => Self::Broken(why),
            // For how long is a matter of that moment.
            "left-alone" => Self::LeftAlone { why, wait_seconds: 0 },
            "no-answer" => Self::NoAnswer(why),
            _ => Self::NotRecorded(why),
        }
    }

    /// For how many seconds there is no point in trying again.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::LeftAlone { wait_seconds, .. } => Some(*wait_seconds),
            _ => None,
        }
    }
}

/// What comes of a request.
pub type Answer = Pin<Box<dyn Future<Output = Result<EgressResponse, EgressError>> + Send>>;

/// Sends requests. Dropping what [`Egress::send`] returns gives the request up.
pub trait Egress: fmt::Debug + Send + Sync {
    /// Sends one request. Must not follow redirects, and must send nothing to an address that is neither public nor in
    /// [`EgressRequest::addresses`]. What it answers holds no secret of the host's: the guest gets it as it is.
    fn send(&self, request: EgressRequest) -> Answer;
}

/// Sends nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEgress;

impl Egress for NoEgress {
    fn send(&self, _request: EgressRequest) -> Answer {
        Box::pin(std::future::ready(Err(EgressError::Connect("this sandbox was given no way to send requests".into()))))
    }
}
