//! A request over the network, as it crossed the boundary or was kept from it.

use serde::{Deserialize, Serialize};

/// One request that a guest handed to the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The method, such as `GET`.
    pub method: String,
    /// The whole URL as it was judged, without what the host adds; what is no URL is as the guest wrote it. Any text: escape
    /// before showing.
    pub url: String,
    /// How far it came.
    #[serde(flatten)]
    pub state: RequestState,
    /// Bytes of its body that were handed over to be sent. A request that is withheld ends before its body is known.
    pub sent_bytes: u64,
    /// Bytes of the answer's body that came in.
    pub received_bytes: u64,
    /// Names of the secrets that the host added, or would have.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub secrets: Vec<String>,
    /// Names of the secrets that the answer held. They were taken out before the guest got it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub returned: Vec<String>,
    /// It carried a key by which the other side knows a repeat.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub keyed: bool,
    /// It has no answer, and the other side is at fault for it, or the way to it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub fault: bool,
    /// For how many seconds the other side asked to be left alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after: Option<u64>,
}

impl Request {
    /// A request of which nothing more is known.
    #[must_use]
    pub fn new(method: impl Into<String>, url: impl Into<String>, state: RequestState) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            state,
            sent_bytes: 0,
            received_bytes: 0,
            secrets: Vec::new(),
            returned: Vec::new(),
            keyed: false,
            fault: false,
            retry_after: None,
        }
    }
}

/// A request that has left, as the audit tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Departed {
    /// The method.
    pub method: String,
    /// The URL. Any text: escape before showing.
    pub url: String,
    /// The status of its answer; `None` where none came.
    pub status: Option<u16>,
}

impl Request {
    /// What the audit tells of it, before secrets are taken out and long texts are cut: in this order, as half a secret is one that
    /// nobody finds. `None` where it did not leave.
    #[must_use]
    pub fn departed(&self) -> Option<Departed> {
        let status = match self.state {
            RequestState::Answered { status } => Some(status),
            RequestState::Sent { .. } => None,
            RequestState::Refused { .. } | RequestState::Withheld | RequestState::NotSent { .. } => return None,
        };
        Some(Departed { method: self.method.clone(), url: self.url.clone(), status })
    }
}

/// How far a request came: what a retry may rely on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum RequestState {
    /// Refused before a byte left: no grant covers it, or its address is not permitted.
    Refused {
        /// Why, for the operator. Any text: escape before showing.
        why: String,
    },
    /// Kept back, because the call is a preview and the method may change something.
    Withheld,
    /// No byte left: the connection did not come to be.
    NotSent {
        /// Why, for the operator. Any text: escape before showing.
        why: String,
    },
    /// Bytes may have left and no answer came: nobody knows what it did.
    Sent {
        /// Why there is no answer, for the operator. Any text: escape before showing.
        why: String,
    },
    /// It was answered.
    Answered {
        /// With this status.
        status: u16,
    },
}
