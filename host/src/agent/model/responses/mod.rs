//! OpenAI's responses: a request holds the whole conversation as items, and nothing is stored at the provider.

mod assemble;
mod request;

use secrecy::SecretString;
use serde_json::Value;

use self::assemble::ResponseAssembly;
use super::Request;
use super::protocol::{Asked, Assembly, LeftOut, Protocol, bearer, is_of_form};
use super::transport::Header;

/// The protocol, as the server turned out to speak it.
#[derive(Default)]
pub(super) struct Responses {
    left_out: LeftOut,
}

impl Protocol for Responses {
    fn path(&self) -> &'static str {
        "responses"
    }

    fn headers(&self, key: Option<&SecretString>) -> Vec<Header> {
        bearer(key)
    }

    fn body(&self, asked: &Asked<'_>) -> Value {
        request::body(self.left_out, asked)
    }

    fn assembly(&self, request: &Request<'_>) -> Box<dyn Assembly> {
        Box::new(ResponseAssembly::new(request.bytes))
    }

    fn learn(&mut self, status: u16, message: &str) -> bool {
        is_of_form(status, message) && self.left_out.learn(message)
    }
}
