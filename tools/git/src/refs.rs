//! References: names of commits, each in a file of its own, or all in `packed-refs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toolhold_sdk::prelude::*;

use crate::oid::Oid;
use crate::repository::MAX_SMALL;

/// Bytes of `packed-refs`.
const MAX_PACKED: u64 = 16 * 1024 * 1024;
/// References that refer to others.
const MAX_STEPS: usize = 5;
/// Directories within each other.
const MAX_DEPTH: usize = 16;

/// The references of a repository.
pub(crate) struct Refs {
    /// Where `HEAD` is.
    own: PathBuf,
    /// Where the others are.
    common: PathBuf,
}

impl Refs {
    pub(crate) fn new(own: PathBuf, common: PathBuf) -> Self {
        Self { own, common }
    }

    /// The branch that `HEAD` is on; none if it is on a commit.
    pub(crate) fn head_branch(&self) -> Option<String> {
        let text = granted::load_text(&self.own.join("HEAD"), MAX_SMALL).ok()?;
        text.trim().strip_prefix("ref: refs/heads/").map(str::to_owned)
    }

    /// What a full name such as `HEAD` or `refs/heads/main` refers to.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn get(&self, name: &str) -> Result<Option<Oid>> {
        let mut name = name.to_owned();
        for _ in 0..MAX_STEPS {
            if !is_safe(&name) {
                return Ok(None);
            }
            let root = if name.starts_with("refs/") { &self.common } else { &self.own };
            let path = root.join(&name);
            if !path.is_file() {
                return Ok(self.packed()?.get(&name).copied());
            }
            let text = granted::load_text(&path, MAX_SMALL)?;
            match text.trim().strip_prefix("ref: ") {
                Some(other) => name = other.trim().to_owned(),
                None => return Ok(Oid::parse(text.trim())),
            }
        }
        Ok(None)
    }

    /// All references below `refs/`, sorted.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn all(&self) -> Result<BTreeMap<String, Oid>> {
        let mut all = self.packed()?;
        let mut names = Vec::new();
        collect(&self.common.join("refs"), "refs", &mut names, 0);
        for name in names {
            if let Some(oid) = self.get(&name)? {
                all.insert(name, oid);
            }
        }
        Ok(all)
    }

    fn packed(&self) -> Result<BTreeMap<String, Oid>> {
        let path = self.common.join("packed-refs");
        if !path.is_file() {
            return Ok(BTreeMap::new());
        }
        let text = granted::load_text(&path, MAX_PACKED)?;
        let lines = text.lines().filter(|line| !line.starts_with(['#', '^']));
        Ok(lines
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(oid, name)| Some((name.to_owned(), Oid::parse(oid)?)))
            .collect())
    }
}

/// A name stays below the repository, whatever was asked for.
fn is_safe(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('/')
        && !name.contains(['\\', '\0'])
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

fn collect(directory: &Path, prefix: &str, names: &mut Vec<String>, depth: usize) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => collect(&entry.path(), &name, names, depth + 1),
            Ok(kind) if kind.is_file() => names.push(name),
            _ => {}
        }
    }
}
