//! `apply`: a unified diff on the files of a directory, all or nothing.
//!
//! A hunk goes where its lines say, or, if the file has moved, to the one other place where all its lines are. Never to a
//! place that only resembles it: there is no fuzz. What a patch names is below the directory or is refused.

use std::fs;
use std::path::{Path, PathBuf};

use granted::Existing;
use toolhold_sdk::prelude::*;

use crate::side;

mod hunk;
mod parse;

use parse::FilePatch;

/// Bytes of a patch.
const MAX_PATCH_BYTES: usize = 4 * 1024 * 1024;
/// Problems named in an error.
const NAMED: usize = 5;

/// What became of a file.
#[output]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was made.
    Created,
    /// It was changed.
    Changed,
    /// It was deleted.
    Deleted,
}

/// One file of the patch.
#[output]
#[derive(Debug)]
pub(crate) struct Patched {
    /// Its path.
    path: String,
    /// What became of it.
    outcome: Outcome,
    /// Hunks that were applied.
    hunks: usize,
    /// Hunks that were not at the line that they say, but where all their lines are.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(default)]
    moved: usize,
}

/// What was done.
#[output]
#[derive(Debug)]
pub(crate) struct Applied {
    /// The files, in the order of the patch.
    files: Vec<Patched>,
}

/// What is to be written, once all of the patch is known to fit.
struct Planned {
    path: PathBuf,
    /// The new text; `None` to delete.
    text: Option<String>,
    existing: Existing,
    patched: Patched,
}

/// Applies a unified diff (also as git prints it) to the files of a directory: creates, changes and deletes them. If one hunk does
/// not fit, nothing is changed, and the error names each hunk with what the file has there.
#[tool(
    title = "Apply a patch",
    hints(destructive),
    needs(read("/**", "reads the files that the patch names"), write("/**", "changes the files that the patch names"))
)]
pub(crate) fn apply(
    /// The patch: `--- a/name`, `+++ b/name`, hunks with `@@ -line,count +line,count @@`.
    patch: String,
    /// Absolute path of the directory to which the paths of the patch are relative.
    directory: String,
    /// Apply it backwards: what it added is removed.
    #[serde(default)]
    reverse: bool,
) -> Result<Applied> {
    if patch.len() > MAX_PATCH_BYTES {
        return Err(Error::invalid_args(format!("`patch` has more than {MAX_PATCH_BYTES} bytes; apply it in parts")));
    }
    let directory = granted::path::check(&directory)?;
    let files = parse::parse(&patch)?;
    let (mut plan, mut problems) = (Vec::<Planned>::new(), Vec::new());
    for file in files {
        let file = if reverse { file.reversed() } else { file };
        match plan_one(&file, directory, &plan) {
            Ok(planned) => plan.push(planned),
            Err(error) => problems.push(error),
        }
    }
    if let Some(first) = problems.first() {
        let more = problems.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("\nand {more} more files") } else { String::new() };
        let words: Vec<&str> = problems.iter().take(NAMED).map(Error::message).collect();
        let message = format!("nothing was changed:\n{}{more}", words.join("\n"));
        return Err(match first {
            Error::Denied(_) => Error::Denied(message),
            Error::NotFound(_) => Error::NotFound(message),
            _ => Error::InvalidArgs(message),
        });
    }
    for planned in &plan {
        carry_out(planned)?;
    }
    Ok(Applied { files: plan.into_iter().map(|planned| planned.patched).collect() })
}

fn plan_one(file: &FilePatch, directory: &Path, earlier: &[Planned]) -> Result<Planned> {
    let name = file.path()?;
    let path = directory.join(&name);
    let shown = path.display().to_string();
    if earlier.iter().any(|planned| planned.path == path) {
        return Err(Error::invalid_args(format!("`{shown}`: the patch names it twice")));
    }
    refuse_links(&path, directory)?;
    let patched = |outcome, hunks, moved| Patched { path: shown.clone(), outcome, hunks, moved };
    if file.creates() {
        if granted::path::exists(&path) {
            return Err(Error::invalid_args(format!("`{shown}`: the patch creates it, but it is there already")));
        }
        let (text, _) = hunk::apply_all("", &file.hunks).map_err(|error| error.context(format!("`{shown}`")))?;
        let patched = patched(Outcome::Created, file.hunks.len(), 0);
        return Ok(Planned { path, text: Some(text), existing: Existing::Keep, patched });
    }
    let before = side::load(&path)?;
    let (text, moved) = hunk::apply_all(&before, &file.hunks).map_err(|error| error.context(format!("`{shown}`")))?;
    if file.deletes() {
        if !text.is_empty() {
            return Err(Error::invalid_args(format!(
                "`{shown}`: the patch deletes it, but it has lines that the patch does not"
            )));
        }
        return Ok(Planned {
            path,
            text: None,
            existing: Existing::Replace,
            patched: patched(Outcome::Deleted, file.hunks.len(), moved),
        });
    }
    let patched = patched(Outcome::Changed, file.hunks.len(), moved);
    Ok(Planned { path, text: Some(text), existing: Existing::Replace, patched })
}

/// A name that leads through a link is not the file that the patch means.
fn refuse_links(path: &Path, directory: &Path) -> Result<()> {
    for step in path.ancestors().take_while(|step| *step != directory) {
        if fs::symlink_metadata(step).is_ok_and(|there| there.is_symlink()) {
            return Err(Error::denied(format!(
                "`{}` is a link; patches are not applied through links",
                step.display()
            )));
        }
    }
    Ok(())
}

fn carry_out(planned: &Planned) -> Result<()> {
    let Some(text) = &planned.text else {
        return fs::remove_file(&planned.path).map_err(|error| granted::path::explain(&planned.path, error));
    };
    if planned.existing == Existing::Keep {
        granted::path::create_parents(&planned.path)?;
    }
    granted::store(&planned.path, text.as_bytes(), planned.existing)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
