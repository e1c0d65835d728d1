//! `find`: names by glob, below a directory.

use toolhold_sdk::prelude::*;

use crate::ignore::Globs;
use crate::path;
use crate::walk::{Flow, Ignored, Options, walk};

/// Paths returned unless asked otherwise.
const DEFAULT_LIMIT: usize = 200;
/// Paths returned at most.
const MAX_LIMIT: usize = 5000;

/// What to find.
#[args]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Files, directories and links.
    Any,
    /// Files alone.
    #[default]
    File,
    /// Directories alone.
    Directory,
}

/// What was found.
#[output]
pub(crate) struct Found {
    /// Absolute paths, sorted.
    paths: Vec<String>,
    /// True if there may be more: narrow the glob or raise `limit`.
    truncated: bool,
    /// Directories that could not be read and thus were not searched.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(default)]
    unreadable: usize,
}

/// Finds files by name: a glob without a slash (`*.md`) matches names at any depth, one with a slash (`src/**/*.rs`) the
/// path below the start directory. To look into files use `search`.
#[tool(
    title = "Find files by name",
    hints(read_only, idempotent),
    needs(read("/**", "lists the directories it is asked for"))
)]
pub(crate) fn find(
    /// Absolute path of the directory to start from.
    path: String,
    /// Glob: `*`, `?`, `**`, `[a-z]`, `{a,b}`.
    glob: String,
    /// What to find; files if left out.
    #[serde(default)]
    kind: Wanted,
    /// Globs to leave out. If left out: `.git`, `node_modules`, `target`, `__pycache__`, `.venv`, `dist`. `[]` searches all.
    ignore: Option<Vec<String>>,
    /// Also names that start with a dot; true if left out.
    hidden: Option<bool>,
    /// Paths to return, at most 5000; 200 if left out.
    limit: Option<usize>,
) -> Result<Found> {
    let start = path::check(&path)?;
    let wanted = Globs::new(&[glob])?;
    let options = Options {
        depth: usize::MAX,
        hidden: hidden.unwrap_or(true),
        ignore: Globs::ignored(ignore.as_deref())?,
        ignored: Ignored::Visit,
    };
    let limit = limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let mut paths = Vec::new();
    let outcome = walk(start, &options, |visit| {
        let right_kind = match kind {
            Wanted::Any => true,
            Wanted::File => visit.kind.is_file(),
            Wanted::Directory => visit.kind.is_dir(),
        };
        if !right_kind || !wanted.matches(&visit.relative) {
            return Ok(Flow::Continue);
        }
        if paths.len() >= limit {
            return Ok(Flow::Stop);
        }
        paths.push(visit.path.display().to_string());
        Ok(Flow::Continue)
    })?;
    Ok(Found { paths, truncated: outcome.stopped, unreadable: outcome.unreadable })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
