//! A file stored in place, not beside it and renamed over it: a rename would drop permissions, hard links and the target of
//! a symbolic link. That a call happens as a whole or not at all is the host's promise.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

use toolhold_sdk::prelude::*;

use crate::path;

/// What becomes of a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced.
    Replace,
    /// It stays, and storing is an error.
    Keep,
}

impl Existing {
    /// What an argument `overwrite` says.
    #[must_use]
    pub fn from_overwrite(overwrite: bool) -> Self {
        if overwrite { Self::Replace } else { Self::Keep }
    }
}

/// Writes bytes to a path.
///
/// # Errors
/// As the host says, with the next step.
pub fn store(path: &Path, bytes: &[u8], existing: Existing) -> Result<()> {
    let mut options = OpenOptions::new();
    match existing {
        Existing::Replace => options.write(true).create(true).truncate(true),
        Existing::Keep => options.write(true).create_new(true),
    };
    let written = options.open(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Error::failed(format!("`{}` exists already; choose another name, or set `overwrite`", path.display()))
        }
        _ => path::explain(path, error),
    })
}
