//! `write`: a whole file, or more at its end.
//!
//! The file is written in place, not beside it and renamed over it: a rename would drop the permissions (WASI can neither
//! read nor set them, so a script would stop being executable), hard links and the target of a symbolic link, and would
//! need a second name to be granted. That a call happens as a whole or not at all is the host's promise.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use toolhold_sdk::prelude::*;

use crate::encoding::{self, Encoding};
use crate::path;

/// What may be there before.
#[args]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Replace the file, or create it.
    #[default]
    Overwrite,
    /// Create the file; an error if it exists.
    Create,
    /// Add to the end of the file, or create it.
    Append,
}

/// What was written.
#[output]
pub(crate) struct Written {
    /// Bytes written.
    bytes: u64,
    /// True if the file was not there before.
    created: bool,
    /// Size of the file that was replaced or added to.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_bytes: Option<u64>,
}

/// Writes a file: replaces it, creates it, or adds to its end. To change a part of a file use `edit`.
#[tool(
    title = "Write a file",
    hints(destructive),
    needs(read("/**", "sees whether the file exists"), write("/**", "writes the file it is asked to write"))
)]
pub(crate) fn write(
    /// Absolute path of the file.
    path: String,
    /// Text, or base64 with `encoding: "base64"`.
    content: String,
    /// `overwrite`, `create` or `append`; `overwrite` if left out.
    #[serde(default)]
    mode: Mode,
    /// How `content` becomes bytes; UTF-8 if left out.
    #[serde(default)]
    encoding: Encoding,
    /// Create missing directories.
    #[serde(default)]
    create_parents: bool,
) -> Result<Written> {
    let path = path::check(&path)?;
    let mut bytes = encoding::encode(&content, encoding)?;
    let previous = existing(path)?;
    match (mode, previous) {
        (Mode::Create, Some(_)) => return Err(taken(path)),
        // A byte order mark belongs to the beginning of a file only.
        (Mode::Append, Some(size)) if size > 0 => drop(bytes.drain(..mark_length(&bytes, encoding))),
        _ => {}
    }
    if create_parents {
        path::create_parents(path)?;
    }
    store(path, &bytes, mode)?;
    Ok(Written { bytes: bytes.len() as u64, created: previous.is_none(), previous_bytes: previous })
}

/// Writes bytes to a path.
///
/// # Errors
/// As the host says, with the next step.
pub(crate) fn store(path: &Path, bytes: &[u8], mode: Mode) -> Result<()> {
    let mut options = OpenOptions::new();
    match mode {
        Mode::Overwrite => options.write(true).create(true).truncate(true),
        Mode::Create => options.write(true).create_new(true),
        Mode::Append => options.append(true).create(true),
    };
    let written = options.open(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => taken(path),
        std::io::ErrorKind::NotFound if !path::exists(path) => without_parent(path),
        _ => path::explain(path, error),
    })
}

/// Size of the file that is there; a directory is an error.
fn existing(path: &Path) -> Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            Err(Error::invalid_args(format!("`{}` is a directory; name a file", path.display())))
        }
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(_) => Ok(None),
    }
}

fn mark_length(bytes: &[u8], encoding: Encoding) -> usize {
    let mark = encoding.mark();
    if !encoding.is_bytewise() && bytes.starts_with(mark) { mark.len() } else { 0 }
}

fn taken(path: &Path) -> Error {
    Error::failed(format!(
        "`{}` exists already; choose another name, or use `mode: \"overwrite\"` or `edit`",
        path.display()
    ))
}

fn without_parent(path: &Path) -> Error {
    let parent = path.parent().unwrap_or(path);
    if parent.is_dir() || path::is_outside(path) {
        return path::explain(path, std::io::ErrorKind::NotFound.into());
    }
    Error::not_found(format!(
        "the directory `{}` does not exist; pass `create_parents: true`, or write below one that does",
        parent.display()
    ))
}
