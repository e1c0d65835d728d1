//! `delete`: a file or link, or a directory if that was said. Looks at everything before the first removal.

use std::fs;
use std::path::Path;

use toolhold_sdk::prelude::*;

use crate::ignore::Globs;
use crate::path;
use crate::walk::{self, Flow, Ignored, Options, Visit};

/// What was deleted.
#[output]
pub(crate) struct Deleted {
    /// Files, directories and links.
    deleted: usize,
}

/// Deletes a file or link, or a directory with everything in it if `recursive` is set. A link's target is not touched.
#[tool(
    title = "Delete",
    hints(destructive),
    needs(
        read("/**", "lists the directory it is asked to delete"),
        write("/**", "deletes what it is asked to delete")
    )
)]
pub(crate) fn delete(
    /// Absolute path.
    path: String,
    /// Needed for a directory: delete everything in it too.
    #[serde(default)]
    recursive: bool,
) -> Result<Deleted> {
    let path = path::check(&path)?;
    if path::is_granted_root(path) {
        return Err(Error::invalid_args(format!(
            "`{}` is a granted directory itself; delete what it contains",
            path.display()
        )));
    }
    let metadata = fs::symlink_metadata(path).map_err(|error| path::explain(path, error))?;
    if metadata.is_dir() && !recursive {
        let count = walk::entries(path).map_or(0, |entries| entries.len());
        return Err(Error::invalid_args(format!(
            "`{}` is a directory with {count} entries; set `recursive` to delete all of it",
            path.display()
        )));
    }
    Ok(Deleted { deleted: delete_tree(path)? })
}

/// Deletes a file, a link or a whole directory, and counts.
///
/// # Errors
/// As the host says of the first path that failed. A directory that cannot be seen in full is left alone.
pub(crate) fn delete_tree(path: &Path) -> Result<usize> {
    let metadata = fs::symlink_metadata(path).map_err(|error| path::explain(path, error))?;
    if !metadata.is_dir() {
        fs::remove_file(path).map_err(|error| path::explain(path, error))?;
        return Ok(1);
    }
    let mut found: Vec<(std::path::PathBuf, bool)> = Vec::new();
    let everything =
        Options { depth: usize::MAX, hidden: true, ignore: Globs::new::<&str>(&[])?, ignored: Ignored::Visit };
    let outcome = walk::walk(path, &everything, |visit: &Visit| {
        found.push((visit.path.clone(), visit.kind.is_dir()));
        Ok(Flow::Continue)
    })?;
    if outcome.stopped || outcome.unreadable > 0 {
        let advice = "delete its parts one by one";
        return Err(Error::failed(format!(
            "`{}` is too large, or parts of it cannot be read, so nothing was deleted; {advice}",
            path.display()
        )));
    }
    // Directories were visited before their contents, so the reverse order empties them first.
    for (path, is_directory) in found.iter().rev() {
        let removed = if *is_directory { fs::remove_dir(path) } else { fs::remove_file(path) };
        removed.map_err(|error| path::explain(path, error))?;
    }
    fs::remove_dir(path).map_err(|error| path::explain(path, error))?;
    Ok(found.len() + 1)
}
