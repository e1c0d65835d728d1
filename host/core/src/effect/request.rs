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
