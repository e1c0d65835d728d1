//! `tree`: the shape of a directory as indented text, which costs a model a fraction of what nested JSON does.

use toolhold_sdk::prelude::*;

use crate::ignore::Globs;
use crate::path;
use crate::walk::{Flow, Ignored, Options, walk};

/// Levels shown unless asked otherwise.
const DEFAULT_DEPTH: usize = 3;
/// Entries shown unless asked otherwise.
const DEFAULT_LIMIT: usize = 300;
/// Entries shown at most.
const MAX_LIMIT: usize = 5000;

/// The shape of a directory.
#[output]
pub(crate) struct Tree {
    /// One entry per line, indented by two spaces per level; directories end with `/`, links with `@`.
    tree: String,
    /// Directories shown.
    directories: usize,
    /// Files shown.
    files: usize,
    /// True if entries are missing because of `limit`: raise it, lower `depth` or start deeper.
    truncated: bool,
}

/// Shows a directory and its subdirectories as an indented tree, without `.git`, `node_modules`, `target` and the like.
#[tool(
    title = "Show a directory tree",
    hints(read_only, idempotent),
    needs(read("/**", "lists the directories it is asked for"))
)]
pub(crate) fn tree(
    /// Absolute path of the directory.
    path: String,
    /// Levels to show; 3 if left out.
    depth: Option<usize>,
    /// Entries to show, at most 5000; 300 if left out.
    limit: Option<usize>,
    /// Also names that start with a dot; false if left out.
    #[serde(default)]
    hidden: bool,
    /// Globs to leave out. If left out: `.git`, `node_modules`, `target`, `__pycache__`, `.venv`, `dist`. `[]` shows all.
    ignore: Option<Vec<String>>,
) -> Result<Tree> {
    let start = path::check(&path)?;
    let options = Options {
        depth: depth.unwrap_or(DEFAULT_DEPTH).max(1),
        hidden,
        ignore: Globs::ignored(ignore.as_deref())?,
        ignored: Ignored::Visit,
    };
    let limit = limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let mut shown = Tree { tree: String::new(), directories: 0, files: 0, truncated: false };
    let outcome = walk(start, &options, |visit| {
        if shown.directories + shown.files >= limit {
            return Ok(Flow::Stop);
        }
        let name = visit.path.file_name().unwrap_or_default().to_string_lossy();
        let (mark, counter) = match visit.kind {
            kind if kind.is_dir() => ("/", &mut shown.directories),
            kind if kind.is_symlink() => ("@", &mut shown.files),
            _ => ("", &mut shown.files),
        };
        *counter += 1;
        let indent = "  ".repeat(visit.depth.saturating_sub(1));
        shown.tree.push_str(&format!("{indent}{name}{mark}\n"));
        Ok(Flow::Continue)
    })?;
    shown.truncated = outcome.stopped;
    Ok(shown)
}
