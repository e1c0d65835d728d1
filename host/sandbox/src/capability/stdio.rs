//! `wasi:cli/stdin`, `stdout`, `stderr` and the terminals: the input of a program and else none, output into bounded buffers, no
//! terminal.
//!
//! The host's own standard streams are never in reach: on some fronts they carry the protocol.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use toolhold_core::limit::Limit;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::cli::{
    stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr, terminal_stdin, terminal_stdout,
};
use wasmtime_wasi::p2::pipe::{ClosedInputStream, MemoryInputPipe};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi_io::bytes::Bytes;

use crate::call::{CallState, Gate};
use crate::meter::Meter;

/// Bytes that a guest may write in one go: what the host copies before it is charged.
const PERMIT: usize = 64 << 10;

/// What one output stream has been given so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.lock())
    }
}

/// The streams of one call; those for output from when the guest first asks for them.
#[derive(Debug, Default)]
pub(crate) struct StdioCtx {
    /// Of a program. However often it asks for the stream, each byte is read once.
    stdin: Option<MemoryInputPipe>,
    stdout: Option<Captured>,
    stderr: Option<Captured>,
}

impl StdioCtx {
    /// Streams of a call; of a program, with its standard input.
    pub(crate) fn new(stdin: Option<&str>) -> Self {
        Self { stdin: stdin.map(|text| MemoryInputPipe::new(text.as_bytes().to_vec())), ..Self::default() }
    }

    pub(crate) fn stdout(&self) -> Vec<u8> {
        self.stdout.as_ref().map(Captured::take).unwrap_or_default()
    }

    /// Shows what was written to standard output and to standard error, which stays there: it may be megabytes.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&[u8], &[u8]) -> T) -> T {
        let (stdout, stderr) = (self.stdout.as_ref().map(Captured::lock), self.stderr.as_ref().map(Captured::lock));
        look(
            stdout.as_ref().map_or(&[], |bytes| bytes.as_slice()),
            stderr.as_ref().map_or(&[], |bytes| bytes.as_slice()),
        )
    }

    pub(crate) fn stderr(&self) -> Vec<u8> {
        self.stderr.as_ref().map(Captured::take).unwrap_or_default()
    }
}

struct Capture {
    into: Captured,
    limit: Limit,
    meter: Arc<Meter>,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Capture {
    async fn ready(&mut self) {}
}

impl OutputStream for Capture {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.meter.charge(self.limit, bytes.len() as u64).map_err(|exceeded| StreamError::Trap(exceeded.into()))?;
        self.into.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

impl CallState {
    fn push_output(&mut self, into: Captured, limit: Limit) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(Capture { into, limit, meter: Arc::clone(&self.meter) });
        Ok(self.table.push(stream)?)
    }
}

impl stdin::Host for Gate<'_> {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        let state = self.enter()?;
        let stream: DynInputStream = match &state.stdio.stdin {
            Some(input) => Box::new(input.clone()),
            None => Box::new(ClosedInputStream),
        };
        Ok(state.table.push(stream)?)
    }
}

impl stdout::Host for Gate<'_> {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        let state = self.enter()?;
        let into = state.stdio.stdout.get_or_insert_default().clone();
        // What a program writes is its result.
        let limit = if state.command.is_some() { Limit::Output } else { Limit::Stdout };
        state.push_output(into, limit)
    }
}

impl stderr::Host for Gate<'_> {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        let state = self.enter()?;
        let into = state.stdio.stderr.get_or_insert_default().clone();
        state.push_output(into, Limit::Stderr)
    }
}

impl terminal_input::Host for Gate<'_> {}
impl terminal_output::Host for Gate<'_> {}

// No function here makes a terminal, so none can be dropped.
impl terminal_input::HostTerminalInput for Gate<'_> {
    fn drop(&mut self, terminal: Resource<terminal_input::TerminalInput>) -> wasmtime::Result<()> {
        self.enter()?.table.delete(terminal).map(drop).map_err(Into::into)
    }
}

impl terminal_output::HostTerminalOutput for Gate<'_> {
    fn drop(&mut self, terminal: Resource<terminal_output::TerminalOutput>) -> wasmtime::Result<()> {
        self.enter()?.table.delete(terminal).map(drop).map_err(Into::into)
    }
}

impl terminal_stdin::Host for Gate<'_> {
    fn get_terminal_stdin(&mut self) -> wasmtime::Result<Option<Resource<terminal_input::TerminalInput>>> {
        self.enter().map(|_| None)
    }
}

impl terminal_stdout::Host for Gate<'_> {
    fn get_terminal_stdout(&mut self) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        self.enter().map(|_| None)
    }
}

impl terminal_stderr::Host for Gate<'_> {
    fn get_terminal_stderr(&mut self) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        self.enter().map(|_| None)
    }
}
