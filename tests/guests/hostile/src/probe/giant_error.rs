//! `giant_error`: a failure with a message of megabytes, which a model would be shown.

use toolhold_sdk::prelude::*;

/// Fails with this many bytes.
#[tool(hints(read_only))]
pub(crate) fn giant_error(
    /// Bytes of the message.
    bytes: usize,
) -> Result<u64> {
    Err(Error::failed("x".repeat(bytes)))
}
