//! A call as its client has asked for it, whichever way the request came.

use http::HeaderValue;
use http::request::Parts;
use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, Implementation, ProtocolVersion, RequestId, RequestMetaObject,
};
use rmcp::service::{Peer, RequestContext};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::http::SESSION;
use super::meta::Meta;
use super::request::AsWritten;

/// What a request says, and who says it.
pub(super) struct Asked {
    pub(super) id: RequestId,
    pub(super) params: CallToolRequestParams,
    /// As its client wrote them, where that was kept.
    pub(super) arguments: Option<AsWritten>,
    pub(super) meta: RequestMetaObject,
    pub(super) version: Option<ProtocolVersion>,
    /// What the client calls itself.
    pub(super) itself: Option<Implementation>,
    /// What it says that it can do.
    pub(super) can: Option<ClientCapabilities>,
    /// Where the request came from, if over HTTP.
    pub(super) http: Option<Over>,
    /// Is cancelled when the client gives the call up.
    pub(super) given_up: CancellationToken,
    /// Who can be told, or asked, something meanwhile; nobody where the answer is all that can be sent.
    pub(super) peer: Option<Peer<RoleServer>>,
}

/// A request over HTTP.
pub(super) struct Over {
    pub(super) session: Option<HeaderValue>,
}

impl Asked {
    /// What the SDK has read.
    pub(super) fn of(params: CallToolRequestParams, mut context: RequestContext<RoleServer>) -> Self {
        let (version, itself, can) = (context.protocol_version(), context.client_info(), context.client_capabilities());
        let parts = context.extensions.remove::<Parts>();
        let kept = parts.as_ref().and_then(|parts| parts.extensions.get::<AsWritten>().cloned());
        let http = parts.map(|parts| Over { session: parts.headers.get(SESSION).cloned() });
        Self {
            arguments: context.extensions.remove::<AsWritten>().or(kept),
            id: context.id,
            params,
            meta: context.meta,
            version,
            itself,
            can,
            http,
            given_up: context.ct,
            peer: Some(context.peer),
        }
    }

    /// What its client says beside the call.
    pub(super) fn meta(&self) -> Meta<'_> {
        Meta(&self.meta.0)
    }

    /// Whether its client goes by the revision in which each request stands for itself, or a later one.
    pub(super) fn is_whole(&self) -> bool {
        let newest = ProtocolVersion::V_2026_07_28;
        self.version.as_ref().is_some_and(|version| version.as_str() >= newest.as_str())
    }

    /// The text of its arguments.
    pub(super) fn arguments(&self) -> String {
        match (&self.arguments, &self.params.arguments) {
            (Some(written), _) => written.0.as_ref().to_owned(),
            (None, Some(arguments)) => json!(arguments).to_string(),
            (None, None) => "{}".to_owned(),
        }
    }
}
