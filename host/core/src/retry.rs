//! How often a call is tried again, and how long is waited before it: exponential backoff with full jitter, within a budget.
//!
//! Whether a call *may* be tried again is [`crate::classify`]'s business. Time and random numbers are passed in.

mod after;
mod budget;

pub use after::{MAX_RETRY_AFTER_SECONDS, retry_after};
pub use budget::{Budget, RESERVE};

const MICROS_PER_SECOND: u64 = 1_000_000;

/// `[retry]`: how calls are tried again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RetrySettings {
    /// Attempts at one call, the first one included.
    pub attempts: u64,
    /// The longest wait before the second attempt, in microseconds; each further one may wait twice as long.
    pub base: u64,
    /// The longest wait that backoff comes to, in microseconds.
    pub cap: u64,
    /// Retries in a hundred calls.
    pub budget: u64,
}

/// What a further attempt would rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Attempts that were made.
    pub made: u64,
    /// What the other side asked to be waited, in seconds.
    pub asked: Option<u64>,
    /// What is left of the call's time, in microseconds.
    pub left: u64,
    /// Any number: where within the jitter the wait falls.
    pub random: u64,
}

/// What comes after an attempt that may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another one, after so many microseconds.
    After(u64),
    /// None.
    GiveUp(GaveUp),
}

/// Why there is no further attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GaveUp {
    /// All attempts were made.
    Attempts,
    /// The wait would outlast the call's time.
    Time,
    /// Too many calls of this tool were tried again lately.
    Budget,
}

impl GaveUp {
    /// In words, for the operator.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attempts => "every attempt was made",
            Self::Time => "the next attempt would not fit into the call's time",
            Self::Budget => "the retry budget is spent: too many calls of this tool were tried again lately",
        }
    }
}

impl RetrySettings {
    /// Whether and when the next attempt is made, the budget aside.
    #[must_use]
    pub fn next(&self, standing: Standing) -> Next {
        if standing.made >= self.attempts {
            return Next::GiveUp(GaveUp::Attempts);
        }
        let wait = match standing.asked {
            // Everybody was told the same number; they should not all come back at once.
            Some(seconds) => {
                seconds.saturating_mul(MICROS_PER_SECOND).saturating_add(within(standing.random, self.base))
            }
            None => within(standing.random, self.longest_before(standing.made)),
        };
        if wait >= standing.left { Next::GiveUp(GaveUp::Time) } else { Next::After(wait) }
    }

    /// The longest wait after `made` attempts.
    #[must_use]
    pub fn longest_before(&self, made: u64) -> u64 {
        let doublings = u32::try_from(made.saturating_sub(1)).unwrap_or(u32::MAX).min(63);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }
}

/// A number from 0 to `most`: as far into it as `random` is into all numbers.
fn within(random: u64, most: u64) -> u64 {
    let count = u128::from(most) + 1;
    u64::try_from((u128::from(random) * count) >> 64).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETTINGS: RetrySettings = RetrySettings { attempts: 4, base: 200_000, cap: 1_000_000, budget: 20 };

    fn standing(made: u64, asked: Option<u64>, left: u64) -> Standing {
        Standing { made, asked, left, random: u64::MAX }
    }

    #[test]
    fn the_longest_wait_doubles_up_to_the_cap() {
        let longest: Vec<_> = (1..=5).map(|made| SETTINGS.longest_before(made)).collect();
        assert_eq!(longest, [200_000, 400_000, 800_000, 1_000_000, 1_000_000]);
        assert_eq!(SETTINGS.longest_before(u64::MAX), 1_000_000);
    }

    #[test]
    fn the_wait_is_anything_up_to_the_longest() {
        let wait = |random| SETTINGS.next(Standing { random, ..standing(2, None, u64::MAX) });
        assert_eq!(
            (wait(0), wait(1 << 63), wait(u64::MAX)),
            (Next::After(0), Next::After(200_000), Next::After(400_000))
        );
    }

    #[test]
    fn what_the_other_side_asks_for_is_waited_or_the_call_gives_up() {
        let Next::After(wait) = SETTINGS.next(standing(1, Some(2), 5_000_000)) else { panic!("gave up") };
        assert!((2_000_000..=2_200_000).contains(&wait), "{wait}");
        assert_eq!(SETTINGS.next(standing(1, Some(2), 2_000_000)), Next::GiveUp(GaveUp::Time));
        assert_eq!(SETTINGS.next(standing(1, Some(u64::MAX), u64::MAX)), Next::GiveUp(GaveUp::Time));
    }

    proptest! {
        #[test]
        fn no_attempt_is_made_past_the_last_or_past_the_deadline(
            made in 1_u64..100, asked in prop::option::of(0_u64..1_000), left: u64, random: u64,
            attempts in 1_u64..10, base in 0_u64..10_000_000, cap in 0_u64..100_000_000,
        ) {
            let settings = RetrySettings { attempts, base, cap, budget: 20 };
            match settings.next(Standing { made, asked, left, random }) {
                Next::After(wait) => {
                    prop_assert!(made < attempts && wait < left);
                    match asked {
                        Some(seconds) => prop_assert!(wait >= seconds * MICROS_PER_SECOND),
                        None => prop_assert!(wait <= cap),
                    }
                }
                Next::GiveUp(why) => prop_assert!(why == GaveUp::Time || made >= attempts),
            }
        }
    }
}
