//! How long a model is waited for: for its first byte, between two pieces, and in all.
//!
//! Time comes from the run's clock. Only the wait for a connection is the HTTP library's.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use toolhold_core::manifest::ModelTimeouts;

use super::super::Error;
use crate::agent::clock::Clock;

/// How long each part of a turn may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until there is a connection.
    pub connect: Duration,
    /// From the request until the first byte of the answer's body.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// The whole turn.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        ModelTimeouts::default().into()
    }
}

impl From<ModelTimeouts> for Timeouts {
    fn from(timeouts: ModelTimeouts) -> Self {
        Self {
            connect: Duration::from_micros(timeouts.connect),
            first_byte: Duration::from_micros(timeouts.first_byte),
            idle: Duration::from_micros(timeouts.idle),
            whole: Duration::from_micros(timeouts.whole),
        }
    }
}

/// The waits of one turn.
#[derive(Clone)]
pub(in super::super) struct Patience {
    clock: Arc<dyn Clock>,
    timeouts: Timeouts,
    begun: Duration,
    sent: Duration,
}

impl Patience {
    pub(super) fn new(clock: Arc<dyn Clock>, timeouts: Timeouts) -> Self {
        let now = clock.now();
        Self { clock, timeouts, begun: now, sent: now }
    }

    /// A turn begins.
    pub(super) fn begin(&mut self) {
        self.begun = self.clock.now();
    }

    /// A request of the turn is sent. There are several where the server wants another dialect.
    pub(super) fn send(&mut self) {
        self.sent = self.clock.now();
    }

    /// Waits for the head or the first piece of an answer.
    pub(super) async fn first<F: Future>(&self, future: F) -> Result<F::Output, Error> {
        let most = self.timeouts.first_byte;
        self.within(left(self.clock.now(), self.sent, most), Error::NoFirstByte(most), future).await
    }

    /// Waits for the next piece.
    pub(super) async fn next<F: Future>(&self, future: F) -> Result<F::Output, Error> {
        let most = self.timeouts.idle;
        self.within(most, Error::Stalled(most), future).await
    }

    async fn within<F: Future>(&self, most: Duration, late: Error, future: F) -> Result<F::Output, Error> {
        let whole = self.timeouts.whole;
        let left = left(self.clock.now(), self.begun, whole);
        // A server that always has one more byte ready never makes anyone wait.
        if left.is_zero() {
            return Err(Error::TooSlow(whole));
        }
        let (most, late) = if left < most { (left, Error::TooSlow(whole)) } else { (most, late) };
        match select(std::pin::pin!(future), self.clock.sleep(most)).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(late),
        }
    }
}

fn left(now: Duration, since: Duration, most: Duration) -> Duration {
    most.saturating_sub(now.saturating_sub(since))
}
