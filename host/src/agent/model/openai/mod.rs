//! OpenAI's chat completions: what most servers and gateways speak, each in a dialect of its own.

mod assemble;
mod request;

use secrecy::SecretString;
use serde_json::Value;

use self::assemble::ChatAssembly;
use self::request::Dialect;
use super::Request;
use super::protocol::{Asked, Assembly, LeftOut, Protocol, bearer, is_of_form};
use super::transport::Header;

/// The protocol, as the server turned out to speak it.
pub(super) struct Chat {
    dialect: Dialect,
    left_out: LeftOut,
}

impl Chat {
    /// As a server at this host is spoken to at first.
    pub(super) fn of(host: Option<&str>) -> Self {
        Self { dialect: Dialect::of(host), left_out: LeftOut::default() }
    }
}

impl Protocol for Chat {
    fn path(&self) -> &'static str {
        "chat/completions"
    }

    fn headers(&self, key: Option<&SecretString>) -> Vec<Header> {
        bearer(key)
    }

    fn body(&self, asked: &Asked<'_>) -> Value {
        request::body(self.dialect, self.left_out, asked)
    }

    fn assembly(&self, request: &Request<'_>) -> Box<dyn Assembly> {
        Box::new(ChatAssembly::new(request.bytes))
    }

    fn learn(&mut self, status: u16, message: &str) -> bool {
        if let Some(dialect) = self.dialect.after(status, message) {
            self.dialect = dialect;
            return true;
        }
        is_of_form(status, message) && self.left_out.learn(message)
    }
}
