//! `compare`: two files, or two directories file by file, as a unified diff that `apply` takes.

use std::path::Path;

use similar::{ChangeTag, TextDiff};
use toolhold_sdk::prelude::*;

use crate::side::MAX_BYTES;
use crate::tree;

/// Bytes of the diff.
const MAX_DIFF_BYTES: usize = 512 * 1024;
/// Lines of context unless asked otherwise.
const DEFAULT_CONTEXT: usize = 3;
/// Lines of context at most.
const MAX_CONTEXT: usize = 100;

/// What became of a file.
#[output]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is only on the new side.
    Added,
    /// It is only on the old side.
    Removed,
    /// It is on both sides, and differs.
    Changed,
}

/// A file that differs.
#[output]
#[derive(Debug)]
pub(crate) struct Different {
    /// Its path below the directory; empty if two files were compared.
    path: String,
    /// What became of it.
    change: Change,
    /// Lines added.
    added: usize,
    /// Lines removed.
    removed: usize,
    /// True if it is no text, and so not in the diff.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    binary: bool,
}

/// A comparison.
#[output]
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// True if there is no difference.
    identical: bool,
    /// Files that differ, sorted.
    files: Vec<Different>,
    /// Unified diff of all of them.
    diff: String,
    /// True if the diff lacks files for which there was no room: compare parts.
    truncated: bool,
}

/// Compares two files, or two directories with everything below them, and returns a unified diff with the files that differ.
#[tool(title = "Compare files", hints(read_only, idempotent), needs(read("/**", "reads what it is asked to compare")))]
pub(crate) fn compare(
    /// Absolute path before: a file or a directory.
    old: String,
    /// Absolute path after: the same kind.
    new: String,
    /// Unchanged lines to show around each change, at most 100; 3 if left out.
    context: Option<usize>,
) -> Result<Comparison> {
    let (old, new) = (granted::path::check(&old)?, granted::path::check(&new)?);
    let context = context.unwrap_or(DEFAULT_CONTEXT).min(MAX_CONTEXT);
    let mut comparison = Comparison::default();
    match (is_directory(old)?, is_directory(new)?) {
        (false, false) => {
            let name = new.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let pair = Pair { path: "", name: &name, old: load(old)?, new: load(new)? };
            comparison.add(&pair, context);
        }
        (true, true) => {
            let (before, after) = (tree::files(old)?, tree::files(new)?);
            for name in before.union(&after) {
                let side = |root: &Path, there: bool| if there { load(&root.join(name)) } else { Ok(None) };
                let (old, new) = (side(old, before.contains(name))?, side(new, after.contains(name))?);
                comparison.add(&Pair { path: name, name, old, new }, context);
            }
        }
        _ => return Err(Error::invalid_args("`old` and `new` are a file and a directory; compare two of a kind")),
    }
    comparison.identical = comparison.files.is_empty();
    Ok(comparison)
}

/// Two versions of a file; one may not be there.
struct Pair<'a> {
    path: &'a str,
    name: &'a str,
    old: Option<Vec<u8>>,
    new: Option<Vec<u8>>,
}

impl Comparison {
    fn add(&mut self, pair: &Pair<'_>, context: usize) {
        if pair.old == pair.new {
            return;
        }
        let change = match (&pair.old, &pair.new) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        };
        let mut file = Different { path: pair.path.to_owned(), change, added: 0, removed: 0, binary: false };
        match (text(pair.old.as_ref()), text(pair.new.as_ref())) {
            (Some(old), Some(new)) => {
                let diff = TextDiff::from_lines(old, new);
                for one in diff.iter_all_changes() {
                    file.added += usize::from(one.tag() == ChangeTag::Insert);
                    file.removed += usize::from(one.tag() == ChangeTag::Delete);
                }
                let header = (header("a/", pair.name, pair.old.is_some()), header("b/", pair.name, pair.new.is_some()));
                let mut text = diff.unified_diff().context_radius(context).header(&header.0, &header.1).to_string();
                if text.is_empty() {
                    // A file without a line that comes or goes has a header only.
                    text = format!("--- {}\n+++ {}\n", header.0, header.1);
                }
                if self.diff.len() + text.len() > MAX_DIFF_BYTES {
                    self.truncated = true;
                } else {
                    self.diff.push_str(&text);
                }
            }
            _ => file.binary = true,
        }
        self.files.push(file);
    }
}

fn header(prefix: &str, name: &str, there: bool) -> String {
    if there { format!("{prefix}{name}") } else { "/dev/null".to_owned() }
}

fn text(bytes: Option<&Vec<u8>>) -> Option<&str> {
    let bytes = bytes.map_or(&[][..], Vec::as_slice);
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn load(path: &Path) -> Result<Option<Vec<u8>>> {
    granted::load(path, MAX_BYTES).map(Some)
}

fn is_directory(path: &Path) -> Result<bool> {
    Ok(std::fs::metadata(path).map_err(|error| granted::path::explain(path, error))?.is_dir())
}
