//! `move`: renames a file or directory, across granted directories too.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use toolhold_sdk::prelude::*;

use crate::copy::{check_target, copy_tree};
use crate::delete::delete_tree;
use crate::path;

/// What moved.
#[output]
pub(crate) struct Moved {
    /// True if something at the new path was replaced.
    replaced: bool,
}

/// Moves or renames a file or directory.
#[tool(
    name = "move",
    title = "Move or rename",
    hints(destructive),
    needs(read("/**", "sees what it is asked to move"), write("/**", "moves what it is asked to move"))
)]
pub(crate) fn move_path(
    /// Absolute path of what to move.
    from: String,
    /// Absolute new path, with its new name; not the directory to move into.
    to: String,
    /// Replace a file that is there already.
    #[serde(default)]
    overwrite: bool,
    /// Create missing directories.
    #[serde(default)]
    create_parents: bool,
) -> Result<Moved> {
    let (from, to) = (path::check(&from)?, path::check(&to)?);
    if path::is_granted_root(from) {
        return Err(Error::invalid_args(format!(
            "`{}` is a granted directory itself; move what it contains",
            from.display()
        )));
    }
    fs::symlink_metadata(from).map_err(|error| path::explain(from, error))?;
    check_target(from, to, overwrite)?;
    if create_parents {
        path::create_parents(to)?;
    }
    let replaced = path::exists(to);
    rename(from, to)?;
    Ok(Moved { replaced })
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            let copied = copy_tree(from, to)?;
            if copied.skipped_links > 0 {
                return Err(Error::failed(format!(
                    "copied to `{}`, but `{}` contains links that cannot be moved there, so it was kept",
                    to.display(),
                    from.display()
                )));
            }
            delete_tree(from).map(drop)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(path::explain(to, error)),
        other => other.map_err(|error| path::explain(from, error)),
    }
}
