//! `stderr_flood`: standard error for ever. Hits `stderr`.

use std::io::Write;

use toolhold_sdk::prelude::*;

/// Writes for ever.
#[tool(hints(read_only))]
pub(crate) fn stderr_flood() -> Result<u64> {
    let bytes = [b'e'; 1024];
    loop {
        std::io::stderr().write_all(&bytes)?;
    }
}
