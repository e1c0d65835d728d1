//! `[retry]` and `[breaker]`: how a host deals with what fails.

use crate::breaker::BreakerSettings;
use crate::limit::Unit;
use crate::retry::RetrySettings;

use super::Setting;

/// Every key of `[retry]`.
pub const RETRY: [Setting<RetrySettings>; 4] = [
    Setting {
        key: "attempts",
        unit: Unit::Count,
        default: 3,
        least: 1,
        doc: "attempts at one call, the first one included; 1 never tries again",
        field: |retry| &mut retry.attempts,
    },
    Setting {
        key: "base",
        unit: Unit::Micros,
        default: 200_000,
        least: 0,
        doc: "the longest wait before the second attempt; each further one may wait twice as long",
        field: |retry| &mut retry.base,
    },
    Setting {
        key: "cap",
        unit: Unit::Micros,
        default: 10_000_000,
        least: 0,
        doc: "the longest wait that this comes to",
        field: |retry| &mut retry.cap,
    },
    Setting {
        key: "budget",
        unit: Unit::Count,
        default: 20,
        least: 0,
        doc: "retries of a tool in a hundred of its calls, beside ten that it begins with",
        field: |retry| &mut retry.budget,
    },
];

/// Every key of `[breaker]`.
pub const BREAKER: [Setting<BreakerSettings>; 5] = [
    Setting {
        key: "failures",
        unit: Unit::Count,
        default: 5,
        least: 1,
        doc: "faults in a row after which a tool or remote host is left alone",
        field: |breaker| &mut breaker.failures,
    },
    Setting {
        key: "recovery",
        unit: Unit::Micros,
        default: 60_000_000,
        least: 1,
        doc: "how long it is left alone before one call tries it",
        field: |breaker| &mut breaker.recovery,
    },
    Setting {
        key: "error-rate",
        unit: Unit::Count,
        default: 50,
        least: 0,
        doc: "faults in a hundred calls of the window after which it is left alone too; 0 looks at faults in a row only",
        field: |breaker| &mut breaker.error_rate,
    },
    Setting {
        key: "window",
        unit: Unit::Micros,
        default: 60_000_000,
        least: 1,
        doc: "how far back these calls are counted",
        field: |breaker| &mut breaker.window,
    },
    Setting {
        key: "least-calls",
        unit: Unit::Count,
        default: 20,
        least: 1,
        doc: "calls in the window below which the share of faults says nothing",
        field: |breaker| &mut breaker.least_calls,
    },
];

impl Default for RetrySettings {
    /// The documented defaults.
    fn default() -> Self {
        let mut retry = Self { attempts: 0, base: 0, cap: 0, budget: 0 };
        RETRY.iter().for_each(|row| *(row.field)(&mut retry) = row.default);
        retry
    }
}

impl Default for BreakerSettings {
    /// The documented defaults.
    fn default() -> Self {
        let mut breaker = Self { failures: 0, recovery: 0, error_rate: 0, window: 0, least_calls: 0 };
        BREAKER.iter().for_each(|row| *(row.field)(&mut breaker) = row.default);
        breaker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_holds_the_field_that_its_key_names() {
        let mut retry = RetrySettings::default();
        RETRY.iter().enumerate().for_each(|(index, row)| *(row.field)(&mut retry) = index as u64);
        let retry = serde_json::to_value(&retry).unwrap();
        RETRY.iter().enumerate().for_each(|(index, row)| assert_eq!(retry[row.key], index, "{}", row.key));
        let mut breaker = BreakerSettings::default();
        BREAKER.iter().enumerate().for_each(|(index, row)| *(row.field)(&mut breaker) = index as u64);
        let breaker = serde_json::to_value(&breaker).unwrap();
        BREAKER.iter().enumerate().for_each(|(index, row)| assert_eq!(breaker[row.key], index, "{}", row.key));
    }
}
