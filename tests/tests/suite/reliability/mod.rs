//! What surrounds one call, on the whole host: retries, keys, breakers, rates, fallbacks, against servers that count.
//!
//! Time is a clock that only moves when somebody sleeps on it, so nothing here waits.

mod breakers;
mod fallbacks;
mod keys;
mod rates;
mod retries;
mod support;

pub(crate) use fallbacks::acts_then_traps;
