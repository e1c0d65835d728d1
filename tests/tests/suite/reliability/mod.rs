//! What surrounds one call, on the whole host: retries, keys, breakers, rates, fallbacks, against servers that count.
//!
//! Time is a clock that only moves when somebody sleeps on it, so nothing here waits.

mod breakers;
mod conflicts;
mod fallbacks;
mod keys;
mod quotas;
mod rates;
mod retries;
mod support;

pub(crate) use conflicts::writes_then_sends;
pub(crate) use fallbacks::acts_then_traps;
