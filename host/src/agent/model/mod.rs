//! Models: what a run asks for its next step.
//!
//! A model is a source of untrusted text. Implementations turn whatever their source sends into a [`Turn`] or a typed
//! [`Error`], in bounded memory; they never run, check or repair a call, and never wait or repeat on their own account.
//!
//! Reading order: [`spec`] chooses one, [`script`] plays a file, [`openai`] speaks the chat-completions protocol.

mod authorities;
mod error;
mod key;
pub mod openai;
pub mod script;
pub mod spec;
mod tls;

use futures_util::future::BoxFuture;
use serde::Serialize;

pub use self::authorities::{Authorities, AuthoritiesError};
pub use self::error::{Error, Retry};
pub use self::key::{KeyError, KeySource};
pub use self::spec::{ModelOptions, ModelSpec, SpecError};
#[cfg(test)]
pub(crate) use self::tls::install as install_tls;
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
#[derive(Debug, Clone, Copy)]
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
            estimated: self.estimated || other.estimated,
        }
    }
}
