//! Changes of files as a unified diff.

use similar::{ChangeTag, TextDiff};
use toolhold_sdk::prelude::*;

use crate::object::{Entry, Mode};
use crate::repository::Repository;
use crate::tree::Change;

/// Bytes of all diffs together.
const MAX_BYTES: usize = 256 * 1024;
/// Bytes of a file that is compared line by line.
const MAX_FILE: usize = 2 * 1024 * 1024;
/// Lines of context.
const CONTEXT: usize = 3;

/// A file that differs.
#[output]
#[derive(Debug)]
pub(crate) struct ChangedFile {
    /// Its path.
    path: String,
    /// `added`, `deleted`, `changed`, or `kind` if only what it is (a file, executable, a link, a submodule) changed.
    change: &'static str,
    /// Lines added; nothing for what is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<usize>,
    /// Lines removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<usize>,
}

/// Files that differ, and how.
#[output]
#[derive(Debug, Default)]
pub(crate) struct Patch {
    /// The files, sorted.
    pub(crate) files: Vec<ChangedFile>,
    /// Unified diff of those that are texts.
    pub(crate) diff: String,
    /// True if the diff lacks files for which there was no room: give `path`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub(crate) truncated: bool,
}

/// The diff of changes.
///
/// # Errors
/// An object cannot be read.
pub(crate) fn of(repository: &Repository, changes: &[Change]) -> Result<Patch> {
    let mut patch = Patch::default();
    for change in changes {
        patch.add(repository, change)?;
    }
    Ok(patch)
}

impl Patch {
    fn add(&mut self, repository: &Repository, change: &Change) -> Result<()> {
        let word = match (&change.old, &change.new) {
            (None, _) => "added",
            (_, None) => "deleted",
            (Some(old), Some(new)) if old.oid == new.oid => "kind",
            _ => "changed",
        };
        let mut file = ChangedFile { path: change.path.clone(), change: word, added: None, removed: None };
        if let (Some(old), Some(new)) = (text(repository, change.old.as_ref())?, text(repository, change.new.as_ref())?)
        {
            let diff = TextDiff::from_lines(&old, &new);
            let count = |wanted| diff.iter_all_changes().filter(|one| one.tag() == wanted).count();
            (file.added, file.removed) = (Some(count(ChangeTag::Insert)), Some(count(ChangeTag::Delete)));
            let name = |prefix: &str, there: bool| {
                if there { format!("{prefix}{}", change.path) } else { "/dev/null".to_owned() }
            };
            let header = (name("a/", change.old.is_some()), name("b/", change.new.is_some()));
            let text = diff.unified_diff().context_radius(CONTEXT).header(&header.0, &header.1).to_string();
            if self.diff.len() + text.len() > MAX_BYTES {
                self.truncated = true;
            } else {
                self.diff.push_str(&text);
            }
        }
        self.files.push(file);
        Ok(())
    }
}

/// The text of an entry; empty where there is none, nothing for what is no text or too large.
fn text(repository: &Repository, entry: Option<&Entry>) -> Result<Option<String>> {
    let Some(entry) = entry else { return Ok(Some(String::new())) };
    if entry.mode == Mode::Submodule {
        return Ok(Some(format!("Subproject commit {}\n", entry.oid)));
    }
    let found = repository.store.get(entry.oid)?;
    if found.bytes.len() > MAX_FILE || found.bytes.contains(&0) {
        return Ok(None);
    }
    Ok(String::from_utf8(found.bytes.clone()).ok())
}
