//! Memory and tables: the sum over all of a call's, and the sum over all calls of the host.
//!
//! wasmtime's own limits are per memory: two memories pass them at twice the limit. A growth that is refused is seen by the
//! guest as a failed allocation, which it may handle; the limiter remembers it, so that a guest which aborts instead is
//! reported by the limit's name.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use toolhold_core::limit::{Exceeded, Limit};
use wasmtime::ResourceLimiter;

use crate::engine::bounds;
use crate::meter::Meter;

/// Bytes of the host that one table element takes.
const ELEMENT_BYTES: u64 = 16;

/// What all calls of the host hold together.
#[derive(Debug)]
pub(crate) struct HostMemory {
    used: AtomicU64,
    most: u64,
}

impl HostMemory {
    pub(crate) fn new(most: u64) -> Self {
        Self { used: AtomicU64::new(0), most }
    }

    /// Bytes held at this moment.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> bool {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= self.most {
            return true;
        }
        self.give_back(bytes);
        false
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The limiter of one call's store.
#[derive(Debug)]
pub(crate) struct Limiter {
    meter: Arc<Meter>,
    host: Arc<HostMemory>,
    held: u64,
    last: Option<(Limit, u64)>,
    refused: Option<Refused>,
}

/// Why a growth was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The call's own limit.
    Limit(Exceeded),
    /// All calls together hold too much.
    HostFull,
}

impl Limiter {
    pub(crate) fn new(meter: Arc<Meter>, host: Arc<HostMemory>) -> Self {
        Self { meter, host, held: 0, last: None, refused: None }
    }

    /// The last growth that was refused.
    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused
    }

    fn grow(&mut self, limit: Limit, amount: u64, bytes: u64) -> bool {
        if let Err(exceeded) = self.meter.charge(limit, amount) {
            self.refused = Some(Refused::Limit(exceeded));
            return false;
        }
        if !self.host.take(bytes) {
            self.meter.release(limit, amount);
            self.refused = Some(Refused::HostFull);
            return false;
        }
        self.held += bytes;
        self.last = Some((limit, amount));
        true
    }

    /// The growth that was just allowed did not happen.
    fn undo(&mut self, limit: Limit, bytes_each: u64) {
        if let Some((last, amount)) = self.last.take()
            && last == limit
        {
            self.meter.release(limit, amount);
            self.host.give_back(amount * bytes_each);
            self.held -= amount * bytes_each;
        }
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.host.give_back(self.held);
    }
}

fn amount(current: usize, desired: usize) -> u64 {
    desired.saturating_sub(current) as u64
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let bytes = amount(current, desired);
        Ok(self.grow(Limit::Memory, bytes, bytes))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.undo(Limit::Memory, 1);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let elements = amount(current, desired);
        Ok(self.grow(Limit::TableElements, elements, elements.saturating_mul(ELEMENT_BYTES)))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.undo(Limit::TableElements, ELEMENT_BYTES);
        Ok(())
    }

    fn instances(&self) -> usize {
        bounds::INSTANCES as usize
    }

    fn tables(&self) -> usize {
        bounds::TABLES as usize
    }

    fn memories(&self) -> usize {
        bounds::MEMORIES as usize
    }
}

#[cfg(test)]
mod tests {
    use toolhold_core::limit::Limits;

    use super::*;

    fn limiter(memory: u64, host: &Arc<HostMemory>) -> Limiter {
        let mut limits = Limits::default();
        limits.set(Limit::Memory, memory);
        Limiter::new(Arc::new(Meter::start(limits)), Arc::clone(host))
    }

    #[test]
    fn two_memories_share_one_limit() {
        let host = Arc::new(HostMemory::new(u64::MAX));
        let mut limiter = limiter(100, &host);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap());
        assert_eq!(limiter.refused(), Some(Refused::Limit(Exceeded { limit: Limit::Memory, allowed: 100, used: 120 })));
        assert!(limiter.memory_growing(60, 100, None).unwrap());
    }

    #[test]
    fn all_calls_share_the_host_and_give_back_what_they_held() {
        let host = Arc::new(HostMemory::new(100));
        let mut one = limiter(100, &host);
        let mut two = limiter(100, &host);
        assert!(one.memory_growing(0, 60, None).unwrap());
        assert!(!two.memory_growing(0, 60, None).unwrap());
        assert_eq!(two.refused(), Some(Refused::HostFull));
        drop(one);
        assert!(two.memory_growing(0, 60, None).unwrap());
        drop(two);
        assert_eq!(host.used(), 0);
    }

    #[test]
    fn a_growth_that_fails_afterwards_is_not_charged() {
        let host = Arc::new(HostMemory::new(100));
        let mut limiter = limiter(100, &host);
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        limiter.memory_grow_failed(wasmtime::format_err!("no")).unwrap();
        assert!(limiter.memory_growing(0, 100, None).unwrap());
        assert!(!limiter.memory_growing(0, 10, Some(5)).unwrap());
        assert_eq!(host.used(), 100);
    }
}
