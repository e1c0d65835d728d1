//! A call as it is written, without a tree of its arguments: they are read once, strictly, where they are checked.

use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, InputResponses, JsonObject, JsonRpcMessage, RequestId,
    RequestMetaObject,
};
use rmcp::service::RxJsonRpcMessage;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// The arguments of a call, as its client wrote them: the text of a JSON object.
#[derive(Debug, Clone)]
pub(super) struct AsWritten(pub(super) Arc<str>);

/// A request that a tool be called.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: RequestId,
    pub(super) meta: Option<RequestMetaObject>,
    /// Without its arguments.
    pub(super) params: CallToolRequestParams,
    pub(super) arguments: Option<AsWritten>,
}

#[derive(Deserialize)]
struct Message<'a> {
    jsonrpc: &'a str,
    id: RequestId,
    method: &'a str,
    #[serde(borrow)]
    params: Params<'a>,
}

/// What the SDK's own type has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params<'a> {
    #[serde(rename = "_meta")]
    meta: Option<JsonObject>,
    name: String,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    input_responses: Option<InputResponses>,
    request_state: Option<String>,
}

/// The call that a message asks for; nothing if it is another message, or one of which the SDK knows better what is wrong.
pub(super) fn call(message: &[u8]) -> Option<Call> {
    let message: Message<'_> = serde_json::from_slice(message).ok()?;
    let Params { meta, name, arguments, input_responses, request_state } = message.params;
    let is_object = arguments.is_none_or(|arguments| arguments.get().starts_with('{'));
    if message.jsonrpc != "2.0" || message.method != "tools/call" || !is_object {
        return None;
    }
    let mut params = CallToolRequestParams::new(name);
    params.input_responses = input_responses;
    params.request_state = request_state;
    let arguments = arguments.map(|arguments| AsWritten(arguments.get().into()));
    Some(Call { id: message.id, meta: meta.map(RequestMetaObject::from), params, arguments })
}

/// The id of a request that was not understood, however deep it is; nothing if it is none, or has none.
pub(super) fn id(message: &[u8]) -> Option<RequestId> {
    #[derive(Deserialize)]
    struct Asked {
        id: RequestId,
        // What is passed over is not read level by level, so that no depth is too much.
        #[serde(rename = "method")]
        _method: IgnoredAny,
    }
    serde_json::from_slice(message).ok().map(|asked: Asked| asked.id)
}

impl Call {
    /// The same for the SDK.
    pub(super) fn into_message(self) -> RxJsonRpcMessage<RoleServer> {
        self.message(|_| ())
    }

    /// The same for the SDK, with something about it that only we know.
    pub(super) fn with(self, known: impl Clone + Send + Sync + 'static) -> RxJsonRpcMessage<RoleServer> {
        self.message(|request| drop(request.extensions.insert(known)))
    }

    fn message(self, add: impl FnOnce(&mut CallToolRequest)) -> RxJsonRpcMessage<RoleServer> {
        let mut request = CallToolRequest::new(self.params);
        if let Some(arguments) = self.arguments {
            request.extensions.insert(arguments);
        }
        if let Some(meta) = self.meta {
            request.extensions.insert(meta);
        }
        add(&mut request);
        JsonRpcMessage::request(ClientRequest::CallToolRequest(request), self.id)
    }
}
