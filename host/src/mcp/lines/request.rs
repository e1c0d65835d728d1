//! A call as it is written, without a tree of its arguments.

use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, InputResponses, JsonObject, JsonRpcMessage, RequestId,
    RequestMetaObject,
};
use rmcp::service::RxJsonRpcMessage;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The arguments of a call, as its client wrote them: the text of a JSON object.
#[derive(Debug, Clone)]
pub(in crate::mcp) struct AsWritten(pub(in crate::mcp) Arc<str>);

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

/// The call that a line asks for; nothing if it is another message, or one of which the SDK knows better what is wrong.
pub(super) fn call(line: &[u8]) -> Option<RxJsonRpcMessage<RoleServer>> {
    let message: Message<'_> = serde_json::from_slice(line).ok()?;
    let Params { meta, name, arguments, input_responses, request_state } = message.params;
    let is_object = arguments.is_none_or(|arguments| arguments.get().starts_with('{'));
    if message.jsonrpc != "2.0" || message.method != "tools/call" || !is_object {
        return None;
    }
    let mut params = CallToolRequestParams::new(name);
    params.input_responses = input_responses;
    params.request_state = request_state;
    let mut request = CallToolRequest::new(params);
    if let Some(arguments) = arguments {
        request.extensions.insert(AsWritten(arguments.get().into()));
    }
    if let Some(meta) = meta {
        request.extensions.insert(RequestMetaObject::from(meta));
    }
    Some(JsonRpcMessage::request(ClientRequest::CallToolRequest(request), message.id))
}
