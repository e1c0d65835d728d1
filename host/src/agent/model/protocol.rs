//! What differs between providers: how a request is worded, and how an answer is read.
//!
//! Everything that does not is said once: [`super::client`] asks, [`super::transport`] carries, [`super::reading`] reads.

use reqwest::header::HeaderName;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use toolhold_core::base_url::BaseUrl;
use toolhold_core::manifest::Api;
use toolhold_core::run::Message;

use super::anthropic::Messages;
use super::openai::Chat;
use super::responses::Responses;
use super::transport::Header;
use super::{Error, Request, Turn};

/// How requests are worded. May learn from refusals.
pub(super) trait Protocol: Send + Sync {
    /// The endpoint, below the base URL.
    fn path(&self) -> &'static str;

    /// The headers of each request, with the key in one of them.
    fn headers(&self, key: Option<&SecretString>) -> Vec<Header>;

    /// The body of a request.
    fn body(&self, asked: &Asked<'_>) -> Value;

    /// What takes the answer.
    fn assembly(&self, request: &Request<'_>) -> Box<dyn Assembly>;

    /// Whether the request can be worded otherwise after this refusal, and will be.
    fn learn(&mut self, status: u16, message: &str) -> bool;
}

/// Takes an answer, in whichever of its two forms it comes.
pub(super) trait Assembly: Send {
    /// Takes the data of one event. Returns the text in it.
    fn event(&mut self, data: &str) -> Result<String, Error>;

    /// Takes an answer in one piece. Returns the text in it.
    fn whole(&mut self, answer: &Value) -> Result<String, Error>;

    /// Whether nothing more will be kept, so that the rest need not be read.
    fn is_full(&self) -> bool;

    /// Whether the provider said why the turn ended, so that nothing of it can be missing.
    fn has_ended(&self) -> bool;

    /// The turn. `sent` is the size of the request in bytes, for a guess where the provider does not count.
    fn finish(self: Box<Self>, sent: usize) -> Result<Turn, Error>;
}

/// The protocol of an API, for a server at this address.
pub(super) fn of(api: Api, base: &BaseUrl) -> Box<dyn Protocol> {
    match api {
        Api::OpenAi => Box::new(Chat::of(base.host())),
        Api::OpenAiResponses => Box::new(Responses::default()),
        Api::Anthropic => Box::new(Messages),
    }
}

/// A request to one model.
pub(super) struct Asked<'a> {
    /// The provider's name for it.
    pub(super) model: &'a str,
    /// What it is told beside what every model is.
    pub(super) system: Option<&'a str>,
    /// What is asked.
    pub(super) request: &'a Request<'a>,
}

impl Asked<'_> {
    /// All of its instructions as one text: the host's, then its own, then what is said here.
    pub(super) fn instructions(&self, more: Option<String>) -> String {
        let host = self.request.messages.iter().filter_map(|message| match message {
            Message::System(text) => Some(text.as_str()),
            _ => None,
        });
        let parts = host.chain(self.system).map(str::to_owned).chain(more);
        parts.filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join("\n\n")
    }

    /// How a model that cannot be made to is asked to answer in a form.
    pub(super) fn form_in_words(&self) -> Option<String> {
        let schema = self.request.answer_schema?;
        Some(format!(
            "Your last message must be one JSON value that conforms to this JSON Schema, with nothing before or after it:\n{schema}"
        ))
    }
}

/// `Authorization: Bearer KEY`.
pub(super) fn bearer(key: Option<&SecretString>) -> Vec<Header> {
    let header = |key: &SecretString| Header {
        name: HeaderName::from_static("authorization"),
        value: SecretString::from(format!("Bearer {}", key.expose_secret())),
        is_secret: true,
    };
    key.map(header).into_iter().collect()
}

/// Parts of a request that some servers do not take, and that it can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LeftOut {
    pub(super) tool_choice: bool,
    pub(super) single_call: bool,
    pub(super) form: bool,
}

impl LeftOut {
    /// Leaves out the part that the refusal names, unless it is left out already.
    pub(super) fn learn(&mut self, message: &str) -> bool {
        let message = message.to_ascii_lowercase();
        let parts: [(&mut bool, &[&str]); 3] = [
            (&mut self.single_call, &["parallel_tool_calls"]),
            (&mut self.form, &["response_format", "json_schema", "text.format", "grammar"]),
            (&mut self.tool_choice, &["tool_choice"]),
        ];
        for (is_out, names) in parts {
            if !*is_out && names.iter().any(|name| message.contains(name)) {
                *is_out = true;
                return true;
            }
        }
        false
    }
}

/// Whether a refusal says that the server does not know a part of the request, rather than that it is wrong.
pub(super) fn is_of_form(status: u16, message: &str) -> bool {
    const WORDS: [&str; 8] =
        ["unsupported", "not support", "unknown", "unrecognized", "not permitted", "extra", "unexpected", "cannot use"];
    let message = message.to_ascii_lowercase();
    matches!(status, 400 | 404 | 422 | 501) && (status == 501 || WORDS.iter().any(|word| message.contains(word)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// JSON that is near enough to each protocol to get past its first look.
    fn event() -> impl Strategy<Value = Value> {
        const WORDS: [&str; 24] = [
            "assistant",
            "user",
            "text",
            "tool_use",
            "function_call",
            "message",
            "text_delta",
            "input_json_delta",
            "stop",
            "tool_calls",
            "end_turn",
            "completed",
            "incomplete",
            "message_start",
            "content_block_start",
            "content_block_delta",
            "message_delta",
            "message_stop",
            "response.output_item.added",
            "response.output_item.done",
            "response.output_text.delta",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.completed",
        ];
        const KEYS: [&str; 36] = [
            "type",
            "index",
            "output_index",
            "delta",
            "text",
            "partial_json",
            "content_block",
            "message",
            "content",
            "role",
            "usage",
            "input_tokens",
            "output_tokens",
            "prompt_tokens",
            "completion_tokens",
            "item",
            "id",
            "call_id",
            "name",
            "arguments",
            "input",
            "response",
            "output",
            "status",
            "choices",
            "finish_reason",
            "tool_calls",
            "function",
            "function_call",
            "stop_reason",
            "error",
            "code",
            "model",
            "incomplete_details",
            "reason",
            "refusal",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            prop_oneof![0_u64..4, any::<u64>()].prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            prop::sample::select(&WORDS[..]).prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((prop::sample::select(&KEYS[..]), inner), 0..6)
                    .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            ]
        })
    }

    fn api() -> impl Strategy<Value = Api> {
        prop::sample::select(&Api::ALL[..])
    }

    proptest! {
        #[test]
        fn no_answer_makes_a_protocol_panic_or_keep_more_than_it_may(
            api in api(),
            events in prop::collection::vec(event(), 0..12),
            whole in event(),
            has_form: bool,
        ) {
            let schema = json!({"type": "object"});
            let answer_schema = has_form.then_some(&schema);
            let request = Request { bytes: 64, answer_schema, ..Request::default() };
            let protocol = of(api, &"http://127.0.0.1/v1".parse().unwrap());
            let mut assembly = protocol.assembly(&request);
            let read = events.iter().try_for_each(|event| assembly.event(&event.to_string()).map(drop));
            if let Ok(turn) = read.and_then(|()| assembly.finish(10)) {
                let kept = turn.text.len() + turn.calls.iter().map(|call| call.name.len() + call.arguments.len()).sum::<usize>();
                prop_assert!(kept <= 64, "{turn:?}");
            }
            let mut assembly = protocol.assembly(&request);
            let _either_is_fine = assembly.whole(&whole).and_then(|_| assembly.finish(10));
        }
    }
}
