//! `list`: what is in an archive, and what of it could not be extracted.

use toolhold_sdk::prelude::*;

use crate::bounds::DEFAULT_MAX_BYTES;
use crate::entry::Kind;
use crate::format::Format;
use crate::reader::Archive;
use crate::survey::survey;

/// Entries returned unless asked otherwise.
const DEFAULT_LIMIT: usize = 200;
/// Entries returned at most.
const MAX_LIMIT: usize = 10_000;

/// One entry.
#[output]
pub(crate) struct Listed {
    /// Its path in the archive.
    path: String,
    /// What it is.
    kind: Kind,
    /// Its size.
    bytes: u64,
    /// Bytes that it takes in the archive, where the format says.
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_bytes: Option<u64>,
    /// Why it cannot be extracted.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// The contents of an archive.
#[output]
pub(crate) struct Contents {
    /// Its format.
    format: Format,
    /// Entries, in the order of the archive.
    entries: Vec<Listed>,
    /// Entries that there are, returned or not.
    total: usize,
    /// Size of all files together.
    total_bytes: u64,
    /// Entries that cannot be extracted.
    problems: usize,
    /// To go on, pass this as `skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_skip: Option<usize>,
}

/// Lists a zip, tar, tar.gz or gz: paths, kinds and sizes, and which entries could not be extracted and why.
#[tool(
    title = "List an archive",
    hints(read_only, idempotent),
    needs(read("/**", "reads the archive it is asked to list"))
)]
pub(crate) fn list(
    /// Absolute path of the archive.
    path: String,
    /// Entries to leave out at the beginning.
    #[serde(default)]
    skip: usize,
    /// Entries to return, at most 10000; 200 if left out.
    limit: Option<usize>,
) -> Result<Contents> {
    let mut archive = Archive::open(granted::path::check(&path)?, DEFAULT_MAX_BYTES)?;
    let all = survey(&mut archive)?;
    let (total, total_bytes) = (all.len(), all.iter().map(|one| one.entry.bytes).sum());
    let links = |kind: Kind| match kind {
        Kind::Link => Some("links are not extracted".to_owned()),
        Kind::Special => Some("it is neither a file nor a directory".to_owned()),
        Kind::File | Kind::Directory => None,
    };
    let entries = all.into_iter().map(|one| Listed {
        path: one.entry.name,
        kind: one.entry.kind,
        bytes: one.entry.bytes,
        packed_bytes: one.entry.packed,
        problem: one.entry.problem.or_else(|| links(one.entry.kind)),
    });
    let entries: Vec<Listed> = entries.collect();
    let problems = entries.iter().filter(|entry| entry.problem.is_some()).count();
    let entries: Vec<Listed> =
        entries.into_iter().skip(skip).take(limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)).collect();
    let next = skip + entries.len();
    let next_skip = (next < total && !entries.is_empty()).then_some(next);
    Ok(Contents { format: archive.format, entries, total, total_bytes, problems, next_skip })
}
