//! `refs`: branches and tags.

use toolhold_sdk::prelude::*;

use crate::oid::Oid;
use crate::repository::Repository;
use crate::revision;

/// References returned.
const MAX_REFS: usize = 2000;

/// A name of a commit.
#[output]
#[derive(Debug)]
pub(crate) struct Named {
    /// The name, such as `main`, `v1.0` or `origin/main`.
    name: String,
    /// The commit.
    commit: String,
}

/// All names.
#[output]
#[derive(Debug, Default)]
pub(crate) struct References {
    /// The branch that is checked out; left out if a commit is.
    #[serde(skip_serializing_if = "Option::is_none")]
    head_branch: Option<String>,
    /// The commit that is checked out; left out if there is none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    /// Branches.
    branches: Vec<Named>,
    /// Tags, with the commits behind them.
    tags: Vec<Named>,
    /// Branches of remotes, as last fetched.
    remotes: Vec<Named>,
    /// True if there are more than 2000.
    truncated: bool,
}

/// Lists the branches and tags of a git repository, and what is checked out.
#[tool(title = "List branches and tags", hints(read_only, idempotent), needs(read("/**", "reads the repository")))]
pub(crate) fn refs(
    /// Absolute path of the working directory or of a bare repository.
    repository: String,
) -> Result<References> {
    let repository = Repository::open(&repository)?;
    let head = repository.refs.get("HEAD")?.map(|oid| oid.to_string());
    let mut references = References { head_branch: repository.refs.head_branch(), head, ..References::default() };
    let all = repository.refs.all()?;
    references.truncated = all.len() > MAX_REFS;
    for (name, oid) in all.into_iter().take(MAX_REFS) {
        let (list, prefix) = match name.as_str() {
            name if name.starts_with("refs/heads/") => (&mut references.branches, "refs/heads/"),
            name if name.starts_with("refs/tags/") => (&mut references.tags, "refs/tags/"),
            name if name.starts_with("refs/remotes/") => (&mut references.remotes, "refs/remotes/"),
            _ => continue,
        };
        // A tag may be of something that is no commit, or that is not here.
        let commit: Oid = revision::peel(&repository, oid, &name).unwrap_or(oid);
        list.push(Named { name: name.trim_start_matches(prefix).to_owned(), commit: commit.to_string() });
    }
    Ok(references)
}
