//! `copy`: a file, or a directory with everything in it.

use std::fs;
use std::path::Path;

use toolhold_sdk::prelude::*;

use crate::ignore::Globs;
use crate::path;
use crate::walk::{Flow, Ignored, Options, Visit, walk};

/// Files between two reports of progress.
const PROGRESS_EVERY: usize = 64;

/// What was copied.
#[output]
#[derive(Debug, Default)]
pub(crate) struct Copied {
    /// Files.
    pub(crate) files: usize,
    /// Their size together.
    pub(crate) bytes: u64,
    /// Symbolic links, which are not copied.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(default)]
    pub(crate) skipped_links: usize,
}

/// Copies a file, or a directory with everything in it. Symbolic links are left out.
#[tool(
    title = "Copy",
    hints(destructive, idempotent),
    needs(read("/**", "reads what it is asked to copy"), write("/**", "writes the copy"))
)]
pub(crate) fn copy(
    /// Absolute path of what to copy.
    from: String,
    /// Absolute path of the copy, with its name; not the directory to copy into.
    to: String,
    /// Replace a file that is there already.
    #[serde(default)]
    overwrite: bool,
    /// Create missing directories.
    #[serde(default)]
    create_parents: bool,
) -> Result<Copied> {
    let (from, to) = (path::check(&from)?, path::check(&to)?);
    fs::metadata(from).map_err(|error| path::explain(from, error))?;
    check_target(from, to, overwrite)?;
    if create_parents {
        path::create_parents(to)?;
    }
    copy_tree(from, to)
}

/// Refuses a target that would destroy more than was said.
///
/// # Errors
/// `invalid-args` or `failed` with the argument that would change it.
pub(crate) fn check_target(from: &Path, to: &Path, overwrite: bool) -> Result<()> {
    let shown = to.display();
    if to == from {
        return Err(Error::invalid_args(format!("`{shown}` is where it is already; choose another path")));
    }
    if to.starts_with(from) {
        return Err(within(to));
    }
    let Ok(there) = fs::symlink_metadata(to) else { return Ok(()) };
    if there.is_dir() {
        let inside = to.join(from.file_name().unwrap_or_default());
        return Err(Error::invalid_args(format!(
            "`{shown}` is a directory that exists; name the new path, such as `{}`",
            inside.display()
        )));
    }
    if !overwrite {
        return Err(Error::failed(format!("`{shown}` exists already; choose another name or set `overwrite`")));
    }
    if from.is_dir() {
        return Err(Error::invalid_args(format!(
            "`{shown}` is a file and cannot be replaced by a directory; `delete` it first"
        )));
    }
    Ok(())
}

fn within(to: &Path) -> Error {
    let shown = to.display();
    Error::invalid_args(format!("`{shown}` lies within what is to be moved or copied; choose another path"))
}

/// Copies a file, or a directory into one that does not exist yet.
///
/// # Errors
/// What would be copied onto or into itself, or as the host says of the first path that failed; what was copied before stays.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> Result<Copied> {
    let mut copied = Copied::default();
    if !from.is_dir() {
        // To open the one for writing would empty the other, which is the same file.
        if granted::is_same(from, to) {
            return Err(Error::invalid_args(format!(
                "`{}` is the same file as `{}` under another name; choose another path",
                to.display(),
                from.display()
            )));
        }
        copy_file(from, to, &mut copied)?;
        return Ok(copied);
    }
    if granted::is_within(to, from) {
        return Err(within(to));
    }
    fs::create_dir(to).map_err(|error| path::explain(to, error))?;
    let everything =
        Options { depth: usize::MAX, hidden: true, ignore: Globs::new::<&str>(&[])?, ignored: Ignored::Visit };
    let outcome = walk(from, &everything, |visit| copy_one(visit, to, &mut copied).map(|()| Flow::Continue))?;
    if outcome.stopped || outcome.unreadable > 0 {
        return Err(Error::failed(format!(
            "`{}` was copied in part: it is too large, or parts of it cannot be read",
            from.display()
        )));
    }
    Ok(copied)
}

fn copy_one(visit: &Visit, to: &Path, copied: &mut Copied) -> Result<()> {
    let target = to.join(&visit.relative);
    if visit.kind.is_dir() {
        return fs::create_dir(&target).map_err(|error| path::explain(&target, error));
    }
    if !visit.kind.is_file() {
        copied.skipped_links += 1;
        return Ok(());
    }
    copy_file(&visit.path, &target, copied)
}

fn copy_file(from: &Path, to: &Path, copied: &mut Copied) -> Result<()> {
    copied.bytes += fs::copy(from, to).map_err(|error| {
        if path::exists(from) && error.kind() != std::io::ErrorKind::NotFound {
            path::explain(from, error)
        } else {
            path::explain(to, error)
        }
    })?;
    copied.files += 1;
    if copied.files.is_multiple_of(PROGRESS_EVERY) {
        #[expect(clippy::cast_precision_loss, reason = "a count of files for people")]
        progress(copied.files as f64, None, "files copied");
    }
    Ok(())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
