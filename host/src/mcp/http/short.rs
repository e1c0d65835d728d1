//! The short way of a call: from a plain request to one answer, without the SDK's machinery of streams.
//!
//! It is taken where the answer is all that has to be sent: nobody waits for progress or log lines, and no person is asked while the
//! call waits. Whatever is not as plain as that goes the long way, as it came, and so does, in a session, a call that takes longer
//! than a moment: its client may lose its connection, and take its stream up again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use rmcp::RoleServer;
use rmcp::model::{JsonRpcMessage, ProtocolVersion, RequestId, RequestMetaObject, ServerResult};
use rmcp::service::TxJsonRpcMessage;
use tokio_util::sync::CancellationToken;

use super::LONGEST_MESSAGE;
use super::begun::{Begun, Going, Made};
use super::clients::Clients;
use super::gate::{STATELESS, refused};
use super::plain::{self, Hosts, Speaks};
use super::sessions::{Entered, Sessions};
use crate::access::Caller;
use crate::mcp::asked::{Asked, Over};
use crate::mcp::client::Client;
use crate::mcp::request::{self, Call};
use crate::mcp::server::Server;

/// What takes longer in a session is answered by a stream.
const MOMENT: Duration = Duration::from_millis(100);

/// What the protocol itself says in `_meta`.
const PROTOCOL: &str = "io.modelcontextprotocol/";

/// Who answers plain calls.
pub(super) struct Short {
    server: Server,
    hosts: Hosts,
    sessions: Arc<Sessions>,
    clients: Arc<Clients>,
}

/// What became of a request.
pub(super) enum Taken {
    /// It is answered.
    Answered(Response),
    /// It has to go the long way.
    Long(Request),
}

/// A call that is under way.
struct Begins {
    id: RequestId,
    going: Going,
    /// What its client has given up is not answered.
    given_up: CancellationToken,
    in_session: bool,
}

impl Short {
    pub(super) fn new(server: Server, hosts: &[String], (sessions, clients): (Arc<Sessions>, Arc<Clients>)) -> Self {
        Self { server, hosts: Hosts::new(hosts), sessions, clients }
    }

    /// Answers a request of a caller, if it is plain.
    pub(super) async fn answer(&self, request: Request, caller: &Caller) -> Taken {
        if !plain::may_be_message(&request) {
            return Taken::Long(request);
        }
        let (mut parts, body) = request.into_parts();
        let Ok(body) = axum::body::to_bytes(body, LONGEST_MESSAGE).await else {
            return Taken::Answered(refused(StatusCode::BAD_REQUEST, "the body broke off"));
        };
        let Some(call) = request::call(&body) else { return long(parts, body) };
        let written = call.arguments.clone();
        match self.taken(&parts.headers, call, caller).await {
            Ok(response) => Taken::Answered(response),
            Err(begun) => {
                // There, too, arguments are read where they are checked, and by nobody else.
                if let Some(written) = written {
                    parts.extensions.insert(written);
                }
                if let Some(going) = begun {
                    parts.extensions.insert(Begun::new(going));
                }
                long(parts, body)
            }
        }
    }

    /// Answers a call; if it has to go the long way, that is the error, with what was begun of it.
    async fn taken(&self, headers: &HeaderMap, call: Call, caller: &Caller) -> Result<Response, Option<Going>> {
        let begins = match plain::speaks(headers, &self.hosts) {
            Some(Speaks::InSession(id)) => self.in_session(id, call, caller),
            Some(Speaks::Whole(name)) => self.whole(&name, call, caller),
            None => None,
        };
        let Some(Begins { id, going, given_up, in_session }) = begins else { return Err(None) };
        if !in_session {
            return Ok(answered(id, going.await, false));
        }
        match going.within(MOMENT).await {
            Ok(_) if given_up.is_cancelled() => Ok(unanswered()),
            Ok(made) => Ok(answered(id, made, true)),
            Err(going) => Err(Some(going)),
        }
    }

    /// Begins a call in a session.
    fn in_session(&self, session: HeaderValue, call: Call, caller: &Caller) -> Option<Begins> {
        let meta = call.meta.unwrap_or_default();
        if meta.0.0.keys().any(|key| key.starts_with(PROTOCOL)) {
            return None;
        }
        let of = (session.to_str().ok()?, &*caller.name);
        let entered = self.sessions.enter(of, &call.id, Instant::now(), || Client::of_token(&caller.name))?;
        let Entered { client, begun, given_up, known } = entered;
        let asked = Asked {
            id: call.id.clone(),
            params: call.params,
            arguments: call.arguments,
            meta,
            version: Some(begun.protocol_version.clone()),
            itself: Some(begun.client_info.clone()),
            can: Some(begun.capabilities.clone()),
            http: Some(Over { session: Some(session) }),
            given_up: given_up.clone(),
            peer: None,
        };
        if !self.server.only_answers(&client, &asked) {
            return None;
        }
        let server = self.server.clone();
        let made = Box::pin(async move {
            let _known = known;
            server.called(client, asked).await
        });
        Some(Begins { id: call.id, going: Going::new(made, given_up.clone(), false), given_up, in_session: true })
    }

    /// Begins a call that stands for itself.
    fn whole(&self, name: &HeaderValue, call: Call, caller: &Caller) -> Option<Begins> {
        let meta = call.meta?;
        if name.as_bytes() != call.params.name.as_bytes() || !says_what_it_is(&meta) {
            return None;
        }
        let (itself, can) = (meta.client_info()?, meta.client_capabilities()?);
        if self.server.asks_for_headers(&call.params.name) {
            return None;
        }
        let make = || Client::of_token(&caller.name);
        let client = self.clients.declared(&caller.name, &itself.name, Instant::now(), make).ok()?;
        let given_up = CancellationToken::new();
        let asked = Asked {
            id: call.id.clone(),
            params: call.params,
            arguments: call.arguments,
            meta,
            version: Some(ProtocolVersion::V_2026_07_28),
            itself: Some(itself),
            can: Some(can),
            http: Some(Over { session: None }),
            given_up: given_up.clone(),
            peer: None,
        };
        if !self.server.only_answers(&client, &asked) {
            return None;
        }
        let server = self.server.clone();
        let made = Box::pin(async move { server.called(client, asked).await });
        Some(Begins { id: call.id, going: Going::new(made, given_up.clone(), true), given_up, in_session: false })
    }
}

/// That it is of the revision that its head says.
fn says_what_it_is(meta: &RequestMetaObject) -> bool {
    meta.protocol_version().is_some_and(|version| version.as_str() == STATELESS)
}

fn long(parts: Parts, body: Bytes) -> Taken {
    Taken::Long(Request::from_parts(parts, Body::from(body)))
}

/// The answer to a call. `in_session`: in the form that it had before each request stood for itself.
fn answered(id: RequestId, made: Made, in_session: bool) -> Response {
    let message: TxJsonRpcMessage<RoleServer> = match made {
        Ok(made) => {
            let mut result = ServerResult::from(made);
            if in_session {
                result.strip_result_type_for_legacy_peer();
                result.strip_non_object_output_for_legacy_peer();
            }
            JsonRpcMessage::response(result, id)
        }
        Err(error) => JsonRpcMessage::error(error, Some(id)),
    };
    match serde_json::to_vec(&message) {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written");
            refused(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be written")
        }
    }
}

/// The answer to what was given up: a stream on which nothing comes.
fn unanswered() -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::empty()).into_response()
}
