//! How many calls in how much time: a token bucket, written down as one instant.
//!
//! A full bucket holds as many calls as the rate names, and fills evenly: `30/m` lets 30 calls go at once, then one every two
//! seconds. The bucket is the instant at which it is full again, so nothing is to be done while nobody calls. A clock that was
//! set back costs at most one period.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The periods, with their microseconds. The first name of each is the one that is shown.
const PERIODS: [(&str, u64); 5] =
    [("s", 1_000_000), ("m", 60_000_000), ("min", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000)];

/// Calls in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rate {
    calls: u64,
    /// In microseconds.
    period: u64,
}

/// A text is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not a number of calls from 1 to 1,000,000, `/`, and one of `s`, `m`, `h` and `d`")]
pub struct NotARate;

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let (calls, period) = text.split_once('/').ok_or(NotARate)?;
        let is_number = calls.bytes().all(|byte| byte.is_ascii_digit());
        let calls = calls.parse().ok().filter(|calls| is_number && (1..=1_000_000).contains(calls)).ok_or(NotARate)?;
        let period = PERIODS.iter().find(|(name, _)| *name == period).ok_or(NotARate)?.1;
        Ok(Self { calls, period })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = PERIODS.iter().find(|(_, period)| *period == self.period).map_or("", |(name, _)| *name);
        write!(out, "{}/{name}", self.calls)
    }
}

impl Rate {
    /// From one call to the next, where they come evenly.
    fn interval(self) -> u64 {
        self.period.div_ceil(self.calls)
    }

    /// How long an empty bucket takes to fill.
    fn depth(self) -> u64 {
        self.interval().saturating_mul(self.calls)
    }
}

/// What is left of a rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// When it is full again, in microseconds since 1970.
    full_at: u64,
}

impl Bucket {
    /// Takes one call out.
    ///
    /// # Errors
    ///
    /// In how many microseconds there is one again.
    pub fn take(&mut self, rate: Rate, now: u64) -> Result<(), u64> {
        // A rate that was lowered, or a clock that was set back, must not lock anybody out for longer than a period.
        let full_at = self.full_at.clamp(now, now.saturating_add(rate.depth()));
        let then = full_at.saturating_add(rate.interval());
        match then.saturating_sub(now).checked_sub(rate.depth()) {
            None | Some(0) => {
                self.full_at = then;
                Ok(())
            }
            Some(wait) => {
                self.full_at = full_at;
                Err(wait)
            }
        }
    }

    /// Gives one call back that was taken and not used.
    pub fn give_back(&mut self, rate: Rate) {
        self.full_at = self.full_at.saturating_sub(rate.interval());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn a_rate_is_a_number_and_a_period() {
        for (text, shown) in
            [("30/m", "30/m"), ("30/min", "30/m"), ("1/s", "1/s"), ("1000000/d", "1000000/d"), ("5/h", "5/h")]
        {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), shown);
        }
        for bad in ["", "30", "/m", "0/m", "-1/m", "+1/m", "30/", "30/w", "30 / m", "1.5/s", "1000001/s", "30/m/s"] {
            assert_eq!(bad.parse::<Rate>(), Err(NotARate), "{bad}");
        }
    }

    #[test]
    fn a_full_bucket_holds_the_whole_number_and_then_fills_evenly() {
        for text in ["30/m", "7/s", "1/h", "999983/s"] {
            let rate: Rate = text.parse().unwrap();
            let (mut bucket, now) = (Bucket::default(), 1_000 * SECOND);
            let taken = (0..rate.calls).filter(|_| bucket.take(rate, now).is_ok()).count();
            assert_eq!(taken as u64, rate.calls, "{text}");
            assert_eq!(bucket.take(rate, now), Err(rate.interval()), "{text}");
            assert_eq!(bucket.take(rate, now + rate.interval()), Ok(()), "{text}");
            assert!(bucket.take(rate, now + rate.interval()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out_for_longer_than_a_period() {
        let rate: Rate = "2/m".parse().unwrap();
        let mut bucket = Bucket::default();
        (0..2).for_each(|_| bucket.take(rate, 1_000_000 * SECOND).unwrap());
        assert_eq!(bucket.take(rate, 5 * SECOND), Err(30 * SECOND));
        assert_eq!(bucket.take(rate, 95 * SECOND), Ok(()));
    }

    #[test]
    fn what_was_not_used_is_given_back() {
        let rate: Rate = "1/m".parse().unwrap();
        let mut bucket = Bucket::default();
        bucket.take(rate, SECOND).unwrap();
        bucket.give_back(rate);
        assert_eq!(bucket.take(rate, SECOND), Ok(()));
    }

    proptest! {
        /// In any time, whatever the pattern of calls.
        #[test]
        fn no_more_than_the_rate_and_one_bucket_get_through(calls in 1_u64..50, gaps in prop::collection::vec(0_u64..5 * SECOND, 1..300)) {
            let rate = Rate { calls, period: 60 * SECOND };
            let (mut bucket, start, mut now, mut through) = (Bucket::default(), 100 * SECOND, 100 * SECOND, 0_u64);
            for gap in gaps {
                now += gap;
                match bucket.take(rate, now) {
                    Ok(()) => through += 1,
                    Err(wait) => {
                        // The time that is named is the time that it takes.
                        prop_assert!(bucket.take(rate, now + wait - 1).is_err());
                        let mut later = bucket;
                        prop_assert!(later.take(rate, now + wait).is_ok());
                    }
                }
            }
            prop_assert!(through <= calls + (now - start) / rate.interval());
        }
    }
}
