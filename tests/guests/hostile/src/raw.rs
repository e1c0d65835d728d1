//! `wasi:filesystem` without a C library in between: that would refuse or rewrite what the probes ask for.

use toolhold_sdk::{Error, Result};
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, ErrorCode};

/// The directory that the host granted at `path`.
///
/// # Errors
/// `not-found` if there is none.
pub(crate) fn granted(path: &str) -> Result<Descriptor> {
    let found = get_directories().into_iter().find(|(_, guest)| guest == path);
    found
        .map(|(descriptor, _)| descriptor)
        .ok_or_else(|| Error::not_found(format!("no directory is granted at `{path}`")))
}

/// The host's answer as a tool error.
pub(crate) fn error(code: ErrorCode) -> Error {
    Error::failed(format!("{code:?}"))
}
