//! The retry budget of one dependency: retries are at most a share of its calls, so that they cannot become a storm.
//!
//! Each call pays in a part of a token, each retry takes a whole one. What a dependency starts with lets a few calls be
//! retried where there are few calls at all.

use serde::{Deserialize, Serialize};

/// Tokens that a budget starts with, and never exceeds.
pub const RESERVE: u64 = 10;

/// A token, in the parts that are counted.
const TOKEN: u64 = 1_000;

/// What is left of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Thousandths of a token.
    left: u64,
}

impl Default for Budget {
    /// Full.
    fn default() -> Self {
        Self { left: RESERVE * TOKEN }
    }
}

impl Budget {
    /// A call was made; `percent` retries are allowed in a hundred.
    pub fn pay_in(&mut self, percent: u64) {
        let part = percent.saturating_mul(TOKEN / 100);
        self.left = self.left.saturating_add(part).min(RESERVE * TOKEN);
    }

    /// Takes one retry out. `false` where none is left.
    pub fn take(&mut self) -> bool {
        match self.left.checked_sub(TOKEN) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Whether it is as on the first day, and need not be kept.
    #[must_use]
    pub fn is_full(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the order of calls and wishes to retry.
        #[test]
        fn retries_never_exceed_their_share_and_the_reserve(steps in prop::collection::vec(any::<bool>(), 0..500), percent in 0_u64..=100) {
            let (mut budget, mut calls, mut retries) = (Budget::default(), 0, 0);
            for is_call in steps {
                if is_call {
                    calls += 1;
                    budget.pay_in(percent);
                } else if budget.take() {
                    retries += 1;
                }
            }
            prop_assert!(retries * 100 <= calls * percent + RESERVE * 100);
        }
    }

    #[test]
    fn a_dependency_that_always_fails_is_retried_for_a_share_of_its_calls_only() {
        let mut budget = Budget::default();
        let retries = (0..1_000)
            .filter(|_| {
                budget.pay_in(20);
                budget.take()
            })
            .count();
        assert_eq!(retries, 209, "10 in reserve, then one in five calls");
    }
}
