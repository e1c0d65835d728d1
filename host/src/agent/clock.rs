//! Time as a value: everything in the agent that measures or waits does it through a [`Clock`].
//!
//! Nothing else in this module may read a clock or sleep. A run can thus be tested at its limits without waiting for
//! them, and a recorded one replayed.

use std::time::Duration;

use futures_util::future::BoxFuture;

/// What measures time and waits.
pub trait Clock: Send + Sync {
    /// Time since a point that stays the same for this clock. Never goes back.
    fn now(&self) -> Duration;

    /// Resolves when `duration` has passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The clock of the runtime.
#[derive(Debug)]
pub struct TokioClock {
    origin: tokio::time::Instant,
}

impl Default for TokioClock {
    fn default() -> Self {
        Self { origin: tokio::time::Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
