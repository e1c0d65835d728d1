//! What all runs of one agent may use in an hour: reserved before, settled after.
//!
//! An hour is sixty minutes that are counted one by one, so it ends at most a minute late and never early. Time is passed in. Whoever
//! holds one of these for several runs makes each call of it alone: then no two of them reserve the same room.

use std::collections::VecDeque;

const MICROS_PER_MINUTE: u64 = 60_000_000;
const MINUTES: u64 = 60;

/// What was used in the last hour, and what is reserved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hour {
    /// Minutes since 1970, in order, and what was used in each.
    minutes: VecDeque<(u64, u64)>,
    reserved: u64,
}

impl Hour {
    /// What was used in the hour before `now`, in microseconds since 1970, without what is reserved.
    #[must_use]
    pub fn used(&mut self, now: u64) -> u64 {
        let minute = now / MICROS_PER_MINUTE;
        while self.minutes.front().is_some_and(|(oldest, _)| oldest.saturating_add(MINUTES) < minute) {
            self.minutes.pop_front();
        }
        self.minutes.iter().fold(0, |sum: u64, (_, used)| sum.saturating_add(*used))
    }

    /// Whether it says nothing that a new one would not say.
    #[must_use]
    pub fn is_blank(&mut self, now: u64) -> bool {
        self.used(now) == 0 && self.reserved == 0
    }

    /// Makes room for so much more, if it fits into `most`.
    pub fn reserve(&mut self, amount: u64, most: u64, now: u64) -> bool {
        let taken = self.used(now).saturating_add(self.reserved);
        let fits = taken.saturating_add(amount) <= most;
        if fits {
            self.reserved = self.reserved.saturating_add(amount);
        }
        fits
    }

    /// Gives back what was reserved and not used.
    pub fn release(&mut self, amount: u64) {
        self.reserved = self.reserved.saturating_sub(amount);
    }

    /// So much was used, whether there was room for it or not.
    pub fn add(&mut self, amount: u64, now: u64) {
        let minute = now / MICROS_PER_MINUTE;
        match self.minutes.back_mut() {
            // A clock that was set back adds to the last minute: nothing is forgotten early.
            Some((last, used)) if *last >= minute => *used = used.saturating_add(amount),
            _ => self.minutes.push_back((minute, amount)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: u64 = MICROS_PER_MINUTE;

    #[test]
    fn what_is_reserved_counts_until_it_is_settled_or_given_back() {
        let mut hour = Hour::default();
        assert!(hour.reserve(60, 100, 0) && !hour.reserve(60, 100, 0));
        hour.release(60);
        hour.add(30, 0);
        assert!(hour.reserve(70, 100, 0) && !hour.reserve(1, 100, 0));
        assert_eq!(hour.used(0), 30);
    }

    #[test]
    fn an_hour_later_it_is_forgotten_and_not_before() {
        let mut hour = Hour::default();
        assert!(hour.is_blank(0));
        hour.add(5, 10 * MINUTE);
        assert_eq!((hour.used(70 * MINUTE), hour.is_blank(70 * MINUTE)), (5, false));
        assert_eq!((hour.used(71 * MINUTE), hour.is_blank(71 * MINUTE)), (0, true));
        assert!(hour.reserve(1, 1, 71 * MINUTE) && !hour.is_blank(71 * MINUTE), "somebody counts on it");
    }

    #[test]
    fn a_clock_that_is_set_back_forgets_nothing() {
        let mut hour = Hour::default();
        hour.add(5, 100 * MINUTE);
        hour.add(5, 10 * MINUTE);
        assert_eq!((hour.used(10 * MINUTE), hour.used(160 * MINUTE)), (10, 10));
    }

    proptest! {
        #[test]
        fn no_hour_holds_more_than_was_allowed_by_whoever_asks_first(
            steps in prop::collection::vec((1_u64..40, 0_u64..20), 1..100), most in 1_u64..200,
        ) {
            let (mut hour, mut now, mut all) = (Hour::default(), 0, Vec::new());
            for (amount, minutes) in steps {
                now += minutes * MINUTE;
                if hour.reserve(amount, most, now) {
                    hour.release(amount);
                    hour.add(amount, now);
                    all.push((now, amount));
                }
                let last_hour = all.iter().filter(|(at, _)| at + 60 * MINUTE > now);
                prop_assert!(last_hour.map(|(_, amount)| amount).sum::<u64>() <= most);
            }
        }
    }
}
