//! `stdout_flood`: standard output for ever. Hits `stdout`.

use std::io::Write;

use toolhold_sdk::prelude::*;

/// Writes for ever.
#[tool(hints(read_only))]
pub(crate) fn stdout_flood() -> Result<u64> {
    let bytes = [b'o'; 1024];
    loop {
        std::io::stdout().write_all(&bytes)?;
    }
}
