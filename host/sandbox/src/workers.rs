//! Threads for what cannot be finished where it was asked for: calls that turn out long, and timers of guests that sleep.
//!
//! None exists until the first of those, so a host that makes one short call starts no thread for it.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use tokio::runtime::{Builder, Handle, Runtime};

/// The worker threads of a sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Workers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    threads: usize,
    runtime: OnceLock<Option<Runtime>>,
}

impl Workers {
    /// Up to `threads` threads, none of them yet.
    pub(crate) fn new(threads: usize) -> Self {
        Self(Arc::new(Shared { threads, runtime: OnceLock::new() }))
    }

    /// The threads. `None` if the system gives none.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.0.runtime.get_or_init(|| self.0.start()).as_ref().map(Runtime::handle)
    }

    /// Waits until `at`, whatever runs the future. Without threads, for ever: the call's deadline still ends it.
    pub(crate) async fn sleep_until(&self, at: Instant) {
        let Some(handle) = self.handle() else { return std::future::pending().await };
        let sleep = {
            let _timers = handle.enter();
            tokio::time::sleep_until(at.into())
        };
        sleep.await;
    }
}

impl Shared {
    fn start(&self) -> Option<Runtime> {
        let built = Builder::new_multi_thread()
            .worker_threads(self.threads)
            .max_blocking_threads(1)
            .thread_name("toolhold-worker")
            .enable_time()
            .build();
        built.inspect_err(|error| tracing::error!(%error, "no worker threads")).ok()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Waiting for threads to end is not allowed where the last handle may be dropped: on one of them.
        if let Some(Some(runtime)) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
