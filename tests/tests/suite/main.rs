//! End to end: hostile guests, and what the host must do with each.
//!
//! One binary, because each links the whole of wasmtime. Every guest in `tests/guests` has a test of its name in
//! [`probes`], [`waiting`] or [`texts`], and every limit one in [`limits`]: [`lists`] does not compile otherwise.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod check;

mod components;
mod descriptions;
mod first_party;
mod http;
mod languages;
mod limits;
mod lists;
mod many;
mod probes;
mod reliability;
mod replay;
mod secrets;
mod taken_up;
mod texts;
mod typed;
mod waiting;
mod whole;
