//! The files below a directory, by their paths below it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use toolhold_sdk::prelude::*;

/// Files compared at most.
const MAX_FILES: usize = 10_000;
/// Directories within each other.
const MAX_DEPTH: usize = 64;

/// All files below `root`, sorted. Links are not followed and not among them.
///
/// # Errors
/// As the host says of the first that cannot be read, or there are too many.
pub(crate) fn files(root: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    walk(root, "", &mut found, 0)?;
    Ok(found)
}

fn walk(directory: &Path, prefix: &str, found: &mut BTreeSet<String>, depth: usize) -> Result<()> {
    let explain = |error| granted::path::explain(directory, error);
    if depth > MAX_DEPTH || found.len() > MAX_FILES {
        return Err(Error::failed(format!("more than {MAX_FILES} files or {MAX_DEPTH} directories within each other")));
    }
    for child in fs::read_dir(directory).map_err(explain)? {
        let child = child.map_err(explain)?;
        let kind = child.file_type().map_err(explain)?;
        let name = format!("{prefix}{}", child.file_name().to_string_lossy());
        if kind.is_dir() {
            walk(&child.path(), &format!("{name}/"), found, depth + 1)?;
        } else if kind.is_file() {
            found.insert(name);
        }
    }
    Ok(())
}
