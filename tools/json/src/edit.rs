//! `edit`: a part of a JSON file, by JSON Patch or JSON Merge Patch, with the layout of the file kept.

use granted::Existing;
use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::{Map, from_str};

use crate::format::Layout;
use crate::patch::apply;

/// Largest file that is edited.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// What changed.
#[output]
pub(crate) struct Edited {
    /// False if the file says already what it should.
    changed: bool,
    /// Size of the file in bytes.
    bytes: usize,
}

/// Changes parts of a JSON file by a JSON Patch (RFC 6902) or a JSON Merge Patch (RFC 7396): all or nothing. Order of keys,
/// indentation and the newline at the end stay.
#[tool(
    title = "Edit a JSON file",
    hints(destructive),
    needs(read("/**", "reads the file it is asked to edit"), write("/**", "writes the file it is asked to edit"))
)]
pub(crate) fn edit(
    /// Absolute path of the file.
    path: String,
    /// Operations, such as `{"op": "replace", "path": "/name", "value": "new"}`. Give either these or `merge`.
    patch: Option<Vec<Map<String, Value>>>,
    /// What to put over the document: its keys replace those of the document, `null` removes them.
    merge: Option<Map<String, Value>>,
) -> Result<Edited> {
    let path = granted::path::check(&path)?;
    let text = granted::load_text(path, MAX_BYTES)?;
    let before: Value = from_str(&text)
        .map_err(|problem| Error::invalid_args(format!("`{}` is not JSON: {problem}", path.display())))?;
    let mut value = before.clone();
    match (patch, merge) {
        (Some(patch), None) => apply(&mut value, patch)?,
        (None, Some(merge)) => json_patch::merge(&mut value, &Value::Object(merge)),
        _ => return Err(Error::invalid_args("give either `patch` or `merge`")),
    }
    if value == before {
        return Ok(Edited { changed: false, bytes: text.len() });
    }
    let text = Layout::of(&text).print(&value)?;
    granted::store(path, text.as_bytes(), Existing::Replace)?;
    Ok(Edited { changed: true, bytes: text.len() })
}
