//! `write`: a file through `wasi:filesystem`, in one piece.

use std::fs::OpenOptions;
use std::io::Write;

use toolhold_sdk::prelude::*;

/// What was written.
#[output]
pub(crate) struct Written {
    /// Length of the content in bytes.
    bytes: u64,
}

/// Writes a text to a file, in place of what was there or behind it.
#[tool(title = "Write a file", hints(destructive), needs(write("/**", "writes the file it is asked to write")))]
pub(crate) fn write(
    /// Path of the file.
    path: String,
    /// Text to write.
    content: String,
    /// Write behind what is there instead of replacing it.
    #[serde(default)]
    append: bool,
) -> Result<Written> {
    put(&path, &content, append).with_context(|| format!("`{path}`"))
}

fn put(path: &str, content: &str, append: bool) -> Result<Written> {
    let mut file = OpenOptions::new().create(true).write(true).append(append).truncate(!append).open(path)?;
    file.write_all(content.as_bytes())?;
    Ok(Written { bytes: content.len() as u64 })
}
