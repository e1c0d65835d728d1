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
    /// Write this many files, each with its number behind the path; without it, the one at the path.
    #[serde(default)]
    files: Option<u32>,
) -> Result<Written> {
    let Some(files) = files else { return put(&path, &content, append).with_context(|| format!("`{path}`")) };
    let mut bytes = 0;
    for number in 0..files {
        let path = format!("{path}{number}");
        bytes += put(&path, &content, append).with_context(|| format!("`{path}`"))?.bytes;
    }
    Ok(Written { bytes })
}

fn put(path: &str, content: &str, append: bool) -> Result<Written> {
    let mut file = OpenOptions::new().create(true).write(true).append(append).truncate(!append).open(path)?;
    file.write_all(content.as_bytes())?;
    Ok(Written { bytes: content.len() as u64 })
}
