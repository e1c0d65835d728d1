//! Compiling, bounded in time.
//!
//! Compiling is outside of fuel and epochs and cannot be interrupted. So it runs on a thread of its own, one component
//! at a time; a thread that is not done in time is abandoned, and after a few of those nothing is compiled any more until
//! they end. What is known to take long is refused before, by [`crate::component::inspect`].

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use wasmtime::Engine;

/// Threads that were given up and may still be compiling.
const MAX_ABANDONED: usize = 2;

/// Why a component was not compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// It is not valid, or uses what tools may not use.
    #[error("the component is not valid: {0}")]
    Invalid(String),
    /// It took too long.
    #[error("compiling took longer than {} s and was given up", .0.as_secs_f32())]
    TimedOut(Duration),
    /// Too many earlier components took too long.
    #[error("{MAX_ABANDONED} components that took too long are still being compiled; try again once they are done")]
    Exhausted,
    /// The compiler panicked or its thread could not be started.
    #[error("the compiler failed: {0}")]
    Failed(String),
}

/// Compiles one component at a time.
#[derive(Debug)]
pub(crate) struct Compiler {
    turn: Mutex<()>,
    abandoned: Arc<AtomicUsize>,
    timeout: Duration,
}

impl Compiler {
    /// A compiler that gives up after `timeout`.
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { turn: Mutex::new(()), abandoned: Arc::default(), timeout }
    }

    /// Machine code of `component` for engines like `engine`.
    pub(crate) fn compile(&self, engine: &Engine, component: &[u8]) -> Result<Vec<u8>, CompileError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if self.abandoned.load(Ordering::SeqCst) >= MAX_ABANDONED {
            return Err(CompileError::Exhausted);
        }
        // INVARIANT: counted as abandoned from the start, and taken back by the thread itself: however it ends.
        self.abandoned.fetch_add(1, Ordering::SeqCst);
        let count = Abandoned(Arc::clone(&self.abandoned));
        let (send, receive) = mpsc::sync_channel(1);
        let (engine, component) = (engine.clone(), component.to_vec());
        std::thread::Builder::new()
            .name("toolhold-compile".into())
            .spawn(move || {
                let compiled = engine.precompile_component(&component);
                drop(count);
                drop(send.send(compiled));
            })
            .map_err(|error| CompileError::Failed(error.to_string()))?;
        match receive.recv_timeout(self.timeout) {
            Ok(compiled) => compiled.map_err(|error| CompileError::Invalid(format!("{error:#}"))),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(CompileError::TimedOut(self.timeout)),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(CompileError::Failed("it panicked".into())),
        }
    }
}

struct Abandoned(Arc<AtomicUsize>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
