//! `diff`: what differs between two commits.

use toolhold_sdk::prelude::*;

use crate::patch::{self, Patch};
use crate::repository::Repository;
use crate::{revision, tree};

/// Compares two commits of a git repository, as a unified diff. The working directory and the index are not looked at.
#[tool(title = "Compare commits", hints(read_only, idempotent), needs(read("/**", "reads the repository")))]
pub(crate) fn diff(
    /// Absolute path of the working directory or of a bare repository.
    repository: String,
    /// Before: `HEAD`, a branch, a tag, a commit, `main~3`.
    old: String,
    /// After; `HEAD` if left out.
    new: Option<String>,
    /// Only this file or directory, relative to the repository.
    #[serde(default)]
    path: String,
) -> Result<Patch> {
    let repository = Repository::open(&repository)?;
    let side = |revision: &str| repository.commit(revision::commit(&repository, revision)?);
    let (old, new) = (side(&old)?, side(new.as_deref().unwrap_or("HEAD"))?);
    patch::of(&repository, &tree::changes(&repository, Some(old.tree), Some(new.tree), &path)?)
}
