//! Probes: guests for tests and benchmarks. Honest ones are measured, hostile ones each try to break one limit.
//!
//! One file per probe in `probe/`, one line per probe in the list below, and nothing else: a probe must be readable as
//! the one thing that it does. None of this is for production.

mod probe;

toolhold_sdk::component!(probe::echo::Echo, probe::read::read, probe::sha256::sha256, probe::write::write,);

#[cfg(test)]
mod tests;
