//! The body of a responses request.

use serde_json::{Value, json};
use toolhold_core::run::{Message, RequestedCall, ToolSpec, name_for_model};

use super::super::ToolChoice;
use super::super::protocol::{Asked, LeftOut};

/// The body of a request.
pub(super) fn body(left_out: LeftOut, asked: &Asked<'_>) -> Value {
    let request = asked.request;
    let mut body = json!({
        "model": asked.model,
        "input": request.messages.iter().flat_map(items).collect::<Vec<_>>(),
        "stream": true,
        // The conversation is the host's to keep.
        "store": false,
        "max_output_tokens": request.tokens,
    });
    let Some(fields) = body.as_object_mut() else { return body };
    let instructions = asked.instructions(asked.form_in_words().filter(|_| left_out.form));
    if !instructions.is_empty() {
        fields.insert("instructions".into(), json!(instructions));
    }
    if !request.tools.is_empty() {
        fields.insert("tools".into(), request.tools.iter().map(tool).collect());
        if let Some(choice) = tool_choice(request.tool_choice).filter(|_| !left_out.tool_choice) {
            fields.insert("tool_choice".into(), choice);
        }
        if request.single_call && !left_out.single_call {
            fields.insert("parallel_tool_calls".into(), json!(false));
        }
    }
    if let Some(schema) = request.answer_schema.filter(|_| !left_out.form) {
        let format = json!({"type": "json_schema", "name": "answer", "schema": schema, "strict": false});
        fields.insert("text".into(), json!({"format": format}));
    }
    body
}

/// `strict` would refuse schemas that are no more than what a tool's author wrote.
fn tool(tool: &ToolSpec) -> Value {
    json!({
        "type": "function",
        "name": name_for_model(&tool.name),
        "description": tool.description,
        "parameters": tool.input_schema,
        "strict": false,
    })
}

fn tool_choice(choice: ToolChoice<'_>) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Forbidden => Some(json!("none")),
        ToolChoice::Tool(name) => Some(json!({"type": "function", "name": name_for_model(name)})),
    }
}

fn items(message: &Message) -> Vec<Value> {
    match message {
        Message::System(_) => Vec::new(),
        Message::User(text) => vec![json!({"role": "user", "content": text})],
        Message::Assistant { text, calls } => {
            let said = (!text.is_empty()).then(|| json!({"role": "assistant", "content": text}));
            said.into_iter().chain(calls.iter().map(call)).collect()
        }
        Message::Tool { id, content } => {
            vec![json!({"type": "function_call_output", "call_id": id, "output": content})]
        }
    }
}

fn call(call: &RequestedCall) -> Value {
    json!({"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments})
}
