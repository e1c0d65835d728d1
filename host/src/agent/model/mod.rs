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
mod described;
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

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use toolhold_core::cost::Prices;
use toolhold_core::id::ToolName;
use toolhold_core::rate::Rate;
pub use toolhold_core::run::{Finish, Identity, Kind, Retry, Tokens, Turn};
use toolhold_core::run::{Message, ToolSpec};

pub use self::authorities::{Authorities, AuthoritiesError};
pub use self::cassette::{CassetteError, RecordError, Recorder};
pub use self::chain::{open_chain, open_named};
pub use self::client::{Client, Settings};
pub use self::described::Described;
pub use self::error::Error;
pub use self::key::{KeyError, KeySource};
pub use self::spec::{ModelOptions, ModelSpec, SpecError};
pub(crate) use self::tls::install as install_tls;
pub use self::transport::Timeouts;
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

    /// How often it may be asked, by all runs together.
    fn rate(&self) -> Option<Rate> {
        None
    }

    /// How long it takes for a turn at most, if it sees to that itself.
    fn turn_time(&self) -> Option<Duration> {
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

    /// Whether it could be asked now, without asking it. What plays a file always can.
    ///
    /// # Errors
    ///
    /// Why it could not.
    fn reach(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Is told, once and before it is asked, that it gave turns in an earlier life of the run: to each of these beginnings of the
    /// conversation, by their lengths. Only what plays a file has to know.
    fn skip(&mut self, _messages: &[Message], _turns: &[usize]) {}
}

impl<M: Model + ?Sized> Model for &mut M {
    fn identity(&self) -> &Identity {
        (**self).identity()
    }

    fn secrets(&self) -> Vec<KnownSecret> {
        (**self).secrets()
    }

    fn prices(&self) -> Option<Prices> {
        (**self).prices()
    }

    fn rate(&self) -> Option<Rate> {
        (**self).rate()
    }

    fn turn_time(&self) -> Option<Duration> {
        (**self).turn_time()
    }

    fn record(&mut self, recorder: Recorder) -> Result<(), RecordError> {
        (**self).record(recorder)
    }

    fn turn<'a>(
        &'a mut self,
        request: Request<'a>,
        on_text: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Turn, Error>> {
        (**self).turn(request, on_text)
    }

    fn reach(&mut self) -> BoxFuture<'_, Result<(), Error>> {
        (**self).reach()
    }

    fn skip(&mut self, messages: &[Message], turns: &[usize]) {
        (**self).skip(messages, turns);
    }
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
