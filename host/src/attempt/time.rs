//! Time and chance as values: what waits and what is random in attempts goes through a [`Time`].
//!
//! A breaker's recovery and a retry's wait can thus be tested without waiting for them.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::clock;

/// What tells the time, waits, and throws dice.
pub trait Time: fmt::Debug + Send + Sync {
    /// Now, in microseconds since 1970.
    fn micros(&self) -> u64;

    /// Resolves when so many microseconds have passed.
    fn sleep(&self, micros: u64) -> BoxFuture<'static, ()>;

    /// Any number. Spreads attempts over time; nothing secret is made of it.
    fn random(&self) -> u64;
}

/// The machine's.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostTime;

impl Time for HostTime {
    fn micros(&self) -> u64 {
        clock::micros()
    }

    fn sleep(&self, micros: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_micros(micros)))
    }

    fn random(&self) -> u64 {
        // The keys of every such state are different, and the first ones are the operating system's randomness.
        RandomState::new().hash_one(0_u8)
    }
}
