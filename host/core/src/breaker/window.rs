//! Calls and faults of the last while, in ten slots: constant in size, whatever the number of calls.

use serde::{Deserialize, Serialize};

use super::BreakerSettings;

/// Parts of a window that are counted apart, and forgotten one after the other.
const SLOTS: u64 = 10;

/// Counts of the last while.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// At most [`SLOTS`], oldest first.
    slots: Vec<Slot>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slot {
    /// In lengths of a slot since 1970.
    at: u64,
    calls: u64,
    faults: u64,
}

impl Window {
    /// Counts a call.
    pub(super) fn count(&mut self, length: u64, now: u64, is_fault: bool) {
        let at = now / slot(length);
        self.slots.retain(|slot| is_within(slot.at, at));
        if self.slots.last().is_none_or(|last| last.at != at) {
            self.slots.push(Slot { at, calls: 0, faults: 0 });
        }
        if let Some(last) = self.slots.last_mut() {
            last.calls = last.calls.saturating_add(1);
            last.faults = last.faults.saturating_add(u64::from(is_fault));
        }
    }

    /// Whether the share of faults is too large.
    pub(super) fn is_over(&self, settings: &BreakerSettings, now: u64) -> bool {
        let at = now / slot(settings.window);
        let within = self.slots.iter().filter(|slot| is_within(slot.at, at));
        let (calls, faults) = within.fold((0_u64, 0_u64), |(calls, faults), slot| {
            (calls.saturating_add(slot.calls), faults.saturating_add(slot.faults))
        });
        settings.error_rate > 0
            && calls >= settings.least_calls
            && u128::from(faults) * 100 >= u128::from(calls) * u128::from(settings.error_rate)
    }

    /// Whether a fault is remembered.
    pub(super) fn has_faults(&self) -> bool {
        self.slots.iter().any(|slot| slot.faults > 0)
    }
}

fn slot(length: u64) -> u64 {
    (length / SLOTS).max(1)
}

/// What lies in the future was counted by a clock that was set back since: it is forgotten.
fn is_within(slot: u64, now: u64) -> bool {
    slot <= now && now - slot < SLOTS
}
