//! `edit`: exact replacements, all or none, and a diff of what changed.
//!
//! An edit that could mean two places is refused: a model that meant line 12 must not change line 40. Line endings, byte
//! order mark and the missing newline at the end stay as they were.

use std::fs;
use std::path::Path;

use toolhold_sdk::prelude::*;

use crate::diff::{self, Diff};
use crate::path;
use crate::write::{Mode, store};

mod nearest;
mod replace;

/// Largest file that is edited; it is held in memory more than once.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Byte order mark of UTF-8.
const MARK: char = '\u{FEFF}';

/// One replacement.
#[args]
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    /// Text that is in the file, exactly, with enough around it to be there only once.
    pub(crate) old: String,
    /// Text to put there instead.
    pub(crate) new: String,
    /// Replace every occurrence.
    #[serde(default)]
    pub(crate) replace_all: bool,
}

/// What changed.
#[output]
#[derive(Debug)]
pub(crate) struct Edited {
    /// Places that were replaced.
    replacements: usize,
    /// Size of the file in bytes.
    bytes: u64,
    #[serde(flatten)]
    diff: Diff,
}

/// Replaces exact pieces of a UTF-8 text file and returns a diff. Edits apply one after another, all or none. A piece that
/// is missing, or is there more than once without `replace_all`, is an error that says where to look.
#[tool(
    title = "Edit a file",
    hints(destructive),
    needs(read("/**", "reads the file it is asked to edit"), write("/**", "writes the file it is asked to edit"))
)]
pub(crate) fn edit(
    /// Absolute path of the file.
    path: String,
    /// Replacements, in this order.
    #[schemars(length(min = 1))]
    edits: Vec<Replacement>,
) -> Result<Edited> {
    let path = path::check(&path)?;
    if edits.is_empty() {
        return Err(Error::invalid_args("`edits` is empty; give at least one replacement"));
    }
    let original = load(path)?;
    let (text, mark) = match original.strip_prefix(MARK) {
        Some(text) => (text, true),
        None => (original.as_str(), false),
    };
    let (changed, replacements) =
        replace::all(text, &edits).map_err(|error| error.context(format!("`{}`", path.display())))?;
    let bytes = if mark { format!("{MARK}{changed}") } else { changed.clone() };
    if bytes != original {
        save(path, &bytes, &original)?;
    }
    Ok(Edited {
        replacements,
        bytes: bytes.len() as u64,
        diff: diff::unified(&path.display().to_string(), text, &changed),
    })
}

fn load(path: &Path) -> Result<String> {
    let metadata = fs::metadata(path).map_err(|error| path::explain(path, error))?;
    if metadata.len() > MAX_BYTES {
        let message =
            format!("`{}` has {} bytes; `edit` takes files up to {MAX_BYTES}", path.display(), metadata.len());
        return Err(Error::invalid_args(message));
    }
    let bytes = fs::read(path).map_err(|error| path::explain(path, error))?;
    let not_text =
        |_| Error::invalid_args(format!("`{}` is not UTF-8 text; replace it as a whole with `write`", path.display()));
    String::from_utf8(bytes).map_err(not_text)
}

/// Writes the new text; if that fails half-way, what was there before is put back as well as the host lets us.
fn save(path: &Path, text: &str, original: &str) -> Result<()> {
    store(path, text.as_bytes(), Mode::Overwrite).inspect_err(|_| {
        let changed = fs::metadata(path).is_ok_and(|metadata| metadata.len() != original.len() as u64);
        if changed && let Err(again) = store(path, original.as_bytes(), Mode::Overwrite) {
            error!("`{}` is incomplete: {again}", path.display());
        }
    })
}
