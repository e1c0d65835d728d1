//! A server on loopback that says what it is told to, right or wrong, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::support::TestClock;

/// What a server does on one connection, in order; then it closes.
pub(super) type Reply = Vec<Act>;

#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends nothing more and does not close, while time passes.
    Stall,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) head: String,
    pub(super) body: Value,
}

/// A server. Ends with the runtime of its test.
pub(super) struct Server {
    pub(super) base: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers with `replies` in order, the last one again and again.
    pub(super) async fn start(replies: Vec<Reply>, clock: TestClock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut replies = VecDeque::from(replies);
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(request) = read(&mut stream).await else { continue };
                seen.lock().unwrap().push(request);
                let reply = if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() };
                let clock = clock.clone();
                tokio::spawn(async move { answer(&mut stream, reply.unwrap_or_default(), &clock).await });
            }
        });
        Self { base, asked }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(stream: &mut TcpStream, reply: Reply, clock: &TestClock) {
    for act in reply {
        match act {
            Act::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Act::Stall => {
                // Until the other side gives up.
                while !matches!(stream.try_read(&mut [0]), Ok(0)) {
                    clock.0.advance(Duration::from_secs(1));
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.to_ascii_lowercase().split("content-length: ").nth(1)?.split("\r\n").next()?.parse::<usize>().ok()?;
        if body.len() >= length {
            return Some(Asked { head: head.to_owned(), body: serde_json::from_str(body).unwrap() });
        }
    }
}

/// A response with a status, headers and a body that ends with the connection.
pub(super) fn http(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut head = format!("HTTP/1.1 {status} Status\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    vec![Act::Send(format!("{head}\r\n{body}").into_bytes())]
}

/// A stream of these events, each a JSON text or `[DONE]`.
pub(super) fn sse(events: &[&str]) -> Reply {
    let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    http(200, &[("content-type", "text/event-stream")], &body)
}
