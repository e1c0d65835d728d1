//! `search`: contents of files by regular expression. The arguments, and the way through the tree.

use std::fs;
use std::path::Path;

use toolhold_sdk::prelude::*;

use crate::ignore::Globs;
use crate::path;
use crate::walk::{Flow, Ignored, Options, walk};

mod matcher;
mod scan;

use matcher::Matcher;
use scan::{FileMatches, Scanner};

/// Matches returned unless asked otherwise.
const DEFAULT_LIMIT: usize = 100;
/// Matches returned at most.
const MAX_LIMIT: usize = 5000;
/// Lines of context at most.
const MAX_CONTEXT: usize = 20;
/// Text of all matches together, in bytes.
const MAX_TEXT_BYTES: usize = 192 * 1024;
/// Files between two reports of progress.
const PROGRESS_EVERY: usize = 256;

/// What to return.
#[args]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Output {
    /// Matching lines.
    #[default]
    Lines,
    /// Paths of files with a match.
    Files,
    /// Matching lines per file, counted.
    Count,
}

/// What to search.
#[args]
#[derive(Debug)]
pub(crate) struct SearchArgs {
    /// Absolute path of a file or directory.
    path: String,
    /// Regular expression (Rust syntax: no look-around, no back-references), matched within a line.
    pattern: String,
    /// Take `pattern` as plain text.
    #[serde(default)]
    literal: bool,
    /// Ignore upper and lower case.
    #[serde(default)]
    ignore_case: bool,
    /// Match whole words only.
    #[serde(default)]
    whole_word: bool,
    /// Search only files that match one of these globs, such as `*.rs` or `src/**`.
    #[serde(default)]
    globs: Vec<String>,
    /// Globs to leave out, beside `.git`. If left out: `node_modules`, `target`, `__pycache__`, `.venv`, `dist`. `[]` leaves
    /// out nothing by name, `.git` neither.
    ignore: Option<Vec<String>>,
    /// Also what the tree's `.gitignore` and `.ignore` files leave out.
    #[serde(default)]
    include_ignored: bool,
    /// Also files and directories that start with a dot; true if left out.
    hidden: Option<bool>,
    /// Lines to show before and after each match, at most 20.
    #[serde(default)]
    context: usize,
    /// What to return: `lines`, `files` or `count`; `lines` if left out.
    #[serde(default)]
    output: Output,
    /// Matching lines (or files) to return, at most 5000; 100 if left out.
    limit: Option<usize>,
}

/// What was found.
#[output]
#[derive(Debug, Default)]
pub(crate) struct SearchResult {
    /// Files with a match.
    files: Vec<FileMatches>,
    /// Matching lines.
    matches: usize,
    /// Files that were searched.
    searched: usize,
    /// Binary files that were not.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(default)]
    binary: usize,
    /// Files and directories that could not be read.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(default)]
    unreadable: usize,
    /// Files and directories that were left out because of a `.gitignore` or `.ignore`: `include_ignored` searches them too.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(default)]
    ignored: usize,
    /// True if there may be more: narrow the pattern or the globs, or raise `limit`.
    truncated: bool,
}

/// Searches the contents of files, line by line, by regular expression or plain text. Binary files are left out, and so is
/// what `.gitignore` and `.ignore` files leave out.
#[tool(
    title = "Search in files",
    hints(read_only, idempotent),
    needs(read("/**", "reads the files it is asked to search"))
)]
pub(crate) fn search(args: SearchArgs) -> Result<SearchResult> {
    let start = path::check(&args.path)?;
    let metadata = fs::metadata(start).map_err(|error| path::explain(start, error))?;
    let mut scanner = Scanner::new(Matcher::new(&args)?, args.output, args.context.min(MAX_CONTEXT));
    let limit = args.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let mut result = SearchResult::default();
    if metadata.is_dir() {
        search_directory(start, &args, limit, &mut scanner, &mut result)?;
    } else if !search_file(start, &mut scanner, limit, &mut result) {
        return Err(Error::invalid_args(format!("`{}` is binary or cannot be read", start.display())));
    }
    Ok(result)
}

fn search_directory(
    start: &Path,
    args: &SearchArgs,
    limit: usize,
    scanner: &mut Scanner,
    result: &mut SearchResult,
) -> Result<()> {
    let wanted = if args.globs.is_empty() { None } else { Some(Globs::new(&args.globs)?) };
    let options = Options {
        depth: usize::MAX,
        hidden: args.hidden.unwrap_or(true),
        ignore: left_out(args.ignore.as_deref())?,
        ignored: if args.include_ignored { Ignored::Visit } else { Ignored::LeaveOut },
    };
    let outcome = walk(start, &options, |visit| {
        if !visit.kind.is_file() || wanted.as_ref().is_some_and(|wanted| !wanted.matches(&visit.relative)) {
            return Ok(Flow::Continue);
        }
        if result.truncated {
            return Ok(Flow::Stop);
        }
        search_file(&visit.path, scanner, limit, result);
        if result.searched.is_multiple_of(PROGRESS_EVERY) {
            #[expect(clippy::cast_precision_loss, reason = "a count of files for people")]
            progress(result.searched as f64, None, "files searched");
        }
        Ok(Flow::Continue)
    })?;
    result.unreadable += outcome.unreadable;
    result.ignored = outcome.ignored;
    result.truncated |= outcome.stopped;
    Ok(())
}

/// What is left out by name. A repository's own files are not what anybody means by its contents: they are searched only
/// where nothing is to be left out, or where the search starts in them.
fn left_out(asked: Option<&[String]>) -> Result<Globs> {
    match asked {
        Some(globs) if !globs.is_empty() => Globs::new(&[globs, &[".git".to_owned()]].concat()),
        other => Globs::ignored(other),
    }
}

/// Searches one file into the result; false if it could not be searched.
fn search_file(path: &Path, scanner: &mut Scanner, limit: usize, result: &mut SearchResult) -> bool {
    let used = if scanner.output() == Output::Lines { result.matches } else { result.files.len() };
    let room = limit.saturating_sub(used);
    match scanner.scan(path, room, MAX_TEXT_BYTES) {
        Ok(scan::Outcome::Searched(found)) => {
            result.searched += 1;
            if let Some(found) = found {
                result.matches += found.count;
                result.truncated |= found.stopped;
                result.files.extend(found.matches);
            }
            true
        }
        Ok(scan::Outcome::Binary) => {
            result.binary += 1;
            false
        }
        Err(_) => {
            result.unreadable += 1;
            false
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
