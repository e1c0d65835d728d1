//! What this process must not print: the last wall before the terminal and the logs.
//!
//! Reports are clean before they come here. What else is said (a model's answer, an error of a library, a warning of the
//! sandbox) goes by this way. One process has one terminal, so there is one of these; secrets are only ever added.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{PoisonError, RwLock};

use toolhold_core::redact::Redactor;

static KNOWN: RwLock<Option<Redactor>> = RwLock::new(None);

/// From here on, nothing that `redactor` knows is printed.
pub(super) fn learn(redactor: &Redactor) {
    *KNOWN.write().unwrap_or_else(PoisonError::into_inner) = Some(redactor.clone());
}

fn redactor() -> Redactor {
    KNOWN.read().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
}

/// `text` as it may be printed.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    redactor().redact(text)
}

/// Makes `value` such that it may be printed.
pub(super) fn clean_json(value: &mut serde_json::Value) {
    redactor().redact_value(value);
}

/// Where logs go, without secrets. A line comes in one piece, so that no secret is split over two.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogOutput<W>(pub(super) W);

impl<W: Write> Write for LogOutput<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(&redactor().redact_bytes(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
