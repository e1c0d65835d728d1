//! `toolhold:tool/context`: what a tool says to whoever waits for it, counted, and handed on as it comes.

use std::fmt;
use std::sync::Arc;

use toolhold_core::limit::Limit;
use toolhold_core::outcome::{Level, LogLine};

use crate::bindings::toolhold::tool::{context, types};
use crate::call::Gate;

/// Bytes of a progress message that are handed on.
const MAX_PROGRESS_MESSAGE: usize = 1 << 10;

/// Something that a guest says while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A log line.
    Log(LogLine),
    /// How far it is.
    Progress {
        /// In units of the tool's choice.
        done: f64,
        /// Of how many, if it knows.
        total: Option<f64>,
        /// What it is doing. Any text, at most 1 KiB: escape before showing.
        message: String,
    },
    /// A part of the result ahead of the result.
    Emitted(String),
}

/// Is told each event, on the thread that runs the guest: it must not block.
#[derive(Clone)]
pub struct EventSink(Arc<dyn Fn(Event) + Send + Sync>);

impl EventSink {
    /// A sink that calls `tell`.
    pub fn new(tell: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells `event`.
    pub fn tell(&self, event: Event) {
        (self.0)(event);
    }
}

impl fmt::Debug for EventSink {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("EventSink")
    }
}

/// What a guest has said so far.
#[derive(Debug, Default)]
pub(crate) struct ContextCtx {
    pub(crate) log: Vec<LogLine>,
    pub(crate) emitted: Vec<String>,
    pub(crate) sink: Option<EventSink>,
}

impl ContextCtx {
    fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(EventSink(tell)) = &self.sink {
            tell(event());
        }
    }
}

impl types::Host for Gate<'_> {}

impl context::Host for Gate<'_> {
    fn log(&mut self, level: types::Level, message: String) -> wasmtime::Result<()> {
        let state = self.enter()?;
        // One more for the line's end: empty lines cost too.
        state.meter.charge(Limit::Log, message.len() as u64 + 1)?;
        let level = match level {
            types::Level::Debug => Level::Debug,
            types::Level::Info => Level::Info,
            types::Level::Warn => Level::Warn,
            types::Level::Error => Level::Error,
        };
        let line = LogLine { level, message };
        state.context.tell(|| Event::Log(line.clone()));
        state.context.log.push(line);
        Ok(())
    }

    fn progress(&mut self, done: f64, total: Option<f64>, mut message: String) -> wasmtime::Result<()> {
        let state = self.enter()?;
        message.truncate(message.floor_char_boundary(MAX_PROGRESS_MESSAGE));
        state.context.tell(|| Event::Progress { done, total, message });
        Ok(())
    }

    fn emit(&mut self, chunk: String) -> wasmtime::Result<()> {
        let state = self.enter()?;
        state.meter.charge(Limit::Output, chunk.len() as u64 + 1)?;
        state.context.tell(|| Event::Emitted(chunk.clone()));
        state.context.emitted.push(chunk);
        Ok(())
    }

    fn cancelled(&mut self) -> wasmtime::Result<bool> {
        Ok(self.enter()?.stop.is_cancelled())
    }
}
