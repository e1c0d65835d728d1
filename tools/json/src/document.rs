//! A document as arguments name it: a value, a text, or a file.

use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::{Deserializer, to_string};

/// Bytes of a document's text; in memory it is several times as large.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of a result; whoever needs more asks for parts.
const MAX_RESULT_BYTES: usize = 1024 * 1024;

/// A JSON document: exactly one of `value`, `text` and `path`.
#[args]
#[derive(Debug)]
pub(crate) struct Document {
    /// The document itself.
    value: Option<Value>,
    /// Its text.
    text: Option<String>,
    /// Absolute path of its file.
    path: Option<String>,
}

impl Document {
    /// What errors call it.
    pub(crate) fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| "the document".to_owned(), |path| format!("`{path}`"))
    }

    /// All values of it: a text may hold several, one after another, as JSON Lines do.
    ///
    /// # Errors
    /// It is not exactly one of the three, is too large or is not JSON.
    pub(crate) fn values(&self) -> Result<Vec<Value>> {
        let read;
        let text = match (&self.value, &self.text, &self.path) {
            (Some(value), None, None) => return Ok(vec![value.clone()]),
            (None, Some(text), None) => text,
            (None, None, Some(path)) => {
                read = granted::load_text(granted::path::check(path)?, MAX_BYTES as u64)?;
                &read
            }
            _ => return Err(Error::invalid_args("give exactly one of `value`, `text` and `path`")),
        };
        if text.len() > MAX_BYTES {
            return Err(Error::invalid_args(format!(
                "`text` has more than {MAX_BYTES} bytes; put it into a file in parts"
            )));
        }
        let parsed: std::result::Result<Vec<Value>, _> = Deserializer::from_str(text).into_iter().collect();
        parsed.map_err(|problem| Error::invalid_args(format!("{} is not JSON: {problem}", self.name())))
    }

    /// Its one value.
    ///
    /// # Errors
    /// As [`values`](Self::values), or there are none or several.
    pub(crate) fn value(&self) -> Result<Value> {
        let mut values = self.values()?;
        match (values.pop(), values.len()) {
            (Some(value), 0) => Ok(value),
            (None, _) => Err(Error::invalid_args(format!("{} is empty; `null` would be a document", self.name()))),
            (Some(_), others) => Err(Error::invalid_args(format!(
                "{} holds {} values; this tool takes one: `query` with `slurp` makes an array of them",
                self.name(),
                others + 1
            ))),
        }
    }
}

/// A result as it is, if it is not too large.
///
/// # Errors
/// It is.
pub(crate) fn bounded(value: Value) -> Result<Value> {
    let bytes = size(&value)?;
    if bytes > MAX_RESULT_BYTES {
        return Err(too_large(bytes));
    }
    Ok(value)
}

/// A text as it is, if it is not too large.
///
/// # Errors
/// It is.
pub(crate) fn bounded_text(text: String) -> Result<String> {
    if text.len() > MAX_RESULT_BYTES { Err(too_large(text.len())) } else { Ok(text) }
}

/// Bytes that a value takes.
///
/// # Errors
/// It cannot be printed.
pub(crate) fn size(value: &Value) -> Result<usize> {
    Ok(to_string(value)?.len())
}

/// Bytes that results may still take after some were used; `None` if that was too much.
pub(crate) fn room_after(used: usize) -> Option<usize> {
    MAX_RESULT_BYTES.checked_sub(used)
}

fn too_large(bytes: usize) -> Error {
    Error::failed(format!("the result has {bytes} bytes, more than {MAX_RESULT_BYTES}; use `query` to work on a part"))
}
