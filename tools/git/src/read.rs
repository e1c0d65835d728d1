//! `read`: a file or a directory as it was in a commit.

use toolhold_sdk::prelude::*;

use crate::object::Mode;
use crate::repository::Repository;
use crate::{revision, tree};

/// Bytes of a text.
const MAX_BYTES: usize = 256 * 1024;
/// Entries of a directory.
const MAX_ENTRIES: usize = 5000;

/// What was at a path.
#[output]
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// The text of a file, or where a link leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The names in a directory, those of directories with `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<Vec<String>>,
    /// Bytes of the file.
    bytes: usize,
    /// True if only the beginning is here.
    truncated: bool,
}

/// Reads a file, or lists a directory, as it was in a commit of a git repository.
#[tool(title = "Read at a commit", hints(read_only, idempotent), needs(read("/**", "reads the repository")))]
pub(crate) fn read(
    /// Absolute path of the working directory or of a bare repository.
    repository: String,
    /// Path of the file or directory, relative to the repository; its root if left out.
    #[serde(default)]
    path: String,
    /// The commit: `HEAD`, a branch, a tag, a commit, `main~3`; `HEAD` if left out.
    revision: Option<String>,
) -> Result<Content> {
    let repository = Repository::open(&repository)?;
    let name = revision.as_deref().unwrap_or("HEAD");
    let commit = repository.commit(revision::commit(&repository, name)?)?;
    let entry = tree::at(&repository, commit.tree, &path)?.ok_or_else(|| {
        Error::not_found(format!("there is no `{path}` in `{name}`; `read` without it lists what there is"))
    })?;
    match entry.mode {
        Mode::Submodule => Err(Error::invalid_args(format!("`{path}` is commit {} of another repository", entry.oid))),
        Mode::Directory => {
            let entries = tree::entries(&repository, entry.oid)?;
            let truncated = entries.len() > MAX_ENTRIES;
            let mark = |mode| if mode == Mode::Directory { "/" } else { "" };
            let names =
                entries.into_iter().take(MAX_ENTRIES).map(|entry| format!("{}{}", entry.name, mark(entry.mode)));
            Ok(Content { entries: Some(names.collect()), truncated, ..Content::default() })
        }
        Mode::File | Mode::Executable | Mode::Link => {
            let found = repository.store.get(entry.oid)?;
            let text = std::str::from_utf8(&found.bytes).ok().filter(|text| !text.contains('\0'));
            let bytes = found.bytes.len();
            let text = text.ok_or_else(|| Error::invalid_args(format!("`{path}` is binary, of {bytes} bytes")))?;
            let shown = text.get(..text.floor_char_boundary(MAX_BYTES)).unwrap_or(text);
            Ok(Content { text: Some(shown.to_owned()), bytes, truncated: shown.len() < bytes, ..Content::default() })
        }
    }
}
