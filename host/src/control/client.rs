//! The other end of the control socket: a command that asks the process which holds the state directory.

use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::CONTROL;
use super::socket::{SocketError, connect};

/// Longest answer, in bytes: the largest result of a call with all that it changed.
const LONGEST_ANSWER: usize = 64 << 20;

/// Why the holder did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// There is no way to it.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// It went away, or does not speak as it should.
    #[error("the process that holds the state has ended, or is another version of toolhold: {0}; try again")]
    Broken(String),
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Whether it was done, and in which way not.
    pub(crate) status: StatusCode,
    /// What came of it, or the problem.
    pub(crate) body: Value,
}

/// A connection to the holder.
#[derive(Debug)]
pub(crate) struct Client(SendRequest<Full<Bytes>>);

impl Client {
    /// Connects to whoever holds the state directory. `None` where nobody listens there.
    ///
    /// # Errors
    ///
    /// What is there is not to be trusted.
    pub(crate) async fn connect(state: &Path) -> Result<Option<Self>, ClientError> {
        let Some(stream) = connect(state, CONTROL).await? else { return Ok(None) };
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // Ends with the sender.
        drop(tokio::spawn(connection));
        Ok(Some(Self(sender)))
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// The holder went away: whether it did what it was asked is in the journal.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Answer, ClientError> {
        let bytes = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = match body {
            Some(_) => request.header(header::CONTENT_TYPE, "application/json"),
            None => request,
        };
        let request = request.body(Full::new(bytes)).map_err(broken)?;
        self.0.ready().await.map_err(broken)?;
        let (parts, body) = self.0.send_request(request).await.map_err(broken)?.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await.map_err(broken)?.to_bytes();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).map_err(broken)? };
        Ok(Answer { status: parts.status, body })
    }
}

fn broken(error: impl std::fmt::Display) -> ClientError {
    ClientError::Broken(error.to_string())
}
