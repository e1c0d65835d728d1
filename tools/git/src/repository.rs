//! A repository: where its files are, and whether they can be read.

use std::path::{Path, PathBuf};

use toolhold_sdk::prelude::*;

use crate::object::{self, Commit, Kind};
use crate::oid::Oid;
use crate::refs::Refs;
use crate::store::Store;

/// Bytes of a small file: configuration, a reference.
pub(crate) const MAX_SMALL: u64 = 1024 * 1024;

/// A repository.
pub(crate) struct Repository {
    pub(crate) store: Store,
    pub(crate) refs: Refs,
}

impl Repository {
    /// Opens the repository at `path`: its working directory, or the bare repository itself.
    ///
    /// # Errors
    /// There is none, or it is of a kind that is not read.
    pub(crate) fn open(path: &str) -> Result<Self> {
        let path = granted::path::check(path)?;
        let directory = find(path)?;
        // A second working directory has its own HEAD; the rest is with the first.
        let common = match granted::load_text(&directory.join("commondir"), MAX_SMALL) {
            Ok(relative) => directory.join(relative.trim()),
            Err(_) => directory.clone(),
        };
        let config = granted::load_text(&common.join("config"), MAX_SMALL).unwrap_or_default().to_lowercase();
        let setting = |name: &str| {
            config.lines().filter_map(|line| line.trim().strip_prefix(name)).any(|rest| {
                let value = rest.trim_start().trim_start_matches('=').trim();
                value == "sha256" || value == "reftable"
            })
        };
        if setting("objectformat") {
            return Err(Error::failed("the repository names its objects by SHA-256, which is not read"));
        }
        if setting("refstorage") || common.join("reftable").is_dir() {
            return Err(Error::failed("the repository keeps its references as a reftable, which is not read"));
        }
        Ok(Self { store: Store::open(common.join("objects"))?, refs: Refs::new(directory, common) })
    }

    /// A commit by its name.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn commit(&self, oid: Oid) -> Result<Commit> {
        let found = self.store.get(oid)?;
        let wrong = || Error::invalid_args(format!("{oid} is no commit"));
        (found.kind == Kind::Commit).then(|| object::commit(&found.bytes)).flatten().ok_or_else(wrong)
    }
}

fn find(path: &Path) -> Result<PathBuf> {
    let is_repository = |directory: &Path| directory.join("HEAD").is_file() && directory.join("objects").is_dir();
    let dot = path.join(".git");
    if is_repository(&dot) {
        return Ok(dot);
    }
    if let Ok(text) = granted::load_text(&dot, MAX_SMALL)
        && let Some(elsewhere) = text.trim().strip_prefix("gitdir: ")
    {
        let directory = path.join(elsewhere);
        if directory.join("HEAD").is_file() {
            return Ok(directory);
        }
        return Err(Error::not_found(format!(
            "`{}` says that the repository is at `{elsewhere}`, which is not there or not granted",
            dot.display()
        )));
    }
    if is_repository(path) {
        return Ok(path.to_owned());
    }
    std::fs::metadata(path).map_err(|error| granted::path::explain(path, error))?;
    Err(Error::not_found(format!(
        "`{}` is no git repository: it has no `.git`, or that is not granted",
        path.display()
    )))
}
