//! `mkdir`: a directory, with its parents.

use std::fs;

use toolhold_sdk::prelude::*;

use crate::path;

/// What was made.
#[output]
pub(crate) struct Made {
    /// False if the directory was there before.
    created: bool,
}

/// Creates a directory and its missing parents. A directory that exists is left as it is.
#[tool(
    title = "Create a directory",
    hints(additive, idempotent),
    needs(read("/**", "sees whether the directory exists"), write("/**", "creates the directory it is asked for"))
)]
pub(crate) fn mkdir(
    /// Absolute path of the directory.
    path: String,
) -> Result<Made> {
    let path = path::check(&path)?;
    if path.is_dir() {
        return Ok(Made { created: false });
    }
    if path::exists(path) {
        return Err(Error::invalid_args(format!(
            "`{}` exists and is not a directory; choose another name",
            path.display()
        )));
    }
    fs::create_dir_all(path).map_err(|error| path::explain(path, error))?;
    Ok(Made { created: true })
}
