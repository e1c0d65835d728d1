//! `log`: commits, the newest first; with a path, those that changed what is there.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use toolhold_sdk::prelude::*;

use crate::object::Commit;
use crate::oid::Oid;
use crate::repository::Repository;
use crate::{revision, time, tree};

/// Commits returned unless asked otherwise.
const DEFAULT_LIMIT: usize = 20;
/// Commits returned at most.
const MAX_LIMIT: usize = 1000;
/// Characters of a message.
const MAX_MESSAGE: usize = 4000;

/// A commit.
#[output]
#[derive(Debug)]
pub(crate) struct Logged {
    /// Its name.
    pub(crate) commit: String,
    /// Names of its parents.
    pub(crate) parents: Vec<String>,
    /// Who wrote it.
    pub(crate) author: String,
    /// When it was written.
    pub(crate) written: String,
    /// Who made the commit, if that is somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) committer: Option<String>,
    /// Its message.
    pub(crate) message: String,
}

/// Commits.
#[output]
#[derive(Debug)]
pub(crate) struct History {
    /// The newest first.
    commits: Vec<Logged>,
    /// True if there are more: pass `skip`.
    truncated: bool,
}

/// Which commits.
#[args]
#[derive(Debug)]
pub(crate) struct LogArgs {
    /// Absolute path of the working directory or of a bare repository.
    repository: String,
    /// Where to begin: `HEAD`, a branch, a tag, a commit, `main~3`; `HEAD` if left out.
    revision: Option<String>,
    /// Leave out what is reachable from here too.
    not: Option<String>,
    /// Only commits that changed this file or directory, relative to the repository.
    #[serde(default)]
    path: String,
    /// Only commits whose author's name or address contains this.
    #[serde(default)]
    author: String,
    /// Only commits whose message contains this, in whatever case.
    #[serde(default)]
    message: String,
    /// Commits to leave out at the beginning.
    #[serde(default)]
    skip: usize,
    /// Commits to return, at most 1000; 20 if left out.
    limit: Option<usize>,
}

/// Lists commits of a git repository, the newest first: all, or those that changed a path, by an author, with a word in the message.
#[tool(title = "List commits", hints(read_only, idempotent), needs(read("/**", "reads the repository")))]
pub(crate) fn log(args: LogArgs) -> Result<History> {
    let repository = Repository::open(&args.repository)?;
    let start = revision::commit(&repository, args.revision.as_deref().unwrap_or("HEAD"))?;
    let mut walk = Walk {
        repository: &repository,
        path: args.path.trim_matches('/'),
        seen: HashSet::new(),
        queue: BinaryHeap::new(),
    };
    if let Some(not) = &args.not {
        walk.exclude(revision::commit(&repository, not)?)?;
    }
    walk.push(start)?;
    let limit = args.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let (mut history, mut skip) = (History { commits: Vec::new(), truncated: false }, args.skip);
    let word = args.message.to_lowercase();
    while let Some((oid, commit)) = walk.next()? {
        let author = format!("{} <{}>", commit.author.name, commit.author.email);
        if !author.contains(&args.author) || !commit.message.to_lowercase().contains(&word) {
            continue;
        }
        if skip > 0 {
            skip -= 1;
            continue;
        }
        if history.commits.len() >= limit {
            history.truncated = true;
            break;
        }
        history.commits.push(logged(oid, &commit));
    }
    Ok(history)
}

/// A commit as it is shown.
pub(crate) fn logged(oid: Oid, commit: &Commit) -> Logged {
    let person = |name: &str, email: &str| format!("{name} <{email}>");
    let author = person(&commit.author.name, &commit.author.email);
    let committer = person(&commit.committer.name, &commit.committer.email);
    let mut message: String = commit.message.chars().take(MAX_MESSAGE).collect();
    if message.len() < commit.message.len() {
        message.push('…');
    }
    Logged {
        commit: oid.to_string(),
        parents: commit.parents.iter().map(Oid::to_string).collect(),
        written: time::text(&commit.author),
        committer: (committer != author).then_some(committer),
        author,
        message,
    }
}

/// Commits by the time at which they were made, as git lists them.
struct Walk<'a> {
    repository: &'a Repository,
    path: &'a str,
    seen: HashSet<Oid>,
    queue: BinaryHeap<(i64, Reverse<usize>, Oid)>,
}

impl Walk<'_> {
    fn push(&mut self, oid: Oid) -> Result<()> {
        if self.seen.insert(oid) {
            let seconds = self.repository.commit(oid)?.committer.seconds;
            self.queue.push((seconds, Reverse(self.seen.len()), oid));
        }
        Ok(())
    }

    /// Everything that is reachable from here counts as seen.
    fn exclude(&mut self, oid: Oid) -> Result<()> {
        let mut open = vec![oid];
        while let Some(oid) = open.pop() {
            if self.seen.insert(oid) {
                open.extend(self.repository.commit(oid)?.parents);
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<(Oid, Commit)>> {
        while let Some((_, _, oid)) = self.queue.pop() {
            let commit = self.repository.commit(oid)?;
            let follow = self.same_parent(&commit)?;
            if let Some(parent) = follow {
                // Nothing changed against this parent: its history is the path's.
                self.push(parent)?;
                continue;
            }
            for parent in &commit.parents {
                self.push(*parent)?;
            }
            let here = || tree::at(self.repository, commit.tree, self.path);
            // Before the path was there, there is nothing to list.
            if !self.path.is_empty() && commit.parents.is_empty() && here()?.is_none() {
                continue;
            }
            return Ok(Some((oid, commit)));
        }
        Ok(None)
    }

    /// The parent in which the path is as it is in the commit.
    fn same_parent(&self, commit: &Commit) -> Result<Option<Oid>> {
        if self.path.is_empty() {
            return Ok(None);
        }
        let here = tree::at(self.repository, commit.tree, self.path)?;
        for parent in &commit.parents {
            let there = tree::at(self.repository, self.repository.commit(*parent)?.tree, self.path)?;
            if here == there {
                return Ok(Some(*parent));
            }
        }
        Ok(None)
    }
}
