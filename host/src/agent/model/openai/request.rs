//! The body of a chat-completions request, and the dialects in which servers want it.
//!
//! Whatever a model wrote is made harmless before it goes back: the history holds well-formed calls only, because many
//! servers fail on others.

use serde_json::{Value, json};

use super::super::protocol::{Asked, LeftOut, is_of_form};
use super::super::{Request, ToolChoice};
use toolhold_core::run::{Message, RequestedCall, ToolSpec, name_for_model};

/// What a server understands. Learnt from its refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// The answer comes in pieces.
    stream: bool,
    /// The pieces end with what was used.
    usage: bool,
    /// The limit of tokens has its new name.
    new_name: bool,
    /// How often something was learnt.
    learnt: u8,
}

/// There is no more to learn than this.
const MOST_LEARNT: u8 = 3;

impl Dialect {
    /// What to begin with: the new name for OpenAI itself, the old one that all others know.
    pub(super) fn of(host: Option<&str>) -> Self {
        Self { stream: true, usage: true, new_name: host == Some("api.openai.com"), learnt: 0 }
    }

    /// The dialect to try after this refusal, if it is one of the dialect.
    pub(super) fn after(self, status: u16, message: &str) -> Option<Self> {
        if !is_of_form(status, message) || self.learnt >= MOST_LEARNT {
            return None;
        }
        let message = message.to_ascii_lowercase();
        let next = Self { learnt: self.learnt + 1, ..self };
        match () {
            () if self.usage && message.contains("stream_options") => Some(Self { usage: false, ..next }),
            () if message.contains(self.tokens_field()) => Some(Self { new_name: !self.new_name, ..next }),
            () if self.stream && message.contains("stream") => Some(Self { stream: false, ..next }),
            () => None,
        }
    }

    fn tokens_field(self) -> &'static str {
        if self.new_name { "max_completion_tokens" } else { "max_tokens" }
    }
}

/// The body of a request in a dialect.
pub(super) fn body(dialect: Dialect, left_out: LeftOut, asked: &Asked<'_>) -> Value {
    let request = asked.request;
    let mut body = json!({
        "model": asked.model,
        "messages": messages(left_out, asked),
        "stream": dialect.stream,
        dialect.tokens_field(): request.tokens,
    });
    let Some(fields) = body.as_object_mut() else { return body };
    if dialect.stream && dialect.usage {
        fields.insert("stream_options".into(), json!({"include_usage": true}));
    }
    if !request.tools.is_empty() {
        fields.insert("tools".into(), tools(request));
        if let Some(choice) = tool_choice(request.tool_choice).filter(|_| !left_out.tool_choice) {
            fields.insert("tool_choice".into(), choice);
        }
        if request.single_call && !left_out.single_call {
            fields.insert("parallel_tool_calls".into(), json!(false));
        }
    }
    if let Some(schema) = request.answer_schema.filter(|_| !left_out.form) {
        let form = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}});
        fields.insert("response_format".into(), form);
    }
    body
}

fn tool_choice(choice: ToolChoice<'_>) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Forbidden => Some(json!("none")),
        ToolChoice::Tool(name) => Some(json!({"type": "function", "function": {"name": name_for_model(name)}})),
    }
}

fn tools(request: &Request<'_>) -> Value {
    let function = |tool: &ToolSpec| {
        json!({"type": "function", "function": {
            "name": name_for_model(&tool.name),
            "description": tool.description,
            "parameters": tool.input_schema,
        }})
    };
    request.tools.iter().map(function).collect()
}

/// The conversation. All instructions are one message at its start: many servers take no other.
fn messages(left_out: LeftOut, asked: &Asked<'_>) -> Vec<Value> {
    let instructions = asked.instructions(asked.form_in_words().filter(|_| left_out.form));
    let first = (!instructions.is_empty()).then(|| json!({"role": "system", "content": instructions}));
    first.into_iter().chain(asked.request.messages.iter().filter_map(message)).collect()
}

fn message(message: &Message) -> Option<Value> {
    Some(match message {
        Message::System(_) => return None,
        Message::User(text) => json!({"role": "user", "content": text}),
        Message::Assistant { text, calls } if calls.is_empty() => json!({"role": "assistant", "content": text}),
        Message::Assistant { text, calls } => {
            json!({"role": "assistant", "content": text, "tool_calls": calls.iter().map(call).collect::<Vec<_>>()})
        }
        Message::Tool { id, content } => json!({"role": "tool", "tool_call_id": id, "content": content}),
    })
}

fn call(call: &RequestedCall) -> Value {
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_is_learnt_from_refusals_and_from_nothing_else() {
        let other = Dialect::of(Some("localhost"));
        for (status, message, expected) in [
            (400, "Unknown parameter: 'stream_options'", Some(Dialect { usage: false, learnt: 1, ..other })),
            (422, "max_tokens: Extra inputs are not permitted", Some(Dialect { new_name: true, learnt: 1, ..other })),
            (501, "stream", Some(Dialect { stream: false, learnt: 1, ..other })),
            (400, "streaming is not supported with tools", Some(Dialect { stream: false, learnt: 1, ..other })),
            (400, "max_tokens is too large: 4096", None),
            (400, "upstream connect error", None),
            (500, "stream_options unsupported", None),
            (429, "unsupported stream", None),
        ] {
            assert_eq!(other.after(status, message), expected, "{message}");
        }
        let openai = Dialect::of(Some("api.openai.com"));
        assert_eq!(openai.tokens_field(), "max_completion_tokens");
        assert!(!openai.after(400, "unsupported: max_completion_tokens").unwrap().new_name);
    }

    #[test]
    fn learning_ends() {
        let (mut dialect, mut rounds) = (Dialect::of(None), 0);
        while let Some(next) = dialect.after(400, "unsupported: stream stream_options max_tokens max_completion_tokens")
        {
            (dialect, rounds) = (next, rounds + 1);
        }
        assert_eq!(rounds, MOST_LEARNT);
    }
}
