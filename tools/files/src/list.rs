//! `list`: one directory, not its subdirectories.

use std::cmp::Reverse;
use std::fs::{DirEntry, FileType, Metadata};
use std::time::SystemTime;

use toolhold_sdk::prelude::*;

use crate::{path, rfc3339, walk};

/// Entries returned unless asked otherwise.
const DEFAULT_LIMIT: usize = 200;
/// Entries returned at most.
const MAX_LIMIT: usize = 5000;

/// Order of entries.
#[args]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    /// By name.
    #[default]
    Name,
    /// Largest first.
    Size,
    /// Newest first.
    Modified,
}

/// What an entry is.
#[output]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Symlink,
    /// A device, socket or pipe.
    Other,
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        match kind {
            kind if kind.is_symlink() => Kind::Symlink,
            kind if kind.is_dir() => Kind::Directory,
            kind if kind.is_file() => Kind::File,
            _ => Kind::Other,
        }
    }
}

/// One entry.
#[output]
pub(crate) struct Entry {
    /// Name within the directory.
    name: String,
    /// What it is; links are not followed.
    kind: Kind,
    /// Size of a file in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// Last change, RFC 3339 in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    #[serde(skip)]
    time: Option<SystemTime>,
}

/// A directory.
#[output]
pub(crate) struct Listing {
    /// Its entries.
    entries: Vec<Entry>,
    /// How many there are.
    total: usize,
    /// Set if there are more: pass it as `skip` to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_skip: Option<usize>,
}

/// Lists one directory with types, sizes and times. Use `tree` for subdirectories and `find` to look for names.
#[tool(
    title = "List a directory",
    hints(read_only, idempotent),
    needs(read("/**", "lists the directory it is asked for"))
)]
pub(crate) fn list(
    /// Absolute path of the directory.
    path: String,
    /// Order; by name if left out.
    #[serde(default)]
    sort: Sort,
    /// Also names that start with a dot; true if left out.
    hidden: Option<bool>,
    /// Entries to return, at most 5000; 200 if left out.
    limit: Option<usize>,
    /// Entries to leave out at the start, to continue an earlier call.
    #[serde(default)]
    skip: usize,
) -> Result<Listing> {
    let directory = path::check(&path)?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let mut found = walk::entries(directory).map_err(|error| explain(directory, error))?;
    if hidden == Some(false) {
        found.retain(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    }
    let total = found.len();
    // By name the metadata of what is not shown is not asked for: one host call per entry.
    let entries: Vec<Entry> = match sort {
        Sort::Name => found.iter().skip(skip).take(limit).map(entry).collect(),
        Sort::Size | Sort::Modified => {
            let mut all: Vec<Entry> = found.iter().map(entry).collect();
            match sort {
                Sort::Size => all.sort_by_key(|entry| Reverse(entry.bytes)),
                _ => all.sort_by_key(|entry| Reverse(entry.time)),
            }
            all.into_iter().skip(skip).take(limit).collect()
        }
    };
    let end = skip.saturating_add(entries.len());
    Ok(Listing { next_skip: (end < total && !entries.is_empty()).then_some(end), entries, total })
}

fn explain(directory: &std::path::Path, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotADirectory => {
            Error::invalid_args(format!("`{}` is a file; use `read` or `stat`", directory.display()))
        }
        _ => path::explain(directory, error),
    }
}

fn entry(found: &DirEntry) -> Entry {
    let metadata = found.metadata().ok();
    let time = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
    Entry {
        name: found.file_name().to_string_lossy().into_owned(),
        kind: found.file_type().map_or(Kind::Other, Kind::from),
        bytes: metadata.filter(Metadata::is_file).map(|metadata| metadata.len()),
        modified: time.and_then(rfc3339::format),
        time,
    }
}
