//! The circuit breaker of one dependency: after too many of its faults it is left alone for a while, then tried once.
//!
//! Closed → open → half-open → closed or open again. It opens after so many faults in a row, or when too large a share of the
//! calls in a window were faults. Half-open lets exactly one call through, the probe. A result counts only for the state in
//! which its call was let through: what was on its way when the breaker opened closes nothing.
//!
//! What counts as a fault is the caller's to say ([`crate::classify`]): a dependency is not at fault for a denial or for
//! arguments that make no sense.

mod window;

use serde::{Deserialize, Serialize};

pub use window::Window;

/// `[breaker]`: when a dependency is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BreakerSettings {
    /// Faults in a row that open it.
    pub failures: u64,
    /// How long it stays open before it is tried, in microseconds.
    pub recovery: u64,
    /// Faults in a hundred calls of the window that open it; 0 looks at faults in a row only.
    pub error_rate: u64,
    /// How far back calls are counted, in microseconds.
    pub window: u64,
    /// Calls in the window below which their share says nothing.
    pub least_calls: u64,
}

/// What is known of a dependency.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    state: State,
    /// Faults since the last success.
    in_row: u64,
    window: Window,
    /// Grows with each change of state.
    generation: u64,
}

/// Whether calls are let through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case", deny_unknown_fields)]
pub enum State {
    /// They are.
    #[default]
    Closed,
    /// They are not.
    Open {
        /// When the next one may be tried, in microseconds since 1970.
        until: u64,
    },
    /// One was, and it decides.
    HalfOpen {
        /// Until when its result is waited for; then another one may be tried.
        probe_until: u64,
    },
}

/// A call was let through. What came of it is told with this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what came of the call must be told, or a half-open breaker waits for it in vain"]
pub struct Pass {
    generation: u64,
}

/// A call is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// In how many microseconds it may be tried again.
    pub wait: u64,
}

/// What a call says of the dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It works.
    Works,
    /// It is at fault.
    Fault,
    /// Nothing: the call ended for another reason.
    Nothing,
}

/// A change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turned {
    /// Calls are no longer let through.
    Opened,
    /// One call is.
    HalfOpened,
    /// All are, again.
    Closed,
}

impl Breaker {
    /// Whether a call goes through now, and whether that changed the state.
    ///
    /// # Errors
    ///
    /// [`Refused`]: it does not.
    pub fn admit(&mut self, settings: &BreakerSettings, now: u64) -> Result<(Pass, Option<Turned>), Refused> {
        let until = match &mut self.state {
            State::Closed => return Ok((self.pass(), None)),
            // A clock that was set back keeps nobody out for longer than the recovery takes: kept, or each call would wait for as long again.
            State::Open { until } | State::HalfOpen { probe_until: until } => {
                *until = (*until).min(now.saturating_add(settings.recovery));
                *until
            }
        };
        match until.checked_sub(now).filter(|wait| *wait > 0) {
            Some(wait) => Err(Refused { wait }),
            None => {
                self.turn(State::HalfOpen { probe_until: now.saturating_add(settings.recovery) });
                Ok((self.pass(), Some(Turned::HalfOpened)))
            }
        }
    }

    /// Takes what came of a call that was let through. The change of state that it leads to, if it does.
    pub fn record(&mut self, settings: &BreakerSettings, pass: Pass, verdict: Verdict, now: u64) -> Option<Turned> {
        if pass.generation != self.generation {
            return None;
        }
        match (self.state, verdict) {
            (State::HalfOpen { .. }, Verdict::Works) => {
                *self = Self { generation: self.generation.wrapping_add(1), ..Self::default() };
                Some(Turned::Closed)
            }
            (State::HalfOpen { .. }, Verdict::Fault) => Some(self.open(settings, now)),
            (State::HalfOpen { .. }, Verdict::Nothing) => {
                // The probe said nothing: the next call is one.
                self.turn(State::Open { until: now });
                None
            }
            (State::Closed, Verdict::Fault) => {
                self.in_row = self.in_row.saturating_add(1);
                self.window.count(settings.window, now, true);
                let is_too_many = self.in_row >= settings.failures || self.window.is_over(settings, now);
                is_too_many.then(|| self.open(settings, now))
            }
            (State::Closed, Verdict::Works) => {
                self.in_row = 0;
                self.window.count(settings.window, now, false);
                None
            }
            (State::Closed | State::Open { .. }, _) => None,
        }
    }

    /// Closed, whatever was known.
    pub fn reset(&mut self) {
        *self = Self { generation: self.generation.wrapping_add(1), ..Self::default() };
    }

    /// Whether calls are let through.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Faults since the last success.
    #[must_use]
    pub fn faults_in_row(&self) -> u64 {
        self.in_row
    }

    /// Whether there is anything to keep: no fault is remembered.
    #[must_use]
    pub fn is_spotless(&self) -> bool {
        self.state == State::Closed && self.in_row == 0 && !self.window.has_faults()
    }

    fn open(&mut self, settings: &BreakerSettings, now: u64) -> Turned {
        self.turn(State::Open { until: now.saturating_add(settings.recovery) });
        Turned::Opened
    }

    fn turn(&mut self, state: State) {
        self.state = state;
        self.generation = self.generation.wrapping_add(1);
    }

    fn pass(&self) -> Pass {
        Pass { generation: self.generation }
    }
}

#[cfg(test)]
mod tests;
