//! Comparing the disk with what a plan relies on.

use rustix::fs::{Dir, Mode, OFlags, fstat};
use rustix::io::Errno;

use super::super::base::Base;
use super::super::identity::Identity;
use super::super::overlay::Stamp;
use super::super::path::RelPath;
use super::super::view::{HANDLE, Kind, open_exact};
use super::compose::is_same;
use super::plan::{Area, Expect, PlannedTimes, Step};

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

/// The guest paths at which the disk is not what it should be; or where it could not be looked at.
pub(super) type Found = Result<Vec<String>, (RelPath, Errno)>;

/// What a commit that was cut off may have changed already, although nothing shows it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begun<'a> {
    /// The content of this file, whatever its names.
    Content(Identity),
    /// The times of what is at this path.
    Times(&'a RelPath),
}

impl Begun<'_> {
    fn may_change(&self, path: &RelPath, stamp: &Stamp) -> bool {
        match self {
            Self::Content(identity) => *identity == stamp.identity,
            Self::Times(changed) => *changed == path,
        }
    }
}

/// The guest paths at which the disk is not what the plan expects, but for what it may have changed itself.
pub(super) fn conflicts(base: &Base, area: &Area, begun: &[Begun<'_>]) -> Found {
    let is_own = |path: &RelPath, stamp: &Stamp| begun.iter().any(|begun| begun.may_change(path, stamp));
    let mut conflicts = Vec::new();
    for expect in &area.expects {
        let (path, holds) = match expect {
            Expect::Is(path, stamp) | Expect::Untouched(path, stamp) if is_own(path, stamp) => continue,
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

/// The guest paths at which the disk is not what the step with this number relies on, once those before it are done.
pub(super) fn conflicts_of(base: &Base, area: &Area, number: usize) -> Found {
    let (before, step) = match (area.steps.get(..number), area.steps.get(number)) {
        (Some(before), Some(step)) => (before, step),
        _ => return Ok(Vec::new()),
    };
    let (source, old) = match step {
        Step::Overwrite { path, old, .. } | Step::Take { path, old, .. } | Step::Exchange { path, old, .. } => {
            (path, old)
        }
        Step::Move { from, old, .. } => (from, old),
        Step::Put { .. } | Step::Link { .. } | Step::Times { .. } => return Ok(Vec::new()),
    };
    // What the plan itself has changed of a file, or taken out of a directory, by now.
    let is_own = |stamp: &Stamp| {
        before.iter().any(|step| matches!(step, Step::Overwrite { old, .. } if old.identity == stamp.identity))
    };
    let has_left = |path: &RelPath| {
        before.iter().any(|step| match step {
            Step::Take { path: left, .. } | Step::Move { from: left, .. } => left.rest(path).is_some(),
            _ => false,
        })
    };
    let is_there = |path: &RelPath, stamp: &Stamp| {
        let now = self::stamp(base, path).map_err(|errno| (path.clone(), errno))?;
        Ok(is_own(stamp) || now.is_some_and(|now| stamp.holds_but_for_moves(&now)))
    };
    let mut conflicts = Vec::new();
    if !is_there(source, old)? {
        conflicts.push(area.guest_path(source));
    }
    // A directory goes with all that is in it.
    let within = |path: &RelPath| old.kind == Kind::Directory && source.rest(path).is_some() && !has_left(path);
    for expect in &area.expects {
        let (path, holds) = match expect {
            Expect::Is(path, stamp) if within(path) => (path, is_there(path, stamp)?),
            Expect::Only(path, names) if within(path) => {
                (path, has_only(base, path, names).map_err(|errno| (path.clone(), errno))?)
            }
            _ => continue,
        };
        if !holds {
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
