//! One step, forwards and backwards. Doing either twice is doing it once.

use std::borrow::Cow;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{
    AtFlags, Mode, OFlags, RenameFlags, Timespec, Timestamps, UTIME_OMIT, fchmod, fstat, futimens, linkat,
    renameat_with, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::super::base::Base;
use super::super::identity::Identity;
use super::super::overlay::Stamp;
use super::super::path::RelPath;
use super::super::view::{Kind, Parent, open_exact, open_parent};
use super::plan::{PlannedTimes, Step};
use super::verify::stamp;
use super::workspace::{Work, copy_between, is_same_content, times_of};

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
            // What has come to be somebody else's keeps its times.
            Step::Times { path, old, .. } => Ok(unless_not_ours(self.set_times(path, old))?),
        }
    }

    /// Takes `step` back for an undo, which may be cut off: a mark tells of a file that is written in place how far that came, as
    /// nothing else would. Taken back already, it does nothing: what is there since is somebody's.
    pub(super) fn undo(&self, step: &Step) -> Result<(), Failed> {
        let Step::Overwrite { path, saved, old, .. } = step else { return self.backwards(step) };
        let (between, back) = (between_of(saved), back_of(saved));
        if self.work.stamp(saved)?.is_none() || self.work.stamp(&back)?.is_some() {
            return Ok(());
        }
        self.open(path, old)?;
        self.work.create(&between)?;
        self.work.sync()?;
        self.restore(path, saved, old)?;
        self.work.rename(&between, &back)?;
        Ok(())
    }

    /// Does `step` again, which [`undo`](Self::undo) may have taken back.
    pub(super) fn redo(&self, step: &Step) -> Result<(), Failed> {
        match step {
            Step::Overwrite { saved, .. } if !self.is_marked(saved)? => Ok(()),
            // Not taken back, or changed by somebody since.
            Step::Times { path, old, .. } if self.has_another_time(path, old)? => Ok(()),
            step => self.forwards(step),
        }
    }

    /// Whether an undo that was cut off may have left `step` to be taken back. A conflict where somebody has changed since what was
    /// written in place.
    pub(super) fn is_left(&self, step: &Step) -> Result<bool, Failed> {
        let (path, from, saved, old) = match step {
            Step::Overwrite { path, from, saved, old } => (path, from, saved, old),
            // Of what somebody has changed since, the time stays.
            Step::Times { path, new, .. } => return Ok(!self.has_another_time(path, new)?),
            _ => return Ok(true),
        };
        if self.work.stamp(saved)?.is_none() || self.is_marked(saved)? {
            return Ok(true);
        }
        let file = self.open(path, old)?;
        let holds = |name| is_same_content(file.as_fd(), self.work.open(name)?.as_fd());
        // Changed back without a mark: by an older host, or the mark did not outlast a power cut.
        if holds(from)? || holds(saved)? { Ok(true) } else { Err(Failed::Conflict) }
    }

    /// Whether it is a file and has not the time `times`, if that says one. That of a directory changes with the plan's own steps.
    fn has_another_time(&self, path: &RelPath, times: &PlannedTimes) -> Result<bool, Errno> {
        let file = stamp(self.base, path)?.filter(|now| now.kind == Kind::File);
        Ok(file.zip(times.modified).is_some_and(|(now, time)| now.modified != time))
    }

    fn is_marked(&self, saved: &str) -> Result<bool, Errno> {
        Ok(self.work.stamp(&between_of(saved))?.is_some() || self.work.stamp(&back_of(saved))?.is_some())
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
        super::faults::strike_property()?;
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
        self.begin_again(&file, saved)?;
        let new = self.work.open(from)?;
        #[cfg(test)]
        super::faults::strike()?;
        copy_between(new.as_fd(), file.as_fd())?;
        set_times_of(&file, &times_of(&fstat(&new)?))?;
        rustix::fs::fsync(&file)?;
        self.work.remove(&between_of(saved))?;
        Ok(())
    }

    /// Of a file that an undo has taken back: it is about to be in between again, unless somebody has changed it since.
    fn begin_again(&self, file: &OwnedFd, saved: &str) -> Result<(), Failed> {
        let back = back_of(saved);
        if self.work.stamp(&back)?.is_none() {
            return Ok(());
        }
        if !is_same_content(file.as_fd(), self.work.open(saved)?.as_fd())? {
            return Err(Failed::Conflict);
        }
        Ok(self.work.rename(&back, &between_of(saved))?)
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
        set_mode(&file, Mode::from_raw_mode(old.mode))?;
        set_times_of(&file, &times_of(&fstat(&saved)?))?;
        rustix::fs::fsync(&file)?;
        Ok(())
    }

    fn open(&self, path: &RelPath, old: &Stamp) -> Result<OwnedFd, Failed> {
        let file = open_exact(self.base, path.as_str(), OFlags::RDWR, Mode::empty())?;
        if Identity::of(&fstat(&file)?) == old.identity { Ok(file) } else { Err(Failed::Conflict) }
    }
}

/// Sets the times of a file whose content was set. It may be somebody else's who lets us write it: then its times stay.
fn set_times_of(file: &OwnedFd, times: &Timestamps) -> Result<(), Errno> {
    #[cfg(test)]
    let set = super::faults::strike_property().and_then(|()| futimens(file, times));
    #[cfg(not(test))]
    let set = futimens(file, times);
    unless_not_ours(set)
}

/// The same of its mode.
fn set_mode(file: &OwnedFd, mode: Mode) -> Result<(), Errno> {
    #[cfg(test)]
    let set = super::faults::strike_property().and_then(|()| fchmod(file, mode));
    #[cfg(not(test))]
    let set = fchmod(file, mode);
    unless_not_ours(set)
}

fn unless_not_ours(set: Result<(), Errno>) -> Result<(), Errno> {
    match set {
        Err(Errno::PERM) => Ok(()),
        set => set,
    }
}

/// What is called `saved` once it is whole.
fn half_of(saved: &str) -> String {
    format!("{saved}-half")
}

/// What says that an undo has begun to write the file in place, so that anything may be in it.
fn between_of(saved: &str) -> String {
    format!("{saved}-between")
}

/// What says that an undo has done so.
fn back_of(saved: &str) -> String {
    format!("{saved}-back")
}

/// What may lie in the workspace because of a file written in place, and is in no plan.
pub(super) fn beside(saved: &str) -> [String; 3] {
    [half_of(saved), between_of(saved), back_of(saved)]
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
