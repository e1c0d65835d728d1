//! What ends a call before its guest does: the deadline, the caller, a limit that was crossed where no error could be
//! returned.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use toolhold_core::limit::{Exceeded, Limit};
use wasmtime::Engine;

use super::failure::Stopped;
use super::wait::block_on;
use crate::meter::Meter;

/// How long a guest may go on after its caller has given up, to notice and return by itself.
pub(crate) const GRACE: Duration = Duration::from_millis(20);

/// Ends a call at a limit that was crossed where no error can be returned to the guest. The guest is stopped at its next
/// check: it gets no further than to its next loop, call or end.
#[derive(Clone)]
pub(crate) struct Crossing {
    first: Arc<OnceLock<Exceeded>>,
    engine: Engine,
}

impl Crossing {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { first: Arc::default(), engine }
    }

    /// Notes that a limit was crossed. The first one counts.
    pub(crate) fn cross(&self, exceeded: Exceeded) {
        let _later = self.first.set(exceeded);
        self.engine.increment_epoch();
    }
}

/// What ends one call early.
pub(crate) struct Stop {
    meter: Arc<Meter>,
    token: CancellationToken,
    deadline: Instant,
    cancelled_at: Option<Instant>,
    crossing: Crossing,
}

impl Stop {
    pub(crate) fn new(meter: Arc<Meter>, token: CancellationToken, crossing: Crossing) -> Self {
        let deadline = Instant::now() + meter.time_left();
        Self { meter, token, deadline, cancelled_at: None, crossing }
    }

    /// When the call must have ended.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether the caller has given up.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Where crossed limits are noted.
    pub(crate) fn crossing(&self) -> &Crossing {
        &self.crossing
    }

    /// The limit that was crossed where no error could be returned.
    pub(crate) fn crossed(&self) -> Option<Exceeded> {
        self.crossing.first.get().copied()
    }

    /// Asked at every tick: may the guest go on?
    ///
    /// # Errors
    ///
    /// Why not.
    pub(crate) fn check(&mut self) -> Result<(), Stopped> {
        if let Some(exceeded) = self.crossed() {
            return Err(exceeded.into());
        }
        let now = Instant::now();
        if now >= self.deadline {
            return Err(self.meter.exceeded(Limit::Time).into());
        }
        if self.token.is_cancelled() {
            self.meter.cancel();
            if now.duration_since(*self.cancelled_at.get_or_insert(now)) >= GRACE {
                return Err(Stopped::Cancelled);
            }
        }
        Ok(())
    }

    /// Waits for a host operation on the calling thread.
    ///
    /// # Errors
    ///
    /// [`Stopped`] as an error, if the call must end before the operation does.
    pub(crate) fn wait<T>(&self, operation: impl Future<Output = T>) -> wasmtime::Result<T> {
        let either = async {
            tokio::select! {
                biased;
                output = operation => Ok(output),
                () = self.token.cancelled() => Err(Stopped::Cancelled),
            }
        };
        let ended =
            block_on(either, Some(self.deadline)).unwrap_or_else(|| Err(self.meter.exceeded(Limit::Time).into()));
        ended.map_err(Into::into)
    }
}
