//! Comparing the disk with what a plan relies on.

use rustix::fs::{Dir, Mode, OFlags, fstat};
use rustix::io::Errno;

use super::super::base::Base;
use super::super::overlay::Stamp;
use super::super::path::RelPath;
use super::super::view::{HANDLE, open_exact};
use super::compose::is_same;
use super::plan::{Area, Expect, PlannedTimes};

/// What is at `path` now. A path that leads through a link, or through no directory, has nothing at it.
pub(super) fn stamp(base: &Base, path: &RelPath) -> Result<Option<Stamp>, Errno> {
    match open_exact(base, path.as_str(), HANDLE, Mode::empty()) {
        Ok(handle) => Ok(Some(Stamp::of(&fstat(handle)?))),
        Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// The times of what is at `path`.
pub(super) fn times(base: &Base, path: &RelPath) -> Result<PlannedTimes, Errno> {
    let stat = fstat(open_exact(base, path.as_str(), HANDLE, Mode::empty())?)?;
    let pair = |seconds, nanoseconds| Some((seconds, i64::try_from(nanoseconds).unwrap_or(0)));
    Ok(PlannedTimes {
        access: pair(stat.st_atime, stat.st_atime_nsec),
        modified: pair(stat.st_mtime, stat.st_mtime_nsec),
    })
}

/// The guest paths at which the disk is not what the plan expects.
pub(super) fn conflicts(base: &Base, area: &Area) -> Result<Vec<String>, (RelPath, Errno)> {
    let mut conflicts = Vec::new();
    for expect in &area.expects {
        let (path, holds) = match expect {
            Expect::Is(path, stamp) => (path, self::stamp(base, path).map(|now| is_same(stamp, now.as_ref()))),
            Expect::Untouched(path, stamp) => (path, self::stamp(base, path).map(|now| now == Some(*stamp))),
            Expect::Nothing(path) => (path, stamp(base, path).map(|now| now.is_none())),
            Expect::Only(path, names) => (path, has_only(base, path, names)),
        };
        if !holds.map_err(|errno| (path.clone(), errno))? {
            conflicts.push(area.guest_path(path));
        }
    }
    conflicts.sort();
    conflicts.dedup();
    Ok(conflicts)
}

fn has_only(base: &Base, path: &RelPath, names: &[String]) -> Result<bool, Errno> {
    let directory = match open_exact(base, path.as_str(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => return Ok(false),
        directory => directory?,
    };
    for entry in Dir::new(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_known = name.to_str().is_ok_and(|name| names.iter().any(|known| known == name));
        if !matches!(name.to_bytes(), b"." | b"..") && !is_known {
            return Ok(false);
        }
    }
    Ok(true)
}
