//! The times of directories in which a plan changes names: an undo sets them back where nobody else changed anything there.
//!
//! They are no part of the plan, and nothing relies on them: a commit or an undo that was cut off in the middle and is finished
//! later leaves directories with the time at which that was.

use std::collections::BTreeSet;

use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, fstat, utimensat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::super::identity::Identity;
use super::super::path::RelPath;
use super::super::view::open_exact;
use super::execute::{Prepared, parents};
use super::open::OpenArea;

/// A directory, and its time before the plan and after it: seconds and nanoseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DirectoryTimes {
    area: usize,
    path: RelPath,
    identity: Identity,
    before: (i64, i64),
    after: (i64, i64),
}

impl Prepared {
    /// The directories that are about to change, with their times as they are. One that cannot be looked at is left out.
    pub(super) fn directories(&self) -> Vec<DirectoryTimes> {
        let mut all = Vec::new();
        for (number, (area, open)) in self.plan.areas.iter().zip(&self.areas).enumerate() {
            let paths: BTreeSet<RelPath> = area.steps.iter().flat_map(parents).collect();
            for path in paths {
                if let Ok((identity, before)) = look(open, &path) {
                    all.push(DirectoryTimes { area: number, path, identity, before, after: before });
                }
            }
        }
        all
    }

    /// Those that are still there, with their times as the plan left them.
    pub(super) fn left_of(&self, directories: Vec<DirectoryTimes>) -> Vec<DirectoryTimes> {
        let left = |directory: DirectoryTimes| Some(DirectoryTimes { after: self.time_of(&directory)?, ..directory });
        directories.into_iter().filter_map(left).collect()
    }

    /// Those in which nothing happened since.
    pub(super) fn untouched<'a>(&self, directories: &'a [DirectoryTimes]) -> Vec<&'a DirectoryTimes> {
        directories.iter().filter(|directory| self.time_of(directory) == Some(directory.after)).collect()
    }

    /// Sets the times of before. Where that is refused they stay.
    pub(super) fn set_back(&self, directories: &[&DirectoryTimes]) {
        for directory in directories.iter().filter(|directory| self.time_of(directory).is_some()) {
            let Some(open) = self.areas.get(directory.area) else { continue };
            let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
            let modified = Timespec { tv_sec: directory.before.0, tv_nsec: directory.before.1 };
            let times = Timestamps { last_access: omit, last_modification: modified };
            let set = open_directory(open, &directory.path).and_then(|fd| utimensat(fd, ".", &times, AtFlags::empty()));
            if let Err(error) = set {
                tracing::debug!(%error, "a directory keeps the time of an undo");
            }
        }
    }

    /// Its time now, if it is still the same one.
    fn time_of(&self, directory: &DirectoryTimes) -> Option<(i64, i64)> {
        let (identity, time) = look(self.areas.get(directory.area)?, &directory.path).ok()?;
        (identity == directory.identity).then_some(time)
    }
}

fn look(open: &OpenArea, path: &RelPath) -> Result<(Identity, (i64, i64)), Errno> {
    let stat = fstat(open_directory(open, path)?)?;
    Ok((Identity::of(&stat), (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0))))
}

fn open_directory(open: &OpenArea, path: &RelPath) -> Result<std::os::fd::OwnedFd, Errno> {
    open_exact(&open.base, path.as_str(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
}
