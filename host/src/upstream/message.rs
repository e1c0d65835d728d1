//! Messages of the protocol, written and read. What is read is somebody else's word: it is bounded by whoever received it.

use serde_json::{Value, json};
use toolhold_core::outcome::Level;
use toolhold_core::schema;

/// Bytes of one message. A result is bounded by the call's limits besides.
pub(super) const MAX_MESSAGE: usize = 16 << 20;

/// Bytes of an error's message that are handed on.
const MAX_ERROR: usize = 4 << 10;

/// Bytes of a progress message that are handed on.
const MAX_PROGRESS: usize = 1 << 10;

/// No such method: what is answered to whatever a server asks for.
const METHOD_NOT_FOUND: i64 = -32_601;

/// Internal error.
const INTERNAL: i64 = -32_603;

/// Stands for an answer that was not read because it was too long. No server means anything by it.
pub(super) const TOO_LONG: i64 = i64::MIN;

/// What came from a server.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Incoming {
    /// The answer to one of our requests.
    Answer(u64, Result<Value, RpcError>),
    /// A request of its own.
    Request(Value, String),
    /// How far the request of this number is.
    Progress(u64, Progress),
    /// A log line.
    Log(Level, String),
    /// It says something else of its tools from here on.
    ListChanged,
    /// Anything else that it may tell.
    Other,
}

/// How far a request is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Progress {
    pub(super) done: f64,
    pub(super) total: Option<f64>,
    pub(super) message: String,
}

/// An error of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RpcError {
    pub(super) code: i64,
    /// Any text: escape before showing.
    pub(super) message: String,
}

/// A request.
pub(super) fn request(id: u64, method: &str, params: &Value) -> Vec<u8> {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string().into_bytes()
}

/// A notification.
pub(super) fn notification(method: &str, params: &Value) -> Vec<u8> {
    json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string().into_bytes()
}

/// What is answered to a request of a server: a sign of life, and otherwise no.
pub(super) fn answer_to(id: &Value, method: &str) -> Vec<u8> {
    let answer = match method {
        "ping" => json!({ "jsonrpc": "2.0", "id": id, "result": {} }),
        _ => {
            let message = "this client does nothing for a server";
            json!({ "jsonrpc": "2.0", "id": id, "error": { "code": METHOD_NOT_FOUND, "message": message } })
        }
    };
    answer.to_string().into_bytes()
}

/// Reads a message. `None` if it is none.
pub(super) fn read(bytes: &[u8]) -> Option<Incoming> {
    // An answer that is one has been told from others by `answered`, which keeps nothing of it.
    if schema::is_heavy(bytes) {
        return answered(bytes).map(|id| Incoming::Answer(id, Err(too_long())));
    }
    let Value::Object(mut object) = serde_json::from_slice(bytes).ok()? else { return None };
    // Taken, not copied: it can be long.
    let result = object.remove("result");
    let method = object.get("method").and_then(Value::as_str);
    match (method, object.get("id")) {
        (Some(method), Some(id)) => Some(Incoming::Request(id.clone(), method.to_owned())),
        (Some(method), None) => Some(told(method, object.get("params").unwrap_or(&Value::Null))),
        (None, Some(id)) => {
            let id = id.as_u64()?;
            match (result, object.get("error")) {
                (Some(result), None) => Some(Incoming::Answer(id, Ok(result))),
                (None, Some(error)) => Some(Incoming::Answer(id, Err(rpc_error(error)))),
                _ => None,
            }
        }
        (None, None) => None,
    }
}

/// Reads a message out of which secrets were taken. Where it is none any more (a secret can be a number), the request that `raw` answers is
/// answered all the same: with an error, and nothing of what was said.
pub(super) fn read_covered(raw: &[u8], clean: &[u8]) -> Option<Incoming> {
    read(clean).or_else(|| match read(raw)? {
        Incoming::Answer(id, _) => Some(Incoming::Answer(id, Err(unreadable()))),
        _ => None,
    })
}

/// The number of the request that a message answers, found without keeping anything of the answer.
pub(super) fn answered(bytes: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Head {
        id: u64,
        method: Option<serde::de::IgnoredAny>,
    }
    let head: Head = serde_json::from_slice(bytes).ok()?;
    head.method.is_none().then_some(head.id)
}

/// There was an answer, of more bytes or values than may be read.
pub(super) fn too_long() -> RpcError {
    RpcError { code: TOO_LONG, message: "the answer has more bytes or values than it may have".to_owned() }
}

/// There was an answer, and nobody may read it.
pub(super) fn unreadable() -> RpcError {
    RpcError { code: INTERNAL, message: "the answer held a secret and cannot be read without it".to_owned() }
}

fn told(method: &str, params: &Value) -> Incoming {
    match method {
        "notifications/progress" => progress(params).unwrap_or(Incoming::Other),
        "notifications/message" => log(params),
        "notifications/tools/list_changed" => Incoming::ListChanged,
        _ => Incoming::Other,
    }
}

fn progress(params: &Value) -> Option<Incoming> {
    let token = params.get("progressToken")?.as_u64()?;
    let done = params.get("progress")?.as_f64()?;
    let total = params.get("total").and_then(Value::as_f64);
    let message = cut(params.get("message").and_then(Value::as_str).unwrap_or_default(), MAX_PROGRESS);
    Some(Incoming::Progress(token, Progress { done, total, message }))
}

fn log(params: &Value) -> Incoming {
    let level = match params.get("level").and_then(Value::as_str) {
        Some("debug") => Level::Debug,
        Some("warning") => Level::Warn,
        Some("error" | "critical" | "alert" | "emergency") => Level::Error,
        _ => Level::Info,
    };
    let text = match params.get("data") {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    Incoming::Log(level, text)
}

fn rpc_error(error: &Value) -> RpcError {
    let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
    let message = error.get("message").and_then(Value::as_str).unwrap_or("the server gave no reason");
    RpcError { code, message: cut(message, MAX_ERROR) }
}

/// The start of a text.
fn cut(text: &str, most: usize) -> String {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &Value) -> Option<Incoming> {
        read(value.to_string().as_bytes())
    }

    #[test]
    fn each_kind_of_message_is_told_from_the_others() {
        let result = of(&json!({ "jsonrpc": "2.0", "id": 7, "result": { "a": 1 } }));
        assert_eq!(result, Some(Incoming::Answer(7, Ok(json!({ "a": 1 })))));
        let error = of(&json!({ "id": 7, "error": { "code": -32602, "message": "no" } }));
        assert_eq!(error, Some(Incoming::Answer(7, Err(RpcError { code: -32602, message: "no".into() }))));
        let asked = of(&json!({ "id": "x", "method": "sampling/createMessage", "params": {} }));
        assert_eq!(asked, Some(Incoming::Request(json!("x"), "sampling/createMessage".into())));
        let changed = of(&json!({ "method": "notifications/tools/list_changed" }));
        assert_eq!(changed, Some(Incoming::ListChanged));
        let progress = of(&json!({ "method": "notifications/progress",
            "params": { "progressToken": 7, "progress": 1, "total": 2, "message": "x".repeat(5_000) } }));
        let Some(Incoming::Progress(7, progress)) = progress else { panic!("{progress:?}") };
        assert_eq!((progress.done, progress.total, progress.message.len()), (1.0, Some(2.0), MAX_PROGRESS));
    }

    #[test]
    fn an_answer_is_one_also_where_a_secret_taken_out_of_it_breaks_it() {
        let raw = br#"{"id":7,"result":{"pin":493817}}"#;
        let clean = br#"{"id":7,"result":{"pin":[secret pin]}}"#;
        assert_eq!(read_covered(raw, clean), Some(Incoming::Answer(7, Err(unreadable()))));
        assert_eq!(read_covered(raw, br#"{"id":7,"result":1}"#), Some(Incoming::Answer(7, Ok(json!(1)))));
        assert_eq!(answered(raw), Some(7));
        assert_eq!(answered(br#"{"id":7,"method":"ping"}"#), None);
        assert_eq!(read_covered(b"hello 493817", b"hello [secret pin]"), None);
    }

    #[test]
    fn what_is_no_message_is_none() {
        for bad in [
            json!([]),
            json!({}),
            json!({ "id": 1 }),
            json!({ "id": "1", "result": {} }),
            json!({ "id": 1, "result": {}, "error": {} }),
        ] {
            assert_eq!(of(&bad), None, "{bad}");
        }
        assert_eq!(read(b"Server started!"), None);
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(deep.as_bytes()), None, "a stack that ends");
        let many = format!("[{}0]", "[0],".repeat(200_000));
        let answer = format!(r#"{{"id":7,"result":{{"content":[],"more":{many}}}}}"#);
        assert_eq!(
            read(answer.as_bytes()),
            Some(Incoming::Answer(7, Err(too_long()))),
            "there was one, and it is not read"
        );
        let told = format!(r#"{{"method":"notifications/x","params":{many}}}"#);
        assert_eq!(read(told.as_bytes()), None);
    }

    #[test]
    fn nothing_is_done_for_a_server_but_a_sign_of_life() {
        let answer = |method| serde_json::from_slice::<Value>(&answer_to(&json!(1), method)).unwrap();
        assert_eq!(answer("ping")["result"], json!({}));
        for method in ["sampling/createMessage", "elicitation/create", "roots/list", "tools/call"] {
            assert_eq!(answer(method)["error"]["code"], METHOD_NOT_FOUND, "{method}");
        }
    }
}
