//! `aborts`: ends itself without a word. A trap, which must not be taken for a result or for a fault of the host.

use toolhold_sdk::prelude::*;

/// Aborts.
#[tool]
pub(crate) fn aborts() -> u64 {
    std::process::abort()
}
