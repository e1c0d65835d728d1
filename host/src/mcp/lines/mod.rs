//! Messages as lines over two streams: the protocol's transport of a client that started this process.
//!
//! The SDK has one; this one reads a call without building a tree of its arguments, which are read once, strictly, where they
//! are checked; and it writes together whatever answers are ready by then.

mod direct;
mod output;

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use rmcp::model::{JsonRpcMessage, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::{JsonRpcMessageCodec, JsonRpcMessageCodecError};
use rmcp::{ErrorData, RoleServer};
use serde_json::error::Category;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::Decoder as _;
use toolhold_core::schema;

pub(super) use direct::Direct;
use output::Output;

use super::request::{self, Call};

/// What is read at once, in bytes: some dozens of usual calls.
const READ_AT_ONCE: usize = 32 << 10;

/// How many bytes of answers may wait for further ones, to be written together.
const WRITTEN_AT_ONCE: usize = 64 << 10;

/// What the line of a long message may keep allocated, in bytes.
const KEPT: usize = 256 << 10;

/// A transport of lines.
pub(super) struct Lines<R, W> {
    input: BufReader<R>,
    line: Vec<u8>,
    longest: usize,
    /// The line has become too long: the rest of it is left out.
    skipping: bool,
    codec: JsonRpcMessageCodec<RxJsonRpcMessage<RoleServer>>,
    output: Arc<Output<W>>,
    /// Up to where output has to be written before anything more is waited for.
    owed: Option<u64>,
    /// Before anything more is read: whoever sends what is not understood must not be kept at it.
    is_urgent: bool,
    direct: Option<Direct>,
}

/// What was read.
enum Line {
    Whole,
    TooLong,
    /// The stream has ended. What came of a last line without its end is nothing.
    End,
}

impl<R: AsyncRead + Unpin + Send, W: AsyncWrite + Unpin + Send + 'static> Lines<R, W> {
    /// Messages of at most `longest` bytes.
    pub(super) fn new(input: R, output: W, longest: usize) -> Self {
        Self {
            input: BufReader::with_capacity(READ_AT_ONCE, input),
            line: Vec::new(),
            longest,
            skipping: false,
            codec: JsonRpcMessageCodec::default(),
            output: Arc::new(Output::new(output)),
            owed: None,
            is_urgent: false,
            direct: None,
        }
    }

    /// The same, where calls are answered at once that can be.
    pub(super) fn answering(self, direct: Option<Direct>) -> Self {
        Self { direct, ..self }
    }

    /// Reads on to the end of a line. Whoever waits may stop waiting at any time: what was read is kept.
    async fn read_line(&mut self) -> io::Result<Line> {
        loop {
            let read = self.input.fill_buf().await?;
            if read.is_empty() {
                return Ok(Line::End);
            }
            let end = read.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(read.len(), |end| end + 1);
            self.skipping |= self.line.len() + taken > self.longest;
            if self.skipping {
                self.clear();
            } else {
                self.line.extend_from_slice(read.get(..taken).unwrap_or_default());
            }
            self.input.consume(taken);
            if end.is_some() {
                return Ok(if std::mem::take(&mut self.skipping) { Line::TooLong } else { Line::Whole });
            }
        }
    }

    fn clear(&mut self) {
        self.line.clear();
        self.line.shrink_to(KEPT);
    }

    /// What the line says; nothing if that is to be ignored. What is not understood is answered to its id, if it has one.
    fn message(&mut self) -> Result<Option<Said>, Box<Refusal>> {
        if schema::is_heavy(&self.line) {
            // Not for its bytes, but for what reading them would take.
            let id = request::id(&self.line);
            self.clear();
            return Err(Refusal::of(
                "this message has more values in lists and objects than are read: send less at once",
                id,
            ));
        }
        let read = match request::call(&self.line) {
            Some(call) => Ok(Some(Said::Call(call))),
            None if self.line.trim_ascii().is_empty() => Ok(None),
            None => self.codec.decode(&mut BytesMut::from(self.line.as_slice())).map(|other| other.map(Said::Other)),
        };
        let id = read.is_err().then(|| request::id(&self.line)).flatten();
        self.clear();
        match read {
            Ok(said) => Ok(said),
            Err(JsonRpcMessageCodecError::Serde(error)) => match (error.classify(), id) {
                (Category::Syntax | Category::Eof, Some(id)) => {
                    Err(Refusal::of(format!("this message is not read: {error}"), Some(id)))
                }
                // No JSON has no id to answer to, and whoever sends back what it does not understand must not be kept at it.
                (Category::Syntax | Category::Eof, None) => Ok(None),
                (Category::Data | Category::Io, id) => Err(Refusal::of("this is no message of the protocol", id)),
            },
            Err(_) => Ok(None),
        }
    }

    /// Answers what is not understood. It is written before anything more is read.
    fn refuse(&mut self, refusal: Refusal) -> Option<()> {
        tracing::debug!(why = %refusal.why, "a message was not understood");
        self.is_urgent = true;
        self.owe(&JsonRpcMessage::error(refusal.why, refusal.id))
    }

    /// Queues an answer. It is written before more is waited for, with those that come until then.
    fn owe(&mut self, answer: &TxJsonRpcMessage<RoleServer>) -> Option<()> {
        self.owed = Some(self.output.queue(answer).ok()?);
        Some(())
    }

    /// Whether what is owed has to be written now: nothing more was sent meanwhile, or it has become much.
    fn is_due(&self) -> bool {
        self.is_urgent || !self.input.buffer().contains(&b'\n') || self.output.waiting() >= WRITTEN_AT_ONCE
    }

    /// What the SDK has to hear; nothing if the message is answered.
    async fn passed_on(&mut self, said: Said) -> Option<Option<RxJsonRpcMessage<RoleServer>>> {
        let Some(direct) = &mut self.direct else { return Some(Some(said.into_message())) };
        let call = match said {
            Said::Call(call) => call,
            Said::Other(message) => {
                direct.saw(&message);
                return Some(Some(message));
            }
        };
        match direct.answer(call).await {
            Ok(answer) => self.owe(&answer).map(|()| None),
            Err(message) => Some(Some(message)),
        }
    }
}

/// What is answered to what is not understood.
struct Refusal {
    why: ErrorData,
    /// Of what, where that is known.
    id: Option<RequestId>,
}

impl Refusal {
    fn of(why: impl Into<Cow<'static, str>>, id: Option<RequestId>) -> Box<Self> {
        Box::new(Self { why: ErrorData::invalid_request(why, None), id })
    }
}

/// What a line says.
enum Said {
    Call(Call),
    Other(RxJsonRpcMessage<RoleServer>),
}

impl Said {
    fn into_message(self) -> RxJsonRpcMessage<RoleServer> {
        match self {
            Self::Call(call) => call.into_message(),
            Self::Other(message) => message,
        }
    }
}

impl<R, W> Transport<RoleServer> for Lines<R, W>
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    type Error = io::Error;

    fn send(&mut self, item: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let (queued, output) = (self.output.queue(&item), Arc::clone(&self.output));
        async move { output.written(queued?).await }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if let Some(end) = self.owed.filter(|_| self.is_due()) {
                self.output.written(end).await.ok()?;
                (self.owed, self.is_urgent) = (None, false);
            }
            if self.direct.as_mut().is_some_and(Direct::has_had_its_turn) {
                tokio::task::yield_now().await;
            }
            let read = self.read_line().await.inspect_err(|error| tracing::error!(%error, "the input cannot be read"));
            match read.ok()? {
                Line::End => return None,
                Line::TooLong => {
                    let why = format!("a message has at most {} bytes; this one was left out", self.longest);
                    self.refuse(*Refusal::of(why, None))?;
                }
                Line::Whole => match self.message() {
                    Ok(Some(said)) => {
                        if let Some(message) = self.passed_on(said).await? {
                            return Some(message);
                        }
                    }
                    Ok(None) => {}
                    Err(refusal) => self.refuse(*refusal)?,
                },
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.output.close().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
