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
pub use toolhold_core::run::{Finish, Identity, Kind, Retry, Tokens, Turn};
use toolhold_core::run::{Message, ToolSpec};

pub use self::authorities::{Authorities, AuthoritiesError};
pub use self::error::Error;
pub use self::key::{KeyError, KeySource};
pub use self::spec::{ModelOptions, ModelSpec, SpecError};
#[cfg(test)]
pub(crate) use self::tls::install as install_tls;
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

    fn turn<'a>(
        &'a mut self,
        request: Request<'a>,
        on_text: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Turn, Error>> {
        (**self).turn(request, on_text)
    }

    fn skip(&mut self, messages: &[Message], turns: &[usize]) {
        (**self).skip(messages, turns);
    }
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
