//! A client over HTTP/1.1 that asks all sorts of things, over a connection that it keeps or gives up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::load::{Answer, read_answer};

/// No answer takes longer.
const LONGEST: Duration = Duration::from_secs(60);

/// Where to ask, and as whom.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) token: String,
}

/// One connection, made when it is needed.
pub(super) struct Client {
    server: Arc<Server>,
    connection: Option<BufReader<TcpStream>>,
}

/// What is asked: the first line without the version, headers, a body.
pub(super) struct Asked<'a> {
    pub(super) line: &'a str,
    pub(super) headers: &'a [&'a str],
    pub(super) body: &'a str,
}

impl Client {
    pub(super) fn of(server: &Arc<Server>) -> Self {
        Self { server: Arc::clone(server), connection: None }
    }

    /// Goes away, whatever the server is doing.
    pub(super) fn leave(&mut self) {
        self.connection = None;
    }

    pub(super) async fn get(&mut self, path: &str) -> Result<Answer> {
        good(self.ask(&Asked { line: &format!("GET {path}"), headers: &[], body: "" }).await?)
    }

    pub(super) async fn post(&mut self, path: &str, headers: &[&str], body: &Value) -> Result<Answer> {
        good(self.ask(&Asked { line: &format!("POST {path}"), headers, body: &body.to_string() }).await?)
    }

    /// A call by the API, and its report.
    pub(super) async fn call(&mut self, tool: &str, arguments: &Value, more: &[&str]) -> Result<Value> {
        self.post("/v1/calls", more, &json!({ "tool": tool, "arguments": arguments })).await?.json()
    }

    /// Asks, and reads the answer whole, whatever it is.
    pub(super) async fn ask(&mut self, asked: &Asked<'_>) -> Result<Answer> {
        self.send(asked).await?;
        let connection = self.connection.as_mut().context("nothing was asked")?;
        let answer = tokio::time::timeout(LONGEST, read_answer(connection)).await;
        answer.context("no answer within a minute").flatten().inspect_err(|_| self.connection = None)
    }

    /// Asks, and does not wait for an answer.
    pub(super) async fn send(&mut self, asked: &Asked<'_>) -> Result<()> {
        let Server { address, token } = &*self.server;
        let mut message = format!("{} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n", asked.line);
        for header in asked.headers {
            message.extend([header, "\r\n"]);
        }
        if !asked.body.is_empty() {
            message.extend([
                "Content-Type: application/json\r\nContent-Length: ",
                &asked.body.len().to_string(),
                "\r\n",
            ]);
        }
        message.extend(["\r\n", asked.body]);
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        let connection = self.connection.insert(connection);
        Ok(connection.get_mut().write_all(message.as_bytes()).await?)
    }

    /// Reads what comes until `end` was in it, and leaves.
    pub(super) async fn follow(&mut self, end: &str) -> Result<()> {
        let mut connection = self.connection.take().context("nothing was asked")?;
        let read = async {
            let (mut all, mut part) = (Vec::new(), vec![0; 16 << 10]);
            loop {
                let bytes = connection.read(&mut part).await?;
                all.extend_from_slice(part.get(..bytes).unwrap_or_default());
                let text = String::from_utf8_lossy(&all);
                if text.contains(end) {
                    return Ok(());
                }
                ensure!(bytes > 0, "a stream ended without `{end}`: {text}");
            }
        };
        tokio::time::timeout(LONGEST, read).await.with_context(|| format!("no `{end}` within a minute"))?
    }
}

/// An answer that is none of an error.
pub(super) fn good(answer: Answer) -> Result<Answer> {
    let said = || String::from_utf8_lossy(&answer.body).into_owned();
    ensure!((200..300).contains(&answer.status), "status {}: {}", answer.status, said());
    Ok(answer)
}
