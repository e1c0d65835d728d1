//! Messages as lines over two streams: the protocol's transport of a client that started this process.
//!
//! The SDK has one; this one reads a call without building a tree of its arguments, which are read once, strictly, where they
//! are checked; and it writes together whatever answers are ready by then.

mod output;

use std::io;
use std::sync::Arc;

use rmcp::model::JsonRpcMessage;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::{JsonRpcMessageCodec, JsonRpcMessageCodecError};
use rmcp::{ErrorData, RoleServer};
use serde_json::error::Category;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::Decoder as _;

use output::Output;

use super::request;

/// What is read at once, in bytes: some dozens of usual calls.
const READ_AT_ONCE: usize = 32 << 10;

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
    /// Up to where output has to be written before anything more is read.
    owed: Option<u64>,
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
        }
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

    /// What the line says; nothing if that is to be ignored.
    fn message(&mut self) -> Result<Option<RxJsonRpcMessage<RoleServer>>, ErrorData> {
        let read = match request::call(&self.line) {
            Some(call) => Ok(Some(call.into_message())),
            None if self.line.trim_ascii().is_empty() => Ok(None),
            None => self.codec.decode(&mut BytesMut::from(self.line.as_slice())),
        };
        self.clear();
        match read {
            Ok(message) => Ok(message),
            Err(JsonRpcMessageCodecError::Serde(error)) => match error.classify() {
                // No JSON has no id to answer to, and whoever sends back what it does not understand must not be kept at it.
                Category::Syntax | Category::Eof => Ok(None),
                Category::Data | Category::Io => {
                    Err(ErrorData::invalid_request("this is no message of the protocol", None))
                }
            },
            Err(_) => Ok(None),
        }
    }

    /// Answers what has no id that could be answered to. It is written before anything more is read.
    fn refuse(&mut self, why: ErrorData) -> Option<()> {
        tracing::debug!(%why, "a message was not understood");
        self.owed = Some(self.output.queue(&JsonRpcMessage::error(why, None)).ok()?);
        Some(())
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
            if let Some(end) = self.owed {
                self.output.written(end).await.ok()?;
                self.owed = None;
            }
            let read = self.read_line().await.inspect_err(|error| tracing::error!(%error, "the input cannot be read"));
            match read.ok()? {
                Line::End => return None,
                Line::TooLong => {
                    let why = format!("a message has at most {} bytes; this one was left out", self.longest);
                    self.refuse(ErrorData::invalid_request(why, None))?;
                }
                Line::Whole => match self.message() {
                    Ok(Some(message)) => return Some(message),
                    Ok(None) => {}
                    Err(why) => self.refuse(why)?,
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
