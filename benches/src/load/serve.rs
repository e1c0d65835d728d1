//! `toolhold serve` as a process, with a token for its client.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::place;

/// A server that ends with this value.
pub(crate) struct ServeProcess {
    child: Child,
    address: SocketAddr,
    token: String,
}

impl ServeProcess {
    /// Serves the project in `folder` on a port that the system chooses.
    pub(crate) fn start(folder: &Path, cache: &Path) -> Result<Self> {
        let token = place::token(folder, cache, "bench", "run")?;
        let mut serve = place::toolhold_in(folder, cache)?;
        serve.arg("serve").stderr(Stdio::null());
        Self::of(serve, token)
    }

    /// Starts this command, which serves where it is told; `token` is that of its clients.
    pub(crate) fn of(mut serve: Command, token: String) -> Result<Self> {
        serve.args(["--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = serve.spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("a child with standard output")?).read_line(&mut line)?;
        let address =
            line.trim().strip_prefix("http://").context("the server has not said where it listens")?.parse()?;
        Ok(Self { child, address, token })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }
}

impl Drop for ServeProcess {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}
