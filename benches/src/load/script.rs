//! A script that makes calls by itself: it says that it is `ready`, and by which other process, if one makes them; then it is told for how
//! many milliseconds, and says how many nanoseconds each call took.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::measure::{Driver, Lane};

/// Its process.
pub(crate) struct Script {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    works: u32,
}

impl Script {
    /// Starts it, and waits until it says that it is ready.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().context("a child with standard input")?;
        let output = BufReader::new(child.stdout.take().context("a child with standard output")?);
        let works = child.id();
        let mut script = Self { child, input, output, works };
        let said = script.line()?;
        let worker = said.trim().strip_prefix("ready").with_context(|| format!("the script is not ready: {said}"))?;
        if !worker.is_empty() {
            script.works = worker.trim().parse().with_context(|| format!("no number of a process: {said}"))?;
        }
        Ok(script)
    }

    /// The process that makes the calls.
    pub(crate) fn id(&self) -> u32 {
        self.works
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
