//! The body of a messages request.
//!
//! The protocol is strict where others are not: blocks hold text or are not there, roles take turns, ids and names have one
//! form, and a conversation with calls needs a list of tools. The conversation may have begun with another provider, so it is
//! made to fit here.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use toolhold_core::id::Digest;
use toolhold_core::run::{Message, RequestedCall, ToolSpec, name_for_model};

use super::super::protocol::Asked;
use super::super::{Request, ToolChoice};
use super::{ANSWER, Form};

/// The longest name of a tool.
const LONGEST_NAME: usize = 128;

/// The body of a request.
pub(super) fn body(asked: &Asked<'_>) -> Value {
    let request = asked.request;
    let mut body = json!({
        "model": asked.model,
        "max_tokens": request.tokens,
        "messages": messages(request.messages),
        "stream": true,
    });
    let Some(fields) = body.as_object_mut() else { return body };
    let instructions = asked.instructions(None);
    if !instructions.is_empty() {
        fields.insert("system".into(), json!(instructions));
    }
    let mut tools: Vec<Value> = request.tools.iter().map(tool).collect();
    tools.extend(request.answer_schema.map(answer_tool));
    if tools.is_empty() {
        // The last answer: there are no tools any more, and those of the conversation still have to be named.
        tools.extend(called(request.messages).into_iter().map(gone_tool));
    }
    if !tools.is_empty() {
        fields.insert("tools".into(), tools.into());
        fields.insert("tool_choice".into(), tool_choice(request));
    }
    body
}

fn tool(tool: &ToolSpec) -> Value {
    json!({"name": name_for_model(&tool.name), "description": tool.description, "input_schema": tool.input_schema})
}

fn answer_tool(schema: &Value) -> Value {
    let schema = match Form::of(schema) {
        Form::Whole => schema.clone(),
        Form::Within => within(schema.clone()),
    };
    let description = "Gives the final answer, in the form that was asked for. Call it when everything else is done.";
    json!({"name": ANSWER, "description": description, "input_schema": schema})
}

/// The schema of an object whose `answer` is of this schema. References lead from the root, so what they lead to moves up.
fn within(mut schema: Value) -> Value {
    let mut whole = json!({"type": "object", "required": ["answer"]});
    if let (Some(whole), Some(inner)) = (whole.as_object_mut(), schema.as_object_mut()) {
        for key in ["$defs", "definitions"] {
            whole.extend(inner.remove_entry(key));
        }
    }
    if let Some(whole) = whole.as_object_mut() {
        whole.insert("properties".into(), json!({"answer": schema}));
    }
    whole
}

fn gone_tool(name: String) -> Value {
    json!({"name": name, "description": "Not available any more.", "input_schema": {"type": "object"}})
}

fn called(messages: &[Message]) -> BTreeSet<String> {
    let calls = messages.iter().flat_map(|message| match message {
        Message::Assistant { calls, .. } => calls.as_slice(),
        _ => &[],
    });
    calls.map(|call| possible_name(&call.name)).collect()
}

fn tool_choice(request: &Request<'_>) -> Value {
    let forced = |name: &str| json!({"type": "tool", "name": name});
    let mut choice = match (request.tool_choice, request.answer_schema) {
        (ToolChoice::Tool(name), _) if !request.tools.is_empty() => forced(&name_for_model(name)),
        (_, Some(_)) if request.tools.is_empty() => forced(ANSWER),
        (ToolChoice::Forbidden, Some(_)) => forced(ANSWER),
        // Whatever it calls, the answer in its form is one of them.
        (_, Some(_)) => json!({"type": "any"}),
        (_, None) if request.tools.is_empty() => json!({"type": "none"}),
        (ToolChoice::Forbidden, None) => json!({"type": "none"}),
        (ToolChoice::Required, None) => json!({"type": "any"}),
        _ => json!({"type": "auto"}),
    };
    let may_be_several = choice.get("type").is_some_and(|kind| kind == "auto" || kind == "any");
    if let Some(fields) = choice.as_object_mut().filter(|_| request.single_call && may_be_several) {
        fields.insert("disable_parallel_tool_use".into(), json!(true));
    }
    choice
}

/// The conversation: what one side says in a row is one message of several blocks.
fn messages(messages: &[Message]) -> Vec<Value> {
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in messages {
        let (role, blocks) = blocks(message);
        match turns.last_mut() {
            _ if blocks.is_empty() => {}
            Some((last, said)) if *last == role => said.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    turns.into_iter().map(|(role, blocks)| json!({"role": role, "content": blocks})).collect()
}

fn blocks(message: &Message) -> (&'static str, Vec<Value>) {
    match message {
        Message::System(_) => ("user", Vec::new()),
        Message::User(words) => ("user", text(words).into_iter().collect()),
        Message::Assistant { text: words, calls } => {
            ("assistant", text(words).into_iter().chain(calls.iter().map(call)).collect())
        }
        Message::Tool { id, content } => {
            ("user", vec![json!({"type": "tool_result", "tool_use_id": possible_id(id), "content": content})])
        }
    }
}

fn text(words: &str) -> Option<Value> {
    (!words.trim().is_empty()).then(|| json!({"type": "text", "text": words}))
}

fn call(call: &RequestedCall) -> Value {
    let input = serde_json::from_str(&call.arguments).ok().filter(Value::is_object);
    let input = input.unwrap_or_else(|| Value::Object(Map::new()));
    json!({"type": "tool_use", "id": possible_id(&call.id), "name": possible_name(&call.name), "input": input})
}

/// The id as it is where it can be, else one that stands for it and no other.
fn possible_id(id: &str) -> String {
    if !id.is_empty() && id.bytes().all(is_of_name) {
        return id.to_owned();
    }
    let digest = Digest::of(id.as_bytes()).hex();
    format!("call_{}", digest.get(..24).unwrap_or_default())
}

/// What another provider lets a model write need not be a name here.
fn possible_name(name: &str) -> String {
    let possible = |char: char| if u8::try_from(char).is_ok_and(is_of_name) { char } else { '_' };
    let name: String = name.chars().take(LONGEST_NAME).map(possible).collect();
    if name.is_empty() { "_".to_owned() } else { name }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_of_other_providers_are_made_to_fit_and_stay_apart() {
        assert_eq!(possible_id("toolu_01-a"), "toolu_01-a");
        let (one, other) = (possible_id("functions.read:0"), possible_id("functions.read:1"));
        assert!(one != other && one.len() == 29 && one.bytes().all(is_of_name), "{one}");
        assert_eq!(possible_id("").len(), 29);
        for (name, expected) in [("files__read", "files__read"), ("a.b é", "a_b__"), ("", "_")] {
            assert_eq!(possible_name(name), expected);
        }
        assert_eq!(possible_name(&"x".repeat(999)).len(), LONGEST_NAME);
    }
}
