//! The other end of the control socket: a command that asks the process which holds the state directory.

use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::CONTROL;
use super::socket::{SocketError, connect};

/// Longest answer, in bytes: the largest result of a call with all that it changed.
const LONGEST_ANSWER: usize = 64 << 20;

/// Most of a text that is no problem in JSON that is told, in characters.
const LONGEST_TEXT: usize = 500;

/// Why the holder did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// There is no way to it.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// It went away, or does not speak as it should.
    #[error("the process that holds the state has ended, or is another version of toolhold: {0}; try again")]
    Broken(String),
    /// It went away, or said what nobody understands, after it was asked.
    #[error(
        "the process that holds the state did not answer to the end: {0}; whether it did what it was asked is in `toolhold history` and `toolhold audit`"
    )]
    Unanswered(String),
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
        let (parts, body) = self.0.send_request(request).await.map_err(unanswered)?.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await.map_err(unanswered)?.to_bytes();
        Ok(Answer { status: parts.status, body: said(parts.status, &body)? })
    }
}

/// What a body says. With a status of failure it may be any text, and is told as the problem that it is.
fn said(status: StatusCode, body: &[u8]) -> Result<Value, ClientError> {
    if body.is_empty() && status.is_success() {
        return Ok(Value::Null);
    }
    match serde_json::from_slice(body) {
        Ok(body) => Ok(body),
        Err(error) if status.is_success() => Err(unanswered(error)),
        Err(_) => {
            let text: String = String::from_utf8_lossy(body).chars().take(LONGEST_TEXT).collect();
            Ok(json!({ "status": status.as_u16(), "detail": format!("{status}: {text}") }))
        }
    }
}

fn unanswered(error: impl std::fmt::Display) -> ClientError {
    ClientError::Unanswered(error.to_string())
}

fn broken(error: impl std::fmt::Display) -> ClientError {
    ClientError::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_is_no_json_is_a_failure_with_its_status() {
        let said = |status, body: &[u8]| said(status, body).map_err(|error| error.to_string());
        let detail = said(StatusCode::PAYLOAD_TOO_LARGE, b"length limit\nexceeded").unwrap()["detail"].to_string();
        assert!(detail.contains("413") && detail.contains("length limit"), "{detail}");
        assert!(said(StatusCode::BAD_GATEWAY, b"").unwrap()["detail"].is_string());
        assert_eq!(said(StatusCode::OK, b"").unwrap(), Value::Null);
        assert_eq!(said(StatusCode::CONFLICT, br#"{"code":"c"}"#).unwrap()["code"], "c");
        let unclear = said(StatusCode::OK, b"no json").unwrap_err();
        assert!(unclear.contains("toolhold history") && !unclear.contains("try again"), "{unclear}");
    }
}
