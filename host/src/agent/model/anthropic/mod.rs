//! Anthropic's messages: instructions beside the conversation, calls and their results as blocks within it.

mod assemble;
mod request;

use reqwest::header::HeaderName;
use secrecy::SecretString;
use serde_json::Value;

use self::assemble::MessageAssembly;
use super::Request;
use super::protocol::{Asked, Assembly, Protocol};
use super::transport::Header;

/// The version of the protocol.
const VERSION: &str = "2023-06-01";

/// The tool that a model has to call to answer in a form: its arguments are the answer. No name of ours is like it.
const ANSWER: &str = "final_answer";

/// How the answer stands in the arguments of that tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The arguments are the answer.
    Whole,
    /// The answer is one of them: it need not be an object, and arguments must be.
    Within,
}

impl Form {
    fn of(schema: &Value) -> Self {
        if schema.get("type").is_some_and(|kind| kind == "object") { Self::Whole } else { Self::Within }
    }
}

/// The protocol.
pub(super) struct Messages;

impl Protocol for Messages {
    fn path(&self) -> &'static str {
        "messages"
    }

    fn headers(&self, key: Option<&SecretString>) -> Vec<Header> {
        let header = |name, value, is_secret| Header { name: HeaderName::from_static(name), value, is_secret };
        let key = key.map(|key| header("x-api-key", key.clone(), true));
        key.into_iter().chain([header("anthropic-version", SecretString::from(VERSION), false)]).collect()
    }

    fn body(&self, asked: &Asked<'_>) -> Value {
        request::body(asked)
    }

    fn assembly(&self, request: &Request<'_>) -> Box<dyn Assembly> {
        Box::new(MessageAssembly::new(request.bytes, request.answer_schema.map(Form::of)))
    }

    fn learn(&mut self, _status: u16, _message: &str) -> bool {
        false
    }
}
