//! Trees: what is at a path, and where two of them differ.

use std::collections::BTreeMap;

use toolhold_sdk::prelude::*;

use crate::object::{self, Entry, Kind, Mode};
use crate::oid::Oid;
use crate::repository::Repository;

/// Files that differ, at most.
const MAX_CHANGES: usize = 5000;
/// Directories within each other.
const MAX_DEPTH: usize = 100;

/// A file that differs; one side may not be there.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) path: String,
    pub(crate) old: Option<Entry>,
    pub(crate) new: Option<Entry>,
}

/// The entries of a tree.
///
/// # Errors
/// It is no tree.
pub(crate) fn entries(repository: &Repository, tree: Oid) -> Result<Vec<Entry>> {
    let found = repository.store.get(tree)?;
    if found.kind != Kind::Tree {
        return Err(Error::failed(format!("{tree} is no tree")));
    }
    object::tree(&found.bytes)
}

/// What is at a path below a tree; for an empty path the tree itself.
///
/// # Errors
/// An object cannot be read.
pub(crate) fn at(repository: &Repository, tree: Oid, path: &str) -> Result<Option<Entry>> {
    let mut here = Entry { name: String::new(), mode: Mode::Directory, oid: tree };
    for part in path.split('/').filter(|part| !part.is_empty()) {
        if here.mode != Mode::Directory {
            return Ok(None);
        }
        match entries(repository, here.oid)?.into_iter().find(|entry| entry.name == part) {
            Some(entry) => here = entry,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

/// Where two trees differ, sorted by path, below `below` only.
///
/// # Errors
/// An object cannot be read, or there is too much.
pub(crate) fn changes(repository: &Repository, old: Option<Oid>, new: Option<Oid>, below: &str) -> Result<Vec<Change>> {
    let mut found = Vec::new();
    let below = below.trim_matches('/');
    compare(repository, (old, new), "", below, &mut found, 0)?;
    Ok(found)
}

fn compare(
    repository: &Repository,
    (old, new): (Option<Oid>, Option<Oid>),
    prefix: &str,
    below: &str,
    found: &mut Vec<Change>,
    depth: usize,
) -> Result<()> {
    if old == new {
        return Ok(());
    }
    if depth > MAX_DEPTH || found.len() > MAX_CHANGES {
        return Err(Error::failed(format!("more than {MAX_CHANGES} files differ; give `path` to look at a part")));
    }
    let load = |tree: Option<Oid>| tree.map_or_else(|| Ok(Vec::new()), |tree| entries(repository, tree));
    let mut both: BTreeMap<String, (Option<Entry>, Option<Entry>)> = BTreeMap::new();
    for entry in load(old)? {
        let name = entry.name.clone();
        both.entry(name).or_default().0 = Some(entry);
    }
    for entry in load(new)? {
        let name = entry.name.clone();
        both.entry(name).or_default().1 = Some(entry);
    }
    for (name, (old, new)) in both {
        let path = format!("{prefix}{name}");
        if old == new || !touches(&path, below) {
            continue;
        }
        let directory =
            |entry: &Option<Entry>| entry.as_ref().filter(|entry| entry.mode == Mode::Directory).map(|entry| entry.oid);
        let file = |entry: Option<Entry>| entry.filter(|entry| entry.mode != Mode::Directory);
        let trees = (directory(&old), directory(&new));
        if trees != (None, None) {
            compare(repository, trees, &format!("{path}/"), below, found, depth + 1)?;
        }
        let (old, new) = (file(old), file(new));
        if old.is_some() || new.is_some() {
            found.push(Change { path, old, new });
        }
    }
    Ok(())
}

/// Whether a path is at or below another, or leads there.
fn touches(path: &str, below: &str) -> bool {
    let within = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below.is_empty() || within(below, path) || within(path, below)
}
