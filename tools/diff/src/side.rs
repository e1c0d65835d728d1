//! A text as arguments name it: given, or in a file.

use toolhold_sdk::prelude::*;

/// Bytes of a text.
pub(crate) const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// A text: either `text` or `path`.
#[args]
#[derive(Debug)]
pub(crate) struct Side {
    /// The text itself.
    text: Option<String>,
    /// Absolute path of its file.
    path: Option<String>,
}

impl Side {
    /// The text.
    ///
    /// # Errors
    /// It is not exactly one of the two, or cannot be read.
    pub(crate) fn read(&self, argument: &str) -> Result<String> {
        match (&self.text, &self.path) {
            (Some(text), None) if text.len() as u64 <= MAX_BYTES => Ok(text.clone()),
            (Some(_), None) => Err(Error::invalid_args(format!("`{argument}` has more than {MAX_BYTES} bytes"))),
            (None, Some(path)) => load(granted::path::check(path)?),
            _ => Err(Error::invalid_args(format!("`{argument}`: give either `text` or `path`"))),
        }
    }
}

/// The text of a file, its byte order mark included: it is part of what is compared and kept.
///
/// # Errors
/// It cannot be read, is too large or is not UTF-8.
pub(crate) fn load(path: &std::path::Path) -> Result<String> {
    String::from_utf8(granted::load(path, MAX_BYTES)?)
        .map_err(|_| Error::invalid_args(format!("`{}` is not UTF-8 text", path.display())))
}
