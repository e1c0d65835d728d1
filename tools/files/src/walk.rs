//! A walk through a tree: sorted, so that results are the same every time; bounded in depth and entries, so that it ends;
//! never through a symbolic link, so that a cycle cannot hold it. What cannot be read is counted, not fatal.

use std::fs::{self, DirEntry, FileType};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use toolhold_sdk::prelude::*;

use crate::ignore::Globs;
use crate::ignore_files::Level;
use crate::path;

/// Deepest directory that is entered, as a stop for trees that some program made endless.
const MAX_DEPTH: usize = 64;
/// Entries that one call looks at.
const MAX_ENTRIES: usize = 200_000;
/// Entries between two questions whether the caller has given up.
const CANCEL_EVERY: usize = 256;

/// What to walk.
pub(crate) struct Options {
    /// Deepest level that is visited; entries of the start directory are level 1.
    pub(crate) depth: usize,
    /// Whether names that start with a dot are visited.
    pub(crate) hidden: bool,
    /// What is neither visited nor entered.
    pub(crate) ignore: Globs,
    /// Whether what the tree's own files leave out is visited.
    pub(crate) ignored: Ignored,
}

/// What becomes of entries that a `.gitignore` or `.ignore` leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ignored {
    /// They are visited like any other.
    Visit,
    /// They are neither visited nor entered.
    LeaveOut,
}

/// One visited entry.
pub(crate) struct Visit {
    /// Path as the guest sees it.
    pub(crate) path: PathBuf,
    /// Path relative to the start.
    pub(crate) relative: PathBuf,
    /// Type of the entry itself: a link is a link.
    pub(crate) kind: FileType,
    /// Level, from 1.
    pub(crate) depth: usize,
    /// What holds in the directory that the entry is in.
    rules: Option<Rc<Level>>,
}

/// How a walk ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Directories that could not be read.
    pub(crate) unreadable: usize,
    /// Entries that the tree's own files leave out.
    pub(crate) ignored: usize,
    /// The visitor or a bound ended the walk before all was seen.
    pub(crate) stopped: bool,
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Continue,
    Stop,
}

/// Visits everything below `start`, directories before their contents, siblings by name.
///
/// # Errors
/// `start` cannot be read, the visitor failed, or the caller gave up.
pub(crate) fn walk(start: &Path, options: &Options, mut visit: impl FnMut(&Visit) -> Result<Flow>) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let rules = match options.ignored {
        Ignored::Visit => None,
        Ignored::LeaveOut => Level::around(start),
    };
    let from = Directory { path: start, depth: 1, rules };
    let mut stack = children(start, from, options, &mut outcome).map_err(|error| path::explain(start, error))?;
    let mut seen = 0_usize;
    while let Some(next) = stack.pop() {
        seen += 1;
        if seen.is_multiple_of(CANCEL_EVERY) {
            check_cancelled()?;
        }
        if seen > MAX_ENTRIES || visit(&next)? == Flow::Stop {
            outcome.stopped = true;
            break;
        }
        if next.kind.is_dir() && next.depth < options.depth.min(MAX_DEPTH) {
            let from = Directory { path: &next.path, depth: next.depth + 1, rules: next.rules.clone() };
            match children(start, from, options, &mut outcome) {
                Ok(below) => stack.extend(below),
                Err(_) => outcome.unreadable += 1,
            }
        }
    }
    Ok(outcome)
}

/// The entries of a directory by name, sorted in any way a person expects: by bytes.
///
/// # Errors
/// As the host says.
pub(crate) fn entries(directory: &Path) -> std::io::Result<Vec<DirEntry>> {
    let mut entries: Vec<DirEntry> = fs::read_dir(directory)?.collect::<std::io::Result<_>>()?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

/// A directory that is about to be entered.
struct Directory<'a> {
    path: &'a Path,
    /// Level of its entries.
    depth: usize,
    /// What holds around it.
    rules: Option<Rc<Level>>,
}

/// Entries to visit in reverse order: the stack pops the first name first.
fn children(
    start: &Path,
    from: Directory<'_>,
    options: &Options,
    outcome: &mut Outcome,
) -> std::io::Result<Vec<Visit>> {
    let Directory { path: directory, depth, rules } = from;
    let rules = match options.ignored {
        Ignored::Visit => None,
        Ignored::LeaveOut => Level::within(directory, rules),
    };
    let visit = |entry: DirEntry| -> Option<Visit> {
        let path = entry.path();
        let relative = path.strip_prefix(start).unwrap_or(&path).to_path_buf();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if (hidden && !options.hidden) || options.ignore.matches(&relative) {
            return None;
        }
        let kind = entry.file_type().ok()?;
        if rules.as_ref().is_some_and(|rules| rules.leaves_out(&path, kind.is_dir())) {
            outcome.ignored += 1;
            return None;
        }
        Some(Visit { kind, path, relative, depth, rules: rules.clone() })
    };
    Ok(entries(directory)?.into_iter().rev().filter_map(visit).collect())
}
