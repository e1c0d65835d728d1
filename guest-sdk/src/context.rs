//! Talking to the person who waits: log, progress, partial output, cancellation. On the target these are imports that
//! the host bounds; natively they go to the recorder that `testing` reads.

use crate::{Error, Level, Result};

#[cfg(target_arch = "wasm32")]
use crate::bindings::toolhold::tool::context as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::recorder as host;

/// Writes a line to the operator's log; the model never sees it. The macros `log!`, `debug!`, `info!`, `warn!` and
/// `error!` format and call this.
pub fn log(level: Level, message: &str) {
    host::log(level, message);
}

/// Says how far a long call is, in units of the tool's choice. The host may drop some.
pub fn progress(done: f64, total: impl Into<Option<f64>>, message: &str) {
    host::progress(done, total.into(), message);
}

/// Shows a part of the result ahead of the result.
pub fn emit(chunk: &str) {
    host::emit(chunk);
}

/// True once the caller has given up.
#[must_use]
pub fn cancelled() -> bool {
    host::cancelled()
}

/// Ends a long loop politely: `check_cancelled()?`.
///
/// # Errors
/// [`Error::Cancelled`] once the caller has given up.
pub fn check_cancelled() -> Result<()> {
    if cancelled() { Err(Error::Cancelled) } else { Ok(()) }
}
