//! One step, forwards and backwards. Doing either twice is doing it once.

use std::borrow::Cow;
use std::os::fd::AsFd;

use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, Timespec, Timestamps, UTIME_OMIT, fchmod, fstat, futimens, linkat,
    renameat_with, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::super::base::Base;
use super::super::identity::Identity;
use super::super::overlay::Stamp;
use super::super::path::RelPath;
use super::super::view::{Parent, open_exact, open_parent};
use super::plan::{PlannedTimes, Step};
use super::verify::stamp;
use super::workspace::{Work, copy_between, times_of};

/// Where steps are done.
pub(super) struct Ground<'a> {
    pub(super) base: &'a Base,
    pub(super) work: &'a Work,
}

/// Why a step was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// The disk is not what it was.
    Conflict,
    Errno(Errno),
}

impl From<Errno> for Failed {
    fn from(errno: Errno) -> Self {
        match errno {
            // Somebody put something there, or took it, between the check and the step.
            Errno::EXIST | Errno::NOENT | Errno::LOOP | Errno::NOTDIR => Self::Conflict,
            errno => Self::Errno(errno),
        }
    }
}

/// A name in a directory of the area or in the workspace.
enum Place<'a> {
    Disk(&'a RelPath),
    Work(&'a str),
}

impl Ground<'_> {
    /// Does `step`. Done already, it does nothing.
    pub(super) fn forwards(&self, step: &Step) -> Result<(), Failed> {
        match step {
            Step::Overwrite { path, from, saved, old } => self.overwrite(path, from, saved, old),
            Step::Take { path, to, old } => self.relocate(Place::Disk(path), Place::Work(to), old.identity),
            Step::Exchange { path, with, new, old } => self.exchange(path, with, *new, old.identity),
            Step::Put { from, path, new } => self.relocate(Place::Work(from), Place::Disk(path), *new),
            Step::Move { from, path, old } => self.relocate(Place::Disk(from), Place::Disk(path), old.identity),
            Step::Link { of, path, new } => self.link(of, path, *new),
            Step::Times { path, new, .. } => Ok(self.set_times(path, new)?),
        }
    }

    /// Takes `step` back. Not done or taken back already, it does nothing.
    pub(super) fn backwards(&self, step: &Step) -> Result<(), Failed> {
        match step {
            Step::Overwrite { path, saved, old, .. } => self.restore(path, saved, old),
            Step::Take { path, to, old } => self.relocate(Place::Work(to), Place::Disk(path), old.identity),
            Step::Exchange { path, with, new, old } => self.exchange(path, with, old.identity, *new),
            Step::Put { from, path, new } => self.relocate(Place::Disk(path), Place::Work(from), *new),
            Step::Move { from, path, old } => self.relocate(Place::Disk(path), Place::Disk(from), old.identity),
            Step::Link { path, new, .. } => self.unlink(path, *new),
            Step::Times { path, old, .. } => Ok(self.set_times(path, old)?),
        }
    }

    /// Whether the disk shows that `step` was done. Of one that leaves no trace, `false`.
    pub(super) fn is_done(&self, step: &Step) -> Result<bool, Errno> {
        match step {
            Step::Take { to, old, .. } => self.is(&Place::Work(to), old.identity),
            Step::Exchange { path, new, .. } | Step::Put { path, new, .. } | Step::Link { path, new, .. } => {
                self.is(&Place::Disk(path), *new)
            }
            Step::Move { path, old, .. } => self.is(&Place::Disk(path), old.identity),
            Step::Overwrite { .. } | Step::Times { .. } => Ok(false),
        }
    }

    /// Whether the disk shows that `step` was not done, or taken back. Of one that leaves no trace, `false`.
    pub(super) fn is_undone(&self, step: &Step) -> Result<bool, Errno> {
        match step {
            Step::Take { path, old, .. } => self.is(&Place::Disk(path), old.identity),
            Step::Exchange { with, new, .. } => self.is(&Place::Work(with), *new),
            Step::Put { from, new, .. } => self.is(&Place::Work(from), *new),
            Step::Move { from, old, .. } => self.is(&Place::Disk(from), old.identity),
            Step::Link { path, new, .. } => self.is(&Place::Disk(path), *new).map(|is_there| !is_there),
            Step::Overwrite { .. } | Step::Times { .. } => Ok(false),
        }
    }

    fn stamp(&self, place: &Place<'_>) -> Result<Option<Stamp>, Errno> {
        match place {
            Place::Disk(path) => stamp(self.base, path),
            Place::Work(name) => self.work.stamp(name),
        }
    }

    fn is(&self, place: &Place<'_>, identity: Identity) -> Result<bool, Errno> {
        Ok(self.stamp(place)?.is_some_and(|stamp| stamp.identity == identity))
    }

    /// Moves what has this identity, to where nothing is.
    fn relocate(&self, from: Place<'_>, to: Place<'_>, identity: Identity) -> Result<(), Failed> {
        if self.is(&to, identity)? {
            return Ok(());
        }
        if !self.is(&from, identity)? {
            return Err(Failed::Conflict);
        }
        self.rename(&from, &to, RenameFlags::NOREPLACE)?;
        // What came along may be what somebody else put there in the last moment.
        if self.is(&to, identity)? {
            return Ok(());
        }
        self.rename(&to, &from, RenameFlags::NOREPLACE)?;
        Err(Failed::Conflict)
    }

    /// Makes `wanted`, which is in the workspace, change places with `there`, which is at `path`.
    fn exchange(&self, path: &RelPath, with: &str, wanted: Identity, there: Identity) -> Result<(), Failed> {
        let (disk, work) = (Place::Disk(path), Place::Work(with));
        if self.is(&disk, wanted)? {
            return Ok(());
        }
        if !self.is(&disk, there)? || !self.is(&work, wanted)? {
            return Err(Failed::Conflict);
        }
        self.rename(&disk, &work, RenameFlags::EXCHANGE)?;
        if self.is(&work, there)? {
            return Ok(());
        }
        self.rename(&disk, &work, RenameFlags::EXCHANGE)?;
        Err(Failed::Conflict)
    }

    fn rename(&self, from: &Place<'_>, to: &Place<'_>, flags: RenameFlags) -> Result<(), Errno> {
        #[cfg(test)]
        super::faults::strike()?;
        let (from, to) = (self.at(from)?, self.at(to)?);
        renameat_with(from.fd(self), &*from.name, to.fd(self), &*to.name, flags)
    }

    fn at<'a>(&self, place: &Place<'a>) -> Result<At<'a>, Errno> {
        match place {
            Place::Work(name) => Ok(At { parent: None, name: self.work.file(name) }),
            Place::Disk(path) => {
                let (parent, name) = path.split().ok_or(Errno::BUSY)?;
                Ok(At { parent: Some(open_parent(self.base, parent)?), name: name.into() })
            }
        }
    }

    fn link(&self, of: &RelPath, path: &RelPath, identity: Identity) -> Result<(), Failed> {
        if self.is(&Place::Disk(path), identity)? {
            return Ok(());
        }
        if !self.is(&Place::Disk(of), identity)? {
            return Err(Failed::Conflict);
        }
        #[cfg(test)]
        super::faults::strike()?;
        let (from, to) = (self.at(&Place::Disk(of))?, self.at(&Place::Disk(path))?);
        Ok(linkat(from.fd(self), &*from.name, to.fd(self), &*to.name, AtFlags::empty())?)
    }

    fn unlink(&self, path: &RelPath, identity: Identity) -> Result<(), Failed> {
        if !self.is(&Place::Disk(path), identity)? {
            return Ok(());
        }
        #[cfg(test)]
        super::faults::strike()?;
        let at = self.at(&Place::Disk(path))?;
        Ok(unlinkat(at.fd(self), &*at.name, AtFlags::empty())?)
    }

    fn set_times(&self, path: &RelPath, times: &PlannedTimes) -> Result<(), Errno> {
        #[cfg(test)]
        super::faults::strike()?;
        let time = |time: Option<(i64, i64)>| {
            let (tv_sec, tv_nsec) = time.unwrap_or((0, UTIME_OMIT));
            Timespec { tv_sec, tv_nsec }
        };
        let times = Timestamps { last_access: time(times.access), last_modification: time(times.modified) };
        if path.is_root() {
            return utimensat(&self.base.root, ".", &times, AtFlags::empty());
        }
        let at = self.at(&Place::Disk(path))?;
        utimensat(at.fd(self), &*at.name, &times, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn overwrite(&self, path: &RelPath, from: &str, saved: &str, old: &Stamp) -> Result<(), Failed> {
        #[cfg(test)]
        super::faults::strike()?;
        let file = self.open(path, old)?;
        // The copy is whole once it has its final name: an overwrite that was cut off must not save its own beginning.
        if self.work.stamp(saved)?.is_none() {
            let half = half_of(saved);
            let copy = self.work.create(&half)?;
            copy_between(file.as_fd(), copy.as_fd())?;
            futimens(&copy, &times_of(&fstat(&file)?))?;
            rustix::fs::fsync(&copy)?;
            self.work.rename(&half, saved)?;
        }
        let new = self.work.open(from)?;
        #[cfg(test)]
        super::faults::strike()?;
        copy_between(new.as_fd(), file.as_fd())?;
        #[cfg(test)]
        super::faults::strike()?;
        futimens(&file, &times_of(&fstat(&new)?))?;
        Ok(())
    }

    fn restore(&self, path: &RelPath, saved: &str, old: &Stamp) -> Result<(), Failed> {
        if self.work.stamp(saved)?.is_none() {
            return Ok(());
        }
        let file = self.open(path, old)?;
        let saved = self.work.open(saved)?;
        #[cfg(test)]
        super::faults::strike()?;
        copy_between(saved.as_fd(), file.as_fd())?;
        #[cfg(test)]
        super::faults::strike()?;
        fchmod(&file, Mode::from_raw_mode(old.mode))?;
        futimens(&file, &times_of(&fstat(&saved)?))?;
        Ok(())
    }

    fn open(&self, path: &RelPath, old: &Stamp) -> Result<std::os::fd::OwnedFd, Failed> {
        let file = open_exact(self.base, path.as_str(), OFlags::RDWR, Mode::empty())?;
        if Identity::of(&fstat(&file)?) == old.identity { Ok(file) } else { Err(Failed::Conflict) }
    }
}

/// What is called `saved` once it is whole.
pub(super) fn half_of(saved: &str) -> String {
    format!("{saved}-half")
}

/// A name in an open directory.
struct At<'a> {
    /// `None` is the workspace.
    parent: Option<Parent>,
    name: Cow<'a, str>,
}

impl At<'_> {
    fn fd<'b>(&'b self, ground: &'b Ground<'_>) -> std::os::fd::BorrowedFd<'b> {
        match &self.parent {
            Some(parent) => parent.fd(ground.base),
            None => ground.work.fd(),
        }
    }
}
