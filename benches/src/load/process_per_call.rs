//! A native process per call: arguments as JSON on its standard input, the result on its standard output.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::measure::{Driver, Lane};

/// How each process is started, and what it is given.
pub(crate) struct ProcessPerCall {
    command: Command,
    arguments: String,
}

impl ProcessPerCall {
    /// One that is started as `command` says and must give `arguments` back.
    pub(crate) fn new(mut command: Command, arguments: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Self { command, arguments: arguments.to_owned() }
    }

    fn call(&mut self) -> Result<()> {
        let mut child = self.command.spawn()?;
        child.stdin.take().context("a child with standard input")?.write_all(self.arguments.as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success() && output.stdout == self.arguments.as_bytes(), "the process has not echoed");
        Ok(())
    }
}

impl Driver for ProcessPerCall {
    fn drive(&mut self, until: Instant, lane: &mut Lane) -> Result<()> {
        loop {
            lane.time(&mut || self.call())?;
            if Instant::now() >= until {
                return Ok(());
            }
        }
    }
}
