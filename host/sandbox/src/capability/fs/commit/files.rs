//! The files of a plan: which there are, whether they are there, and how they go.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use super::super::WORKSPACE;
use super::super::base::Base;
use super::super::overlay::{file_name, plan_of};
use super::execute::Prepared;
use super::plan::{Area, CommitError, Plan, Step, Workspace};
use super::step::beside;

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
        let more = |step: &Step| match step {
            Step::Overwrite { saved, .. } => Some(beside(saved)),
            _ => None,
        };
        for area in &self.areas {
            match area.workspace {
                Workspace::Own => remove(&staging.join(&self.name))?,
                Workspace::Beside => remove(&beside_in(&area.host, &self.name))?,
                Workspace::Shared => {
                    let path = |name: &str| -> PathBuf { staging.join(file_name(&self.name, name)) };
                    area.files().try_for_each(|name| remove(&path(name)))?;
                    area.steps.iter().filter_map(more).flatten().try_for_each(|name| remove(&path(&name)))?;
                }
            }
        }
        self.forget_beside(staging)
    }

    /// Removes the directories that it has in what was granted.
    pub(super) fn discard_beside(&self, staging: &Path) -> io::Result<()> {
        let beside = self.areas.iter().filter(|area| area.workspace == Workspace::Beside);
        beside.map(|area| beside_in(&area.host, &self.name)).try_for_each(|path| remove(&path))?;
        self.forget_beside(staging)
    }

    fn forget_beside(&self, staging: &Path) -> io::Result<()> {
        match self.areas.iter().any(|area| area.workspace == Workspace::Beside) {
            true => remove(&staging.join(file_name(&self.name, BESIDE))),
            false => Ok(()),
        }
    }
}

/// What is written down of a plan before it gets a directory in what was granted, in the directory that plans share: where. A kill before
/// the plan itself is written down would leave that directory to nobody.
const BESIDE: &str = "beside";

fn beside_in(host: &Path, plan: &str) -> PathBuf {
    host.join(WORKSPACE).join(plan)
}

/// Notes that the plan is about to have a directory in `base`.
pub(super) fn note_beside(staging: &OwnedFd, plan: &str, base: &Base) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let note = openat(staging, file_name(plan, BESIDE), flags, Mode::from_raw_mode(0o600))?;
    // A path has no zero in it.
    let line = [base.host.as_os_str().as_bytes(), b"\0"].concat();
    File::from(note).write_all(&line).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// Removes the directories that a note tells of.
fn sweep_beside(note: &Path, plan: &str) -> io::Result<()> {
    let hosts = std::fs::read(note)?;
    // One that was not written to its end was written before anything was made.
    let whole = hosts.split_inclusive(|byte| *byte == 0).filter_map(|host| host.strip_suffix(b"\0"));
    whole.map(|host| beside_in(Path::new(OsStr::from_bytes(host)), plan)).try_for_each(|path| remove(&path))
}

/// Removes what no plan needs from the directory that plans share, and what is noted there to be elsewhere; tells what it was and what
/// stayed in spite of it.
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
        let plan = name.to_str().map(plan_of);
        if plan.is_some_and(&is_needed) {
            continue;
        }
        let noted = plan.filter(|plan| name.to_str() == Some(&file_name(plan, BESIDE)));
        let removed = noted.map_or(Ok(()), |plan| sweep_beside(&path, plan)).and_then(|()| remove(&path));
        swept.push((path, removed));
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
