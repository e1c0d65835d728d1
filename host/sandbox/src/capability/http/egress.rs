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

/// A body on its way, in either direction.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// A body ended before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BodyError(pub String);

/// A request that is granted.
pub struct EgressRequest {
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
