//! The first pass: reads an archive to its end, writes nothing, and says of each entry where it would go or why it would not.

use std::collections::HashMap;
use std::io::Read;

use toolhold_sdk::prelude::*;

use crate::entry::{self, Entry, Kind};
use crate::reader::Archive;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// An entry that was looked at.
#[derive(Debug)]
pub(crate) struct Surveyed {
    /// The entry, with the size that its contents have.
    pub(crate) entry: Entry,
    /// Its path below the target; empty for the target itself.
    pub(crate) path: String,
}

/// Looks at all entries.
///
/// # Errors
/// The archive is damaged, or too much comes out of it.
pub(crate) fn survey(archive: &mut Archive) -> Result<Vec<Surveyed>> {
    let bounds = archive.bounds();
    let mut all: Vec<Surveyed> = Vec::new();
    let mut total: u64 = 0;
    archive.each(&mut |mut entry, contents| {
        if entry.kind == Kind::File && entry.problem.is_none() {
            // What it says of its size is checked before a byte is read, and what it has while reading.
            if let Some(problem) = bounds.problem(total.saturating_add(entry.bytes)) {
                return Err(Error::failed(problem));
            }
            entry.bytes = measure(contents, &mut total, |bytes| bounds.problem(bytes))
                .map_err(|error| error.context(format!("`{}`", entry.name)))?;
        }
        let path = match entry::path(&entry.name) {
            Ok(path) if path.is_empty() && entry.kind != Kind::Directory => {
                entry.problem = Some("it has no name".to_owned());
                path
            }
            Ok(path) => path,
            Err(problem) => {
                entry.problem = Some(problem);
                String::new()
            }
        };
        all.push(Surveyed { entry, path });
        Ok(())
    })?;
    find_collisions(&mut all);
    Ok(all)
}

fn measure(contents: &mut dyn Read, total: &mut u64, problem: impl Fn(u64) -> Option<String>) -> Result<u64> {
    let (mut buffer, mut bytes) = (vec![0; CHUNK], 0);
    loop {
        let count =
            contents.read(&mut buffer).map_err(|error| Error::failed(format!("cannot be unpacked: {error}")))?;
        if count == 0 {
            return Ok(bytes);
        }
        bytes += count as u64;
        *total += count as u64;
        if let Some(problem) = problem(*total) {
            return Err(Error::failed(problem));
        }
    }
}

/// Two entries at one path, or one below another that is no directory: which one counts depends on who reads, so neither does.
fn find_collisions(all: &mut [Surveyed]) {
    let mut taken: HashMap<String, Kind> = HashMap::new();
    let mut collisions = Vec::new();
    for (index, one) in all.iter().enumerate().filter(|(_, one)| one.entry.problem.is_none() && !one.path.is_empty()) {
        let known = taken.insert(one.path.clone(), one.entry.kind);
        if known.is_some_and(|kind| kind != Kind::Directory || one.entry.kind != Kind::Directory) {
            collisions.push((index, "there is another entry at its path"));
        }
    }
    for (index, one) in all.iter().enumerate() {
        let parents = one.path.match_indices('/').filter_map(|(end, _)| one.path.get(..end));
        if parents.into_iter().any(|parent| taken.get(parent).is_some_and(|kind| *kind != Kind::Directory)) {
            collisions.push((index, "it lies below an entry that is no directory"));
        }
    }
    for (index, problem) in collisions {
        if let Some(one) = all.get_mut(index) {
            one.entry.problem.get_or_insert_with(|| problem.to_owned());
        }
    }
}
