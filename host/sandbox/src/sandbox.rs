//! The sandbox as its embedder sees it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use toolhold_core::call::AuthorizedCall;
use toolhold_core::effect::Request;
use toolhold_core::id::Label;
use toolhold_core::id::{Digest, Hashed, ToolDigest};
use toolhold_core::limit::Usage;
use toolhold_core::outcome::SideOutput;

use crate::call::{Answer, Ended, RunFailure};
use crate::capability::context::EventSink;
use crate::capability::fs::commit::Staged;
use crate::capability::fs::{Notes, Stage};
use crate::config::SandboxConfig;
use crate::inner::Inner;
use crate::load::{self, LoadError, Loaded};
use crate::reel::Reel;
use crate::turns::Caller;

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No engine could be made: too little address space, or a machine that wasmtime does not support.
    #[error("no WebAssembly engine: {0}")]
    Engine(String),
    /// The thread that bounds computing time could not be started.
    #[error("no epoch thread: {0}")]
    Ticker(#[from] std::io::Error),
}

/// What the caller of one call wants beside its result.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Is told of log lines, progress and emitted parts as they come.
    pub events: Option<EventSink>,
    /// Who asks: where calls wait, callers take turns.
    pub caller: Caller,
    /// Stops the guest.
    pub cancel: CancellationToken,
    /// A name for the directory of what is staged, unique for ever; `None` draws one.
    pub name: Option<String>,
    /// Stage here, above what earlier calls staged. The caller begins and rolls back calls.
    pub stage: Option<Arc<Stage>>,
    /// What is the same in every try of the same call: keys by which servers recognise a request are made of it.
    pub key: Option<Digest>,
    /// Takes down what the guest is given from outside, or gives it what was taken down before; such a call sends nothing.
    pub reel: Option<Reel>,
}

/// What came of a call.
#[derive(Debug)]
pub struct RunReport {
    /// The text of the result, or why there is none. That the text is JSON is not checked here.
    pub outcome: Result<String, RunFailure>,
    /// What it used of each limit.
    pub usage: Usage,
    /// What the guest said on the side.
    pub output: SideOutput,
    /// What it touched of the granted directories, and what it was refused there.
    pub files: Notes,
    /// What it would change, if that was staged, whatever came of the call. Dropped, nothing lands.
    pub staged: Option<Staged>,
    /// What it requested over the network, oldest first; at most 1,000 are kept.
    pub requests: Vec<Request>,
    /// How many more it requested.
    pub requests_left_out: u64,
    /// What is said of the answers that it got.
    pub labels: BTreeSet<Label>,
    /// Names of the secrets that were taken out of answers before it got them.
    pub returned: BTreeSet<String>,
}

impl From<Ended> for RunReport {
    fn from(ended: Ended) -> Self {
        let outcome = ended.outcome.and_then(|answer| match answer {
            Answer::Text(text) => Ok(text),
            Answer::Tools(_) => Err(RunFailure::Host("`invoke` was answered with tools".into())),
        });
        Self {
            outcome,
            usage: ended.usage,
            output: ended.output,
            files: ended.files,
            staged: ended.staged.map(Staged::new),
            requests: ended.requests.kept,
            requests_left_out: ended.requests.left_out,
            labels: ended.requests.labels,
            returned: ended.requests.returned,
        }
    }
}

/// Runs components. Cheap to clone; all clones are the same sandbox.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

impl Sandbox {
    /// A sandbox without components.
    ///
    /// # Errors
    ///
    /// [`Error`] if the machine gives no engine or thread. A cache that cannot be trusted is not an error: it is not
    /// used, and a warning says why.
    pub fn new(config: SandboxConfig) -> Result<Self, Error> {
        Inner::new(config).map(|inner| Self(Arc::new(inner)))
    }

    /// Loads a component: compiles it, or takes the compiled form from the cache, and learns its tools. Blocks.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says what is wrong with it.
    pub fn load_blocking(&self, bytes: &[u8]) -> Result<Loaded, LoadError> {
        load::load(&self.0, bytes)
    }

    /// [`Self::load_blocking`] on a thread of its own; but where this version has loaded the component before, with the same cache, it is not
    /// compiled, nor is its machine code looked at, until a call of it needs that.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says what is wrong with it.
    pub async fn load_known(&self, component: Hashed) -> Result<Loaded, LoadError> {
        self.loading(move |sandbox| load::load_known(&sandbox.0, component)).await
    }

    /// From here on, on a thread of its own, makes those components ready that nobody has called so far, so that the first call waits for
    /// nothing.
    pub fn make_ready(&self) {
        let inner = Arc::clone(&self.0);
        let begun = std::thread::Builder::new().name("toolhold-load".into()).spawn(move || inner.make_all_ready());
        if let Err(error) = begun {
            tracing::warn!(%error, "components are made ready by their first calls");
        }
    }

    /// Reads and loads a component. Blocks. What was read counts: the file is not looked at again.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says what is wrong with it.
    pub fn load_file_blocking(&self, path: &Path) -> Result<Loaded, LoadError> {
        let bytes = load::read(path, self.0.config.max_component_bytes)?;
        self.load_blocking(&bytes)
    }

    /// [`Self::load_blocking`] on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says what is wrong with it.
    pub async fn load(&self, bytes: Vec<u8>) -> Result<Loaded, LoadError> {
        self.loading(move |sandbox| sandbox.load_blocking(&bytes)).await
    }

    /// [`Self::load_file_blocking`] on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`LoadError`] says what is wrong with it.
    pub async fn load_file(&self, path: &Path) -> Result<Loaded, LoadError> {
        let path = path.to_path_buf();
        self.loading(move |sandbox| sandbox.load_file_blocking(&path)).await
    }

    async fn loading(
        &self,
        load: impl FnOnce(&Self) -> Result<Loaded, LoadError> + Send + 'static,
    ) -> Result<Loaded, LoadError> {
        let (send, receive) = tokio::sync::oneshot::channel();
        let sandbox = self.clone();
        std::thread::Builder::new()
            .name("toolhold-load".into())
            .spawn(move || drop(send.send(load(&sandbox))))
            .map_err(|error| LoadError::Host(error.to_string()))?;
        receive.await.unwrap_or_else(|_| Err(LoadError::Host("the loading thread panicked".into())))
    }

    /// Forgets a component. Calls of it that run go on.
    pub fn unload(&self, digest: &ToolDigest) {
        self.0.forget(digest);
    }

    /// Runs one call on this thread to its end, once there is room for it. For callers outside of an async runtime.
    #[must_use]
    pub fn run_blocking(&self, call: &AuthorizedCall, options: RunOptions) -> RunReport {
        let prepared = self.0.prepare(call, options);
        prepared.map_or_else(Ended::refused, |(entry, job, deadline)| self.0.run_blocking(&entry, job, deadline)).into()
    }

    /// Runs one call. It starts on the task that asks; one that does not end within a tick goes on on a worker thread, so
    /// that neither short calls pay for a hand-over nor long ones hold up the runtime.
    ///
    /// Dropping the future stops the guest.
    pub async fn run(&self, call: &AuthorizedCall, options: RunOptions) -> RunReport {
        match self.0.prepare(call, options) {
            Ok((entry, job, deadline)) => {
                // Type and size of the engine end here: whoever spawns a call need not know what it is made of.
                let running: BoxFuture<'_, Ended> = Box::pin(self.0.run(&entry, job, deadline));
                running.await.into()
            }
            Err(failure) => Ended::refused(failure).into(),
        }
    }

    #[cfg(test)]
    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    /// Bytes of linear memory and tables that all calls hold at this moment.
    #[must_use]
    pub fn memory_in_flight(&self) -> u64 {
        self.0.memory_in_flight()
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sandbox").field("config", &self.0.config).finish_non_exhaustive()
    }
}
