//! Paths as a model writes them, and failures in words that tell it what to do next: the nearest name that exists, the
//! parent that is missing, the directories that are granted.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use toolhold_sdk::prelude::*;

/// Names listed in a "does not exist" message.
const SUGGESTIONS: usize = 3;
/// Directory entries looked at for a suggestion; a huge directory is not worth it.
const SUGGESTION_POOL: usize = 1000;

/// Checks the form of a path: absolute, free of NUL. What it reaches is the host's business.
///
/// # Errors
/// `invalid-args` with a path that would do.
pub fn check(path: &str) -> Result<&Path> {
    if path.contains('\0') {
        return Err(Error::invalid_args("a path cannot contain a NUL character"));
    }
    if !path.starts_with('/') {
        let root = toolhold_sdk::directories().into_iter().next().unwrap_or_default();
        let proposal = format!("{}/{}", root.trim_end_matches('/'), path.trim_start_matches("./"));
        return Err(Error::invalid_args(format!(
            "`{path}` is not absolute; write `{proposal}` or another path below {}",
            granted()
        )));
    }
    Ok(Path::new(path))
}

/// What went wrong with `path`, with the next step.
#[must_use]
pub fn explain(path: &Path, error: io::Error) -> Error {
    let shown = path.display();
    match error.kind() {
        ErrorKind::NotFound => missing(path),
        ErrorKind::PermissionDenied => {
            Error::denied(format!("`{shown}`: the host denied access; granted are paths below {}", granted()))
        }
        ErrorKind::IsADirectory => Error::invalid_args(format!("`{shown}` is a directory; name a file")),
        ErrorKind::NotADirectory => {
            Error::invalid_args(format!("`{shown}`: a part of the path is a file, not a directory"))
        }
        _ => Error::from(error).context(format!("`{shown}`")),
    }
}

/// The granted directories as words.
#[must_use]
pub fn granted() -> String {
    let quoted: Vec<String> = toolhold_sdk::directories().iter().map(|path| format!("`{path}`")).collect();
    if quoted.is_empty() { "no directory at all".to_owned() } else { quoted.join(", ") }
}

/// Whether `path` is one of the granted directories, which are not for moving or deleting.
#[must_use]
pub fn is_granted_root(path: &Path) -> bool {
    path.parent().is_none() || toolhold_sdk::directories().iter().any(|root| Path::new(root) == path)
}

/// Whether a path lies below no granted directory, as far as its words tell.
#[must_use]
pub fn is_outside(path: &Path) -> bool {
    !toolhold_sdk::directories().iter().any(|root| path.starts_with(root))
}

/// Whether anything is there, a dangling link included.
#[must_use]
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Creates the missing parents of a path.
///
/// # Errors
/// What the host said of the first that could not be created.
pub fn create_parents(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) if !parent.is_dir() => fs::create_dir_all(parent).map_err(|error| explain(parent, error)),
        _ => Ok(()),
    }
}

fn missing(path: &Path) -> Error {
    let shown = path.display();
    if is_outside(path) {
        return Error::denied(format!("`{shown}` lies outside of what was granted: paths below {}", granted()));
    }
    let Some(parent) = path.parent() else { return Error::not_found(format!("`{shown}` does not exist")) };
    if !parent.is_dir() {
        let nearest = path.ancestors().skip(1).find(|ancestor| ancestor.is_dir()).unwrap_or(parent);
        return Error::not_found(format!(
            "`{shown}` does not exist, nor does its directory; `{}` does",
            nearest.display()
        ));
    }
    match similar_names(path, parent).as_slice() {
        [] => Error::not_found(format!("`{shown}` does not exist; its directory `{}` does", parent.display())),
        names => Error::not_found(format!("`{shown}` does not exist; did you mean {}?", names.join(" or "))),
    }
}

fn similar_names(path: &Path, parent: &Path) -> Vec<String> {
    let Some(wanted) = path.file_name().map(|name| name.to_string_lossy().to_lowercase()) else { return Vec::new() };
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut scored: Vec<(usize, String)> = entries
        .take(SUGGESTION_POOL)
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .map(|name| (strsim::damerau_levenshtein(&wanted, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= wanted.chars().count().div_ceil(3))
        .collect();
    scored.sort();
    scored.into_iter().take(SUGGESTIONS).map(|(_, name)| format!("`{}`", parent.join(name).display())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_gets_a_proposal() {
        let message = check("./notes/a.md").unwrap_err().message().to_owned();
        assert_eq!(message, "`./notes/a.md` is not absolute; write `/notes/a.md` or another path below `/`");
        assert!(check("/a\0b").is_err());
    }

    #[test]
    fn a_missing_file_gets_the_nearest_names() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["report.md", "Report.txt", "zebra"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let error = explain(&directory.path().join("reprot.md"), ErrorKind::NotFound.into());
        let proposal = format!("did you mean `{}`?", directory.path().join("report.md").display());
        assert!(error.message().ends_with(&proposal), "{error}");
        let error = explain(&directory.path().join("a/b/c"), ErrorKind::NotFound.into());
        assert!(error.message().contains("nor does its directory"), "{error}");
    }
}
