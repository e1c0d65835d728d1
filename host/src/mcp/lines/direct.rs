//! Calls that are answered where they are read: without a task, a queue and the SDK's bookkeeping for each of them.
//!
//! Only what comes to its end at once, and where the answer is all that is sent. A call that has to wait for something goes on as the SDK's, which
//! hears when its client gives it up; and so does whatever is not plain.

use std::sync::Arc;

use futures_util::poll;
use rmcp::RoleServer;
use rmcp::model::{ClientNotification, ClientRequest, InitializeRequestParams, JsonRpcMessage, ProtocolVersion};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;

use crate::mcp::asked::Asked;
use crate::mcp::begun::{Begun, Going, answer_of};
use crate::mcp::bounded::Unanswered;
use crate::mcp::client::Client;
use crate::mcp::meta::PROTOCOL;
use crate::mcp::request::Call;
use crate::mcp::server::Server;

/// How many calls are answered before others have their turn on this thread.
const TURN: u32 = 16;

/// What answers at once.
pub(in crate::mcp) struct Direct {
    server: Server,
    client: Arc<Client>,
    /// The requests that the SDK answers.
    unanswered: Unanswered,
    /// What the client said when it began.
    begun: Option<InitializeRequestParams>,
    /// It has said that it has begun, too.
    is_open: bool,
    answered: u32,
}

impl Direct {
    /// Answers the one client of `server`. None on a runtime of several threads, where calls run beside each other if each is a task.
    pub(in crate::mcp) fn of(server: &Server, unanswered: Unanswered) -> Option<Self> {
        let is_one = Handle::try_current().is_ok_and(|here| here.runtime_flavor() == RuntimeFlavor::CurrentThread);
        let client = server.only_client().filter(|_| is_one)?;
        Some(Self { server: server.clone(), client, unanswered, begun: None, is_open: false, answered: 0 })
    }

    /// Learns from a message that the SDK gets how the client begins.
    pub(super) fn saw(&mut self, message: &RxJsonRpcMessage<RoleServer>) {
        match message {
            JsonRpcMessage::Request(request) => {
                if let ClientRequest::InitializeRequest(begins) = &request.request {
                    // Whoever begins anew has not begun.
                    (self.begun, self.is_open) = (Some(begins.params.clone()), false);
                }
            }
            JsonRpcMessage::Notification(told) => {
                self.is_open |= matches!(told.notification, ClientNotification::InitializedNotification(_));
            }
            _ => {}
        }
    }

    /// The answer to a call, or the message for the SDK: with the call in it, if it has begun.
    pub(super) async fn answer(
        &mut self,
        call: Call,
    ) -> Result<TxJsonRpcMessage<RoleServer>, RxJsonRpcMessage<RoleServer>> {
        let Some(asked) = self.asked(&call) else { return Err(call.into_message()) };
        let (server, client) = (self.server.clone(), Arc::clone(&self.client));
        let given_up = asked.given_up.clone();
        let mut going = Going::new(Box::pin(async move { server.called(client, asked).await }), given_up, false);
        match poll!(&mut going) {
            std::task::Poll::Ready(made) => {
                self.answered += 1;
                Ok(answer_of(call.id, made, true))
            }
            std::task::Poll::Pending => Err(call.with(Begun::new(going))),
        }
    }

    /// Whether others are to have their turn.
    pub(super) fn has_had_its_turn(&mut self) -> bool {
        let is_over = self.answered >= TURN;
        if is_over {
            self.answered = 0;
        }
        is_over
    }

    /// A call that is plain, as it is asked for.
    fn asked(&self, call: &Call) -> Option<Asked> {
        let begun = self.begun.as_ref().filter(|begun| self.is_open && is_known(&begun.protocol_version))?;
        let meta = call.meta.clone().unwrap_or_default();
        if meta.0.0.keys().any(|key| key.starts_with(PROTOCOL)) || self.unanswered.has(&call.id) {
            return None;
        }
        let asked = Asked {
            id: call.id.clone(),
            params: call.params.clone(),
            arguments: call.arguments.clone(),
            meta,
            version: Some(begun.protocol_version.clone()),
            itself: Some(begun.client_info.clone()),
            can: Some(begun.capabilities.clone()),
            http: None,
            given_up: CancellationToken::new(),
            peer: None,
        };
        self.server.only_answers(&self.client, &asked).then_some(asked)
    }
}

fn is_known(version: &ProtocolVersion) -> bool {
    version.has_initialize() && ProtocolVersion::KNOWN_VERSIONS.contains(version)
}
