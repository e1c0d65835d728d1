//! `toolhold serve` as a process, with a token for its client.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};

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
        let token =
            place::printed(place::toolhold_in(folder, cache)?.args(["tokens", "create", "bench", "--role", "run"]))?;
        let mut serve = place::toolhold_in(folder, cache)?;
        serve
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = serve.spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("a child with standard output")?).read_line(&mut line)?;
        let address =
            line.trim().strip_prefix("http://").context("the server has not said where it listens")?.parse()?;
        Ok(Self { child, address, token: token.trim().to_owned() })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
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
