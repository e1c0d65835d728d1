//! The answer to `tools/call` as one value, or as the tool's own error.

use serde_json::{Map, Value, json};
use toolhold_sandbox::ToolError;

use super::message::RpcError;

/// Invalid params.
const INVALID_PARAMS: i64 = -32_602;

/// Bytes of a tool's own error that are handed on.
const MAX_ERROR: usize = 16 << 10;

/// What of a block is handed on, beside its type.
const KEPT: [&str; 6] = ["text", "data", "mimeType", "uri", "name", "resource"];

/// What came of a call, as text of JSON. Structured content is the result where there is any; one text is that text; anything else
/// is the list of its blocks.
pub(super) fn of(answer: &Result<Value, RpcError>) -> Result<String, ToolError> {
    let result = match answer {
        Ok(result) => result,
        Err(error) if error.code == INVALID_PARAMS => {
            return Err(ToolError::InvalidArguments(error.message.clone()));
        }
        Err(error) => return Err(ToolError::Failed(error.message.clone())),
    };
    let blocks: &[Value] = result.get("content").and_then(Value::as_array).map_or(&[], Vec::as_slice);
    if result.get("isError").and_then(Value::as_bool) == Some(true) {
        return Err(ToolError::Failed(words(blocks)));
    }
    if let Some(structured) = result.get("structuredContent").filter(|value| !value.is_null()) {
        return Ok(structured.to_string());
    }
    let value = match blocks {
        [] => Value::Null,
        [one] if kind(one) == "text" => one.get("text").cloned().unwrap_or_default(),
        several => Value::Array(several.iter().map(block).collect()),
    };
    Ok(value.to_string())
}

fn kind(block: &Value) -> &str {
    block.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// A block without what nobody here reads.
fn block(block: &Value) -> Value {
    let mut kept = Map::from_iter([("type".to_owned(), json!(kind(block)))]);
    kept.extend(KEPT.iter().filter_map(|key| Some(((*key).to_owned(), block.get(*key)?.clone()))));
    Value::Object(kept)
}

fn words(blocks: &[Value]) -> String {
    let texts: Vec<&str> = blocks.iter().filter_map(|block| block.get("text")?.as_str()).collect();
    let text = texts.join("\n");
    if text.is_empty() {
        return "the tool failed, and the server gave no reason".to_owned();
    }
    text.get(..text.floor_char_boundary(MAX_ERROR)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(result: Value) -> Value {
        serde_json::from_str(&of(&Ok(result)).unwrap()).unwrap()
    }

    #[test]
    fn an_answer_is_one_value() {
        let text = json!({ "type": "text", "text": "hello" });
        let image = json!({ "type": "image", "data": "AAAA", "mimeType": "image/png", "_meta": { "x": 1 } });
        assert_eq!(value(json!({ "content": [text] })), "hello");
        assert_eq!(value(json!({ "content": [text], "structuredContent": { "a": 1 } })), json!({ "a": 1 }));
        assert_eq!(value(json!({ "content": [] })), Value::Null);
        let both = value(json!({ "content": [text, image] }));
        assert_eq!(both, json!([text, { "type": "image", "data": "AAAA", "mimeType": "image/png" }]));
        assert_eq!(value(json!({ "content": [image] }))[0]["type"], "image");
    }

    #[test]
    fn an_error_is_the_tools_own() {
        let failed = of(&Ok(json!({ "isError": true, "content": [{ "type": "text", "text": "no such issue" }] })));
        assert_eq!(failed, Err(ToolError::Failed("no such issue".into())));
        let bare = of(&Ok(json!({ "isError": true, "structuredContent": { "a": 1 } })));
        assert!(matches!(bare, Err(ToolError::Failed(text)) if text.contains("no reason")));
        let error = |code| of(&Err(RpcError { code, message: "m".into() }));
        assert_eq!(error(INVALID_PARAMS), Err(ToolError::InvalidArguments("m".into())));
        assert_eq!(error(-32_603), Err(ToolError::Failed("m".into())));
    }
}
