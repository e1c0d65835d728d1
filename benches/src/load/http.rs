//! A client over HTTP/1.1: one connection that is kept per call in flight.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::http_frame::{self, Answer};
use super::request::{self, Request, STATELESS, WITH_SESSIONS};
use crate::measure::{Driver, Lane};

/// How the protocol is spoken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Revision {
    /// 2025-11-25: a session, which is begun once.
    Session,
    /// 2026-07-28: each request says all that there is to say.
    Stateless,
}

/// Connections to a server, and what is asked over them.
pub(crate) struct HttpClient {
    runtime: Runtime,
    connections: Vec<BufReader<TcpStream>>,
    asked: Arc<Asked>,
}

/// What each request has in common.
struct Asked {
    head: String,
    body: String,
}

impl Asked {
    fn message(&self) -> Vec<u8> {
        let Self { head, body } = self;
        format!("POST /mcp HTTP/1.1\r\n{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }
}

impl HttpClient {
    /// Connects `depth` times to the server at `address`, with this bearer token.
    pub(crate) fn connect(
        address: SocketAddr,
        token: &str,
        revision: Revision,
        request: &Request,
        depth: usize,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let connect = async {
            let mut connections = Vec::new();
            for _ in 0..depth {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                connections.push(BufReader::with_capacity(64 << 10, stream));
            }
            anyhow::Ok(connections)
        };
        let mut connections = runtime.block_on(connect)?;
        let first = connections.first_mut().context("at least one call is in flight")?;
        let common = format!(
            "Host: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n"
        );
        let asked = match revision {
            Revision::Session => {
                let session = runtime.block_on(begin(first, &common))?;
                let head = format!("{common}Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: {WITH_SESSIONS}\r\n");
                Asked { head, body: request.message(1, None) }
            }
            Revision::Stateless => {
                let name = &request.name;
                let head = format!(
                    "{common}MCP-Protocol-Version: {STATELESS}\r\nMcp-Method: tools/call\r\nMcp-Name: {name}\r\n"
                );
                Asked { head, body: request.message(1, Some(&request::meta())) }
            }
        };
        Ok(Self { runtime, connections, asked: Arc::new(asked) })
    }
}

/// Begins a session.
async fn begin(connection: &mut BufReader<TcpStream>, common: &str) -> Result<String> {
    let first = Asked { head: common.to_owned(), body: request::initialize() };
    let answer = exchange(connection, &first.message()).await?;
    request::answered(answer.message())?;
    let session = answer.session.context("the server has begun no session")?;
    let head = format!("{common}Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: {WITH_SESSIONS}\r\n");
    exchange(connection, &Asked { head, body: request::initialized() }.message()).await?;
    Ok(session)
}

async fn exchange(connection: &mut BufReader<TcpStream>, message: &[u8]) -> Result<Answer> {
    connection.get_mut().write_all(message).await?;
    let answer = http_frame::read(connection).await?;
    let said = || String::from_utf8_lossy(&answer.body).into_owned();
    ensure!((200..300).contains(&answer.status), "status {}: {}", answer.status, said());
    Ok(answer)
}

type Used = (BufReader<TcpStream>, Vec<Duration>);

/// One request after the other over one connection. Each connection has an id of its own, as ids of a session must not meet.
async fn one_by_one(mut connection: BufReader<TcpStream>, message: Vec<u8>, until: Instant) -> Result<Used> {
    let mut took = Vec::new();
    loop {
        let began = Instant::now();
        if began >= until && !took.is_empty() {
            return Ok((connection, took));
        }
        let answer = exchange(&mut connection, &message).await?;
        request::answered(answer.message())?;
        took.push(began.elapsed());
    }
}

impl Driver for HttpClient {
    fn drive(&mut self, until: Instant, lane: &mut Lane) -> Result<()> {
        let mut all = JoinSet::new();
        for (index, connection) in self.connections.drain(..).enumerate() {
            let body = self.asked.body.replacen("\"id\":1,", &format!("\"id\":{},", index + 1), 1);
            let message = Asked { head: self.asked.head.clone(), body }.message();
            all.spawn_on(one_by_one(connection, message, until), self.runtime.handle());
        }
        while let Some(used) = self.runtime.block_on(all.join_next()) {
            let (connection, took) = used.context("a connection ended")??;
            self.connections.push(connection);
            took.into_iter().try_for_each(|took| lane.record(took))?;
        }
        Ok(())
    }
}
