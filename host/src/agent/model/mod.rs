//! Models: what a run asks for its next step.
//!
//! A model is a source of untrusted text. Implementations turn whatever their source sends into a [`Turn`] or a typed
//! [`Error`], in bounded memory; they never run, check or repair a call, and never wait or repeat on their own account.
//!
//! Reading order: [`spec`] and [`chain`] choose one, [`script`] plays a file, [`client`] asks over a network. What differs
//! between providers is a [`protocol`] each: [`openai`], [`responses`], [`anthropic`]. [`transport`] carries requests and
//! answers, [`reading`] takes answers apart within bounds, [`draft`] is the turn that comes of them, [`cassette`] keeps what
//! went over the wire.

mod anthropic;
mod authorities;
mod cassette;
mod chain;
mod client;
mod draft;
mod error;
mod key;
mod openai;
mod protocol;
mod reading;
mod refusal;
mod responses;
pub mod script;
pub mod spec;
mod sse;
mod tls;
mod transport;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use toolhold_core::cost::Prices;
use toolhold_core::id::ToolName;

pub use self::authorities::{Authorities, AuthoritiesError};
pub use self::cassette::{CassetteError, RecordError, Recorder};
pub use self::chain::{open_chain, open_named};
pub use self::client::{Client, Settings};
pub use self::error::{Error, Retry};
pub use self::key::{KeyError, KeySource};
pub use self::spec::{ModelOptions, ModelSpec, SpecError};
#[cfg(test)]
pub(crate) use self::tls::install as install_tls;
pub use self::transport::Timeouts;
use super::message::{Message, RequestedCall};
use super::tools::ToolSpec;
use crate::secrets::KnownSecret;

/// A model, for the length of one run.
pub trait Model: Send {
    /// What to call it in reports.
    fn identity(&self) -> &Identity;

    /// What it knows and nobody else must see: the host takes it out of everything that it stores and shows.
    fn secrets(&self) -> Vec<KnownSecret> {
        Vec::new()
    }

    /// What it costs, if that is known.
    fn prices(&self) -> Option<Prices> {
        None
    }

    /// Writes everything that goes over the wire from here on to a cassette.
    ///
    /// # Errors
    ///
    /// [`RecordError`]; by default that there is no wire.
    fn record(&mut self, recorder: Recorder) -> Result<(), RecordError> {
        drop(recorder);
        Err(RecordError::NoWire(self.identity().name.clone()))
    }

    /// Asks for one turn. Text is handed to `on_text` as it arrives; an error after that makes it void.
    fn turn<'a>(
        &'a mut self,
        request: Request<'a>,
        on_text: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Turn, Error>>;
}

/// What to call a model in reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// As in the model's spec, such as `openai:gpt-5` or `scripted:demo.toml`.
    pub name: String,
    /// Whether there is a model behind it at all.
    pub kind: Kind,
}

/// Whether there is a model behind it at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A file is played back: no model is called.
    Scripted,
    /// A model is called over the network.
    Remote,
}

/// What a model is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// The conversation so far.
    pub messages: &'a [Message],
    /// The tools it may ask for. None: it is asked for text.
    pub tools: &'a [ToolSpec],
    /// The run is at a limit, and this is its last answer.
    pub last: bool,
    /// Tokens it may write.
    pub tokens: u32,
    /// Bytes of text and arguments that are kept. What is beyond is cut, and the turn is [`Finish::Length`].
    pub bytes: usize,
    /// What it may or must do with the tools.
    pub tool_choice: ToolChoice<'a>,
    /// It may ask for one call at a time only.
    pub single_call: bool,
    /// A JSON Schema of the answer with which it ends. A model is made to conform as far as its provider can; whether it
    /// does is for the caller to check.
    pub answer_schema: Option<&'a Value>,
}

/// What a model may or must do with the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToolChoice<'a> {
    /// It decides.
    #[default]
    Auto,
    /// It must ask for a call.
    Required,
    /// It must not, although it knows them.
    Forbidden,
    /// It must ask for a call of this one.
    Tool(&'a ToolName),
}

/// One turn of a model, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its text; may be empty.
    pub text: String,
    /// The calls it asks for. Nothing of them has been looked at.
    pub calls: Vec<RequestedCall>,
    /// Why it ended.
    pub finish: Finish,
    /// What it cost.
    pub tokens: Tokens,
    /// The name by which the provider calls what answered, if it said so.
    pub served_by: Option<String>,
}

/// Why a turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finish {
    /// The model was done.
    Stop,
    /// It waits for the results of its calls.
    ToolCalls,
    /// It was cut at its token or byte limit. Calls of such a turn are incomplete.
    Length,
    /// The provider withheld it. Calls of such a turn are incomplete.
    ContentFilter,
    /// Anything else that the provider said.
    Other(String),
}

impl Finish {
    /// Whether what was said may lack its end.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Length | Self::ContentFilter)
    }
}

/// Tokens read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tokens {
    /// Read by the model.
    pub input: u64,
    /// Written by the model.
    pub output: u64,
    /// Of those read, the ones that the provider had kept from an earlier request.
    pub cached: u64,
    /// At least one number is a guess from the size of the text, because the provider gave none.
    pub estimated: bool,
}

impl Tokens {
    /// Both kinds.
    #[must_use]
    pub fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// The sum of two turns.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cached: self.cached.saturating_add(other.cached),
            estimated: self.estimated || other.estimated,
        }
    }
}
