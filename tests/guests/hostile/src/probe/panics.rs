//! `panics`: a bug, as every program has one. A trap; the message is on standard error.

use toolhold_sdk::prelude::*;

/// Panics.
#[tool(hints(read_only))]
#[expect(clippy::panic, reason = "that is what it is for")]
pub(crate) fn panics() -> u64 {
    panic!("a guest's own words")
}
