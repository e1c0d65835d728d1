//! `show`: one commit with what it changed.

use toolhold_sdk::prelude::*;

use crate::log::{Logged, logged};
use crate::patch::{self, Patch};
use crate::repository::Repository;
use crate::{revision, tree};

/// A commit.
#[output]
#[derive(Debug)]
pub(crate) struct Shown {
    #[serde(flatten)]
    commit: Logged,
    #[serde(flatten)]
    patch: Patch,
}

/// Shows a commit of a git repository: message, author, and what it changed against its first parent, as a unified diff.
#[tool(title = "Show a commit", hints(read_only, idempotent), needs(read("/**", "reads the repository")))]
pub(crate) fn show(
    /// Absolute path of the working directory or of a bare repository.
    repository: String,
    /// The commit: `HEAD`, a branch, a tag, a commit, `main~3`; `HEAD` if left out.
    revision: Option<String>,
    /// Only changes of this file or directory, relative to the repository.
    #[serde(default)]
    path: String,
) -> Result<Shown> {
    let repository = Repository::open(&repository)?;
    let oid = revision::commit(&repository, revision.as_deref().unwrap_or("HEAD"))?;
    let commit = repository.commit(oid)?;
    let before = match commit.parents.first() {
        Some(parent) => Some(repository.commit(*parent)?.tree),
        None => None,
    };
    let changes = tree::changes(&repository, before, Some(commit.tree), &path)?;
    Ok(Shown { commit: logged(oid, &commit), patch: patch::of(&repository, &changes)? })
}
