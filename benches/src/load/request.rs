//! What is asked, as JSON-RPC, and what makes an answer a good one.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// The revision of the protocol that has sessions.
pub(crate) const WITH_SESSIONS: &str = "2025-11-25";
/// The one in which each request stands for itself.
pub(crate) const STATELESS: &str = "2026-07-28";

/// One call that is made again and again.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// As the protocol names it.
    pub(crate) name: String,
    /// The text of a JSON object.
    pub(crate) arguments: String,
}

impl Request {
    pub(crate) fn new(name: &str, arguments: &str) -> Self {
        Self { name: name.to_owned(), arguments: arguments.to_owned() }
    }

    /// The call as a message, without an end of line; `id` counts.
    pub(crate) fn message(&self, id: u64, meta: Option<&Value>) -> String {
        let meta = meta.map(|meta| format!(",\"_meta\":{meta}")).unwrap_or_default();
        let Self { name, arguments } = self;
        format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{{\"name\":\"{name}\",\"arguments\":{arguments}{meta}}}}}"
        )
    }
}

/// The message by which a client begins.
pub(crate) fn initialize() -> String {
    json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": {
            "protocolVersion": WITH_SESSIONS,
            "capabilities": {},
            "clientInfo": { "name": "toolhold-bench", "version": env!("CARGO_PKG_VERSION") },
        },
    })
    .to_string()
}

/// What it says when it has its answer.
pub(crate) fn initialized() -> String {
    json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string()
}

/// What a request says of itself where each stands for itself.
pub(crate) fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": { "name": "toolhold-bench", "version": env!("CARGO_PKG_VERSION") },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

#[derive(Deserialize)]
struct Answer {
    id: u64,
    result: Option<Done>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    #[serde(default)]
    is_error: bool,
}

/// Which request a message answers; an error if it is no good answer. The parts that nobody here needs are skipped, not built.
pub(crate) fn answered(message: &[u8]) -> Result<u64> {
    let shown = || String::from_utf8_lossy(message.get(..400).unwrap_or(message)).into_owned();
    let answer: Answer = serde_json::from_slice(message).with_context(|| format!("no answer: {}", shown()))?;
    let good = answer.error.is_none() && answer.result.is_some_and(|done| !done.is_error);
    ensure!(good, "a call was not made: {}", shown());
    Ok(answer.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_the_message_that_it_says() {
        let request = Request::new("probes__read", r#"{"path":"/work/small"}"#);
        let message: Value = serde_json::from_str(&request.message(7, Some(&meta()))).unwrap();
        assert_eq!((&message["id"], &message["params"]["name"]), (&json!(7), &json!("probes__read")));
        assert_eq!(message["params"]["arguments"]["path"], "/work/small");
        assert_eq!(message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"], STATELESS);
    }

    #[test]
    fn only_a_result_without_an_error_is_a_good_answer() {
        assert_eq!(answered(br#"{"jsonrpc":"2.0","id":3,"result":{"content":[]}}"#).unwrap(), 3);
        for bad in [
            r#"{"jsonrpc":"2.0","id":3,"result":{"isError":true,"content":[]}}"#,
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"no"}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/message"}"#,
            r#"{"jsonrpc":"2.0","id":3}"#,
        ] {
            assert!(answered(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
