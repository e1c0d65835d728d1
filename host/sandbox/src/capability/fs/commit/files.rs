//! The files of a plan: which there are, whether they are there, and how they go.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::super::WORKSPACE;
use super::super::overlay::{file_name, plan_of};
use super::execute::Prepared;
use super::plan::{Area, CommitError, Plan, Step, Workspace};
use super::step::half_of;

/// Which files of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Those that it puts on the disk.
    New,
    /// Those that it took from there.
    Old,
}

impl Area {
    /// The files that it names. One that is taken and put elsewhere is named twice.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().flat_map(Step::files)
    }

    /// The files of one side that are in the workspace before all is done, or after.
    fn waiting(&self, side: Side) -> HashSet<&str> {
        let mut waiting = HashSet::new();
        let mut passing = HashSet::new();
        for step in &self.steps {
            match (side, step) {
                (Side::New, Step::Overwrite { from: file, .. })
                | (Side::Old, Step::Overwrite { saved: file, .. })
                | (_, Step::Exchange { with: file, .. })
                | (Side::New, Step::Put { from: file, .. })
                | (Side::Old, Step::Take { to: file, .. }) => waiting.insert(file.as_str()),
                // Taken from one place and put to another one: the workspace has it in between only.
                (Side::New, Step::Take { to: file, .. }) | (Side::Old, Step::Put { from: file, .. }) => {
                    passing.insert(file.as_str())
                }
                _ => false,
            };
        }
        waiting.retain(|file| !passing.contains(file));
        waiting
    }
}

impl Prepared {
    /// Checks that every file of that side is where it waits.
    pub(super) fn has(&self, side: Side) -> Result<(), CommitError> {
        let is_gone = |work: &super::workspace::Work, name: &str| matches!(work.stamp(name), Ok(None));
        let mut pairs = self.plan.areas.iter().zip(&self.areas);
        if pairs.any(|(area, open)| area.waiting(side).into_iter().any(|name| is_gone(&open.work, name))) {
            return Err(CommitError::Gone(self.plan.name.clone()));
        }
        Ok(())
    }
}

impl Plan {
    /// The files that it has in the directory that plans share.
    pub(super) fn shared_files(&self) -> impl Iterator<Item = &str> {
        self.areas.iter().filter(|area| area.workspace == Workspace::Shared).flat_map(Area::files)
    }

    /// Removes what the plan put on the disk and took from it. It can then be neither done nor undone.
    ///
    /// # Errors
    ///
    /// Something could not be removed.
    pub fn discard(&self, staging: &Path) -> io::Result<()> {
        let half = |step: &Step| match step {
            Step::Overwrite { saved, .. } => Some(half_of(saved)),
            _ => None,
        };
        for area in &self.areas {
            match area.workspace {
                Workspace::Own => remove(&staging.join(&self.name))?,
                Workspace::Beside => remove(&area.host.join(WORKSPACE).join(&self.name))?,
                Workspace::Shared => {
                    let path = |name: &str| -> PathBuf { staging.join(file_name(&self.name, name)) };
                    area.files().try_for_each(|name| remove(&path(name)))?;
                    area.steps.iter().filter_map(half).try_for_each(|name| remove(&path(&name)))?;
                }
            }
        }
        Ok(())
    }
}

/// Removes what no plan needs from the directory that plans share, and tells what it was and what stayed in spite of it.
///
/// # Errors
///
/// The directory cannot be read. One that is not there is empty.
pub fn sweep(staging: &Path, is_needed: impl Fn(&str) -> bool) -> io::Result<Vec<(PathBuf, io::Result<()>)>> {
    let entries = match std::fs::read_dir(staging) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut swept = Vec::new();
    for entry in entries {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        // A name that is no text is of nothing that was made here.
        if !name.to_str().is_some_and(|name| is_needed(plan_of(name))) {
            let removed = remove(&path);
            swept.push((path, removed));
        }
    }
    Ok(swept)
}

/// Removes a file, link or directory with all that is in it, if it is there. Follows no link.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => std::fs::remove_dir_all(path),
        removed => removed,
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
