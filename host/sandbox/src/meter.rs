//! What one call has used so far, shared by everything that can use something: the store's limiter, the capabilities,
//! the streams they hand out.
//!
//! A charge that would cross its limit fails with [`Exceeded`] and leaves the use as it was. A capability passes that
//! error on as a trap: the guest does not get to handle it, and the call ends with the limit's name.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use toolhold_core::limit::{Exceeded, LIMITS, Limit, Limits, Usage};

/// The meter of one call. Cheap to charge: relaxed atomics, no lock.
#[derive(Debug)]
pub struct Meter {
    limits: Limits,
    used: [AtomicU64; LIMITS.len()],
    peak: [AtomicU64; LIMITS.len()],
    started: Instant,
    cancelled: AtomicBool,
}

impl Meter {
    /// Starts the call's time.
    #[must_use]
    pub fn start(limits: Limits) -> Self {
        Self {
            limits,
            used: [const { AtomicU64::new(0) }; LIMITS.len()],
            peak: [const { AtomicU64::new(0) }; LIMITS.len()],
            started: Instant::now(),
            cancelled: AtomicBool::new(false),
        }
    }

    /// Uses `amount` more of `limit`.
    ///
    /// # Errors
    ///
    /// [`Exceeded`] if that would cross it; nothing is charged then.
    pub fn charge(&self, limit: Limit, amount: u64) -> Result<(), Exceeded> {
        let (allowed, slot) = (self.limits.get(limit), self.slot(limit));
        let before = slot.fetch_add(amount, Ordering::Relaxed);
        let used = before.saturating_add(amount);
        if used > allowed {
            slot.fetch_sub(amount, Ordering::Relaxed);
            return Err(Exceeded { limit, allowed, used });
        }
        self.peak_slot(limit).fetch_max(used, Ordering::Relaxed);
        Ok(())
    }

    /// Gives back `amount` of a limit that bounds what is held at once (memory, tables, handles).
    pub fn release(&self, limit: Limit, amount: u64) {
        self.slot(limit).fetch_sub(amount, Ordering::Relaxed);
    }

    /// What is left of `limit`.
    #[must_use]
    pub fn left(&self, limit: Limit) -> u64 {
        self.limits.get(limit).saturating_sub(self.slot(limit).load(Ordering::Relaxed))
    }

    /// Time until the deadline; zero once it has passed.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        Duration::from_micros(self.limits.get(Limit::Time)).saturating_sub(self.started.elapsed())
    }

    /// [`Exceeded`] for `limit` at its bound: for limits that something else measures (fuel, time).
    #[must_use]
    pub fn exceeded(&self, limit: Limit) -> Exceeded {
        let allowed = self.limits.get(limit);
        Exceeded { limit, allowed, used: allowed.saturating_add(1) }
    }

    /// The caller has given up.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the caller has given up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// The bounds of this call.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What was used: the sum, or the peak for what is held at once. Fuel is the caller's to add.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for spec in &LIMITS {
            usage.set(spec.limit, self.peak_slot(spec.limit).load(Ordering::Relaxed));
        }
        usage.set(Limit::Time, u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX));
        usage
    }

    #[expect(clippy::indexing_slicing, reason = "both arrays have one slot per variant of `Limit`")]
    fn slot(&self, limit: Limit) -> &AtomicU64 {
        &self.used[limit as usize]
    }

    #[expect(clippy::indexing_slicing, reason = "both arrays have one slot per variant of `Limit`")]
    fn peak_slot(&self, limit: Limit) -> &AtomicU64 {
        &self.peak[limit as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_that_crosses_the_limit_is_refused_whole_and_names_it() {
        let mut limits = Limits::default();
        limits.set(Limit::Log, 10);
        let meter = Meter::start(limits);
        meter.charge(Limit::Log, 8).unwrap();
        assert_eq!(meter.charge(Limit::Log, 3), Err(Exceeded { limit: Limit::Log, allowed: 10, used: 11 }));
        meter.charge(Limit::Log, 2).unwrap();
        assert_eq!(meter.usage().get(Limit::Log), 10);
    }

    #[test]
    fn usage_of_what_is_held_is_its_peak() {
        let meter = Meter::start(Limits::default());
        meter.charge(Limit::Handles, 5).unwrap();
        meter.release(Limit::Handles, 5);
        meter.charge(Limit::Handles, 1).unwrap();
        assert_eq!(meter.usage().get(Limit::Handles), 5);
    }
}
