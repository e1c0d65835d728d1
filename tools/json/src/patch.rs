//! `patch`, `merge`, `diff`: changes of a document as documents.

use json_patch::PatchOperation;
use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::{Map, from_value, to_value};

use crate::document::{self, Document};

/// A changed document.
#[output]
pub(crate) struct Changed {
    /// The document after.
    value: Value,
    /// True if it is another than before.
    changed: bool,
}

/// A comparison.
#[output]
pub(crate) struct Comparison {
    /// True if there is no difference.
    identical: bool,
    /// JSON Patch (RFC 6902) that makes the second of the first.
    patch: Value,
}

/// Applies a JSON Patch (RFC 6902) to a document and returns the result: all operations or none. To change a file use `edit`.
#[tool(
    title = "Apply a JSON Patch",
    hints(read_only, idempotent),
    needs(read("/**", "reads the file it is asked to patch"))
)]
pub(crate) fn patch(
    /// Exactly one of `value`, `text` and `path`.
    document: Document,
    /// Operations, such as `{"op": "replace", "path": "/name", "value": "new"}`.
    patch: Vec<Map<String, Value>>,
) -> Result<Changed> {
    let before = document.value()?;
    let mut value = before.clone();
    apply(&mut value, patch)?;
    Ok(Changed { changed: value != before, value: document::bounded(value)? })
}

/// Applies a JSON Merge Patch (RFC 7396) to a document and returns the result: keys of the patch replace those of the
/// document, `null` removes them. To change a file use `edit`.
#[tool(
    title = "Apply a JSON Merge Patch",
    hints(read_only, idempotent),
    needs(read("/**", "reads the file it is asked to patch"))
)]
pub(crate) fn merge(
    /// Exactly one of `value`, `text` and `path`.
    document: Document,
    /// What to put over it.
    merge: Map<String, Value>,
) -> Result<Changed> {
    let before = document.value()?;
    let mut value = before.clone();
    json_patch::merge(&mut value, &Value::Object(merge));
    Ok(Changed { changed: value != before, value: document::bounded(value)? })
}

/// Compares two documents by value, whatever their layout and order of keys, and returns a JSON Patch from one to the other.
#[tool(
    title = "Compare JSON",
    hints(read_only, idempotent),
    needs(read("/**", "reads the files it is asked to compare"))
)]
pub(crate) fn diff(
    /// Before: exactly one of `value`, `text` and `path`.
    old: Document,
    /// After: exactly one of `value`, `text` and `path`.
    new: Document,
) -> Result<Comparison> {
    let (old, new) = (old.value()?, new.value()?);
    let patch = to_value(json_patch::diff(&old, &new))?;
    Ok(Comparison { identical: old == new, patch: document::bounded(patch)? })
}

/// Applies operations: all or none.
///
/// # Errors
/// `invalid-args` that names the operation.
pub(crate) fn apply(document: &mut Value, patch: Vec<Map<String, Value>>) -> Result<()> {
    let mut operations: Vec<PatchOperation> = Vec::with_capacity(patch.len());
    for (index, operation) in patch.into_iter().enumerate() {
        let read = from_value(Value::Object(operation));
        operations.push(read.map_err(|problem| {
            Error::invalid_args(format!("nothing was changed: operation {} of `patch`: {problem}", index + 1))
        })?);
    }
    json_patch::patch(document, &operations).map_err(|problem| {
        Error::invalid_args(format!(
            "nothing was changed: operation {} of `patch`, at `{}`: {}",
            problem.operation + 1,
            problem.path,
            problem.kind
        ))
    })
}
