//! A script that makes calls by itself: it is told for how many milliseconds, and says how many nanoseconds each call took.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::measure::{Driver, Lane};

/// Its process.
pub(crate) struct Script {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Script {
    /// Starts it, and waits until it says that it is ready.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().context("a child with standard input")?;
        let output = BufReader::new(child.stdout.take().context("a child with standard output")?);
        let mut script = Self { child, input, output };
        let said = script.line()?;
        ensure!(said.trim() == "ready", "the script is not ready: {said}");
        Ok(script)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line)
    }
}

impl Driver for Script {
    fn drive(&mut self, until: Instant, lane: &mut Lane) -> Result<()> {
        let left = until.saturating_duration_since(Instant::now());
        writeln!(self.input, "{}", left.as_millis())?;
        let line = self.line()?;
        let took: Vec<u64> = serde_json::from_str(&line).context("the script has ended")?;
        took.into_iter().try_for_each(|nanos| lane.record(Duration::from_nanos(nanos)))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}
