//! A client over standard streams that pipelines: it does not wait for one answer before it asks the next.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use super::request::{self, Request};
use crate::measure::{Driver, Lane};

/// A server's process, and what its client asks it.
pub(crate) struct StdioClient {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    request: Request,
    depth: usize,
    next: u64,
    /// Requests that are not answered yet, and when they were made.
    flying: BTreeMap<u64, Instant>,
    /// What is about to be written.
    out: Vec<u8>,
    line: Vec<u8>,
}

impl StdioClient {
    /// Starts `server` and introduces itself, on revision 2025-11-25. It asks `request`, `depth` times at once.
    pub(crate) fn start(server: &mut Command, request: Request, depth: usize) -> Result<Self> {
        let mut child = server.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("a child with standard output")?;
        let mut client = Self {
            child,
            input,
            output: BufReader::with_capacity(64 << 10, output),
            request,
            depth,
            next: 1,
            flying: BTreeMap::new(),
            out: Vec::new(),
            line: Vec::new(),
        };
        client.say(&request::initialize());
        client.flush()?;
        client.read_line()?;
        request::answered(&client.line)?;
        client.say(&request::initialized());
        client.flush()?;
        Ok(client)
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn say(&mut self, message: &str) {
        self.out.extend_from_slice(message.as_bytes());
        self.out.push(b'\n');
    }

    fn ask(&mut self) {
        let message = self.request.message(self.next, None);
        self.say(&message);
        self.flying.insert(self.next, Instant::now());
        self.next += 1;
    }

    fn flush(&mut self) -> Result<()> {
        if !self.out.is_empty() {
            self.input.as_mut().context("the server was told to end")?.write_all(&self.out)?;
            self.out.clear();
        }
        Ok(())
    }

    fn read_line(&mut self) -> Result<()> {
        self.line.clear();
        if self.output.read_until(b'\n', &mut self.line)? == 0 {
            bail!("the server has ended: {:?}", self.child.try_wait());
        }
        Ok(())
    }
}

impl Driver for StdioClient {
    fn drive(&mut self, until: Instant, lane: &mut Lane) -> Result<()> {
        for _ in 0..self.depth {
            self.ask();
        }
        self.flush()?;
        while !self.flying.is_empty() {
            self.read_line()?;
            let id = request::answered(&self.line)?;
            let asked = self.flying.remove(&id).with_context(|| format!("nobody has asked {id}"))?;
            let now = Instant::now();
            lane.record(now - asked)?;
            if now < until {
                self.ask();
            }
            // Written together while more answers lie here already.
            if !self.output.buffer().contains(&b'\n') {
                self.flush()?;
            }
        }
        Ok(())
    }
}

impl Drop for StdioClient {
    fn drop(&mut self) {
        // The end of its input tells a server to end. One that does not is ended.
        drop(self.input.take());
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}
