//! Where lies what a plan puts on the disk, and afterwards what it took from it: by names that only the plan has.

use std::borrow::Cow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, fchmod, fstat, fsync, mkdirat, openat, renameat_with, statat, symlinkat,
    unlinkat,
};
use rustix::io::Errno;

use super::super::WORKSPACE;
use super::super::base::Base;
use super::super::identity::Identity;
use super::super::overlay::{Blob, Stamp, blob_name, file_name};

/// An open workspace.
#[derive(Debug)]
pub(super) struct Work {
    directory: Arc<OwnedFd>,
    /// The plan whose files lie here beside those of others; `None` in a directory that no other plan uses.
    shared_as: Option<String>,
    /// It is not the stage's own, so the blobs have to be copied.
    beside: bool,
    /// How many names were given.
    next: u32,
}

impl Work {
    /// The directory that all plans share, for the one of this name, which has given `next` names already.
    pub(super) fn shared(directory: Arc<OwnedFd>, plan: &str, next: u32) -> Self {
        Self { directory, shared_as: Some(plan.to_owned()), beside: false, next }
    }

    /// A directory that is the plan's own.
    pub(super) fn own(directory: OwnedFd) -> Self {
        Self { directory: Arc::new(directory), shared_as: None, beside: false, next: 0 }
    }

    /// A new directory within `base`, which is on another file system or mount than the stage.
    pub(super) fn make_beside(base: &Base, name: &str) -> Result<Self, Errno> {
        match mkdirat(&base.root, WORKSPACE, Mode::from_raw_mode(0o700)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        let outer = open_directory(base.root.as_fd(), WORKSPACE)?;
        mkdirat(&outer, name, Mode::from_raw_mode(0o700))?;
        Self::beside(outer.as_fd(), name)
    }

    /// The one that [`make_beside`](Self::make_beside) made.
    pub(super) fn open_beside(base: &Base, name: &str) -> Result<Self, Errno> {
        let outer = open_directory(base.root.as_fd(), WORKSPACE)?;
        Self::beside(outer.as_fd(), name)
    }

    fn beside(outer: BorrowedFd<'_>, name: &str) -> Result<Self, Errno> {
        Ok(Self { beside: true, ..Self::own(open_directory(outer, name)?) })
    }

    /// What the file that plans call `name` is called in the directory.
    pub(super) fn file<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match &self.shared_as {
            Some(plan) => Cow::Owned(file_name(plan, name)),
            None => Cow::Borrowed(name),
        }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// What has this name here.
    pub(super) fn stamp(&self, name: &str) -> Result<Option<Stamp>, Errno> {
        match statat(&self.directory, &*self.file(name), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Stamp::of(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// A name that nothing here has.
    pub(super) fn name(&mut self, kind: char) -> String {
        self.next += 1;
        format!("{kind}{}", self.next)
    }

    /// How many names it has given.
    pub(super) fn named(&self) -> u32 {
        self.next
    }

    /// The blob, here: its name and which file it is.
    pub(super) fn blob(&self, blob: &Arc<Blob>) -> Result<(String, Identity), Errno> {
        let name = blob_name(blob.number);
        if !self.beside {
            return Ok((name, Identity::of(&blob.stat()?)));
        }
        if let Some(there) = self.stamp(&name)? {
            return Ok((name, there.identity));
        }
        #[cfg(test)]
        super::faults::strike()?;
        let from = blob.open()?;
        let stat = fstat(&from)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let copy = openat(&self.directory, &*self.file(&name), flags, Mode::from_raw_mode(0o600))?;
        copy_between(from.as_fd(), copy.as_fd())?;
        fchmod(&copy, Mode::from_raw_mode(stat.st_mode & 0o7777))?;
        rustix::fs::futimens(&copy, &times_of(&stat))?;
        Ok((name, Identity::of(&fstat(&copy)?)))
    }

    /// A new directory here.
    pub(super) fn directory(&mut self) -> Result<(String, Identity), Errno> {
        let name = self.name('d');
        mkdirat(&self.directory, &*self.file(&name), Mode::from_raw_mode(0o777))?;
        self.identity(name)
    }

    /// A new symbolic link here.
    pub(super) fn link(&mut self, target: &str) -> Result<(String, Identity), Errno> {
        let name = self.name('l');
        symlinkat(target, &self.directory, &*self.file(&name))?;
        self.identity(name)
    }

    fn identity(&self, name: String) -> Result<(String, Identity), Errno> {
        let stamp = self.stamp(&name)?.ok_or(Errno::NOENT)?;
        Ok((name, stamp.identity))
    }

    /// Opens a file of the workspace for reading and writing.
    pub(super) fn open(&self, name: &str) -> Result<OwnedFd, Errno> {
        openat(&self.directory, &*self.file(name), OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
    }

    /// Creates a file of the workspace, or empties the one that is there.
    pub(super) fn create(&self, name: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&self.directory, &*self.file(name), flags, Mode::from_raw_mode(0o600))
    }

    /// Gives a file another name that nothing here has.
    pub(super) fn rename(&self, name: &str, to: &str) -> Result<(), Errno> {
        renameat_with(&self.directory, &*self.file(name), &self.directory, &*self.file(to), RenameFlags::NOREPLACE)
    }

    /// Removes a file, if it is here.
    pub(super) fn remove(&self, name: &str) -> Result<(), Errno> {
        match unlinkat(&self.directory, &*self.file(name), AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            removed => removed,
        }
    }

    /// Waits until what is here lasts.
    pub(super) fn sync(&self) -> Result<(), Errno> {
        fsync(&self.directory)
    }
}

/// Opens the directory `path`, which must be no link.
pub(super) fn open_own(path: &std::path::Path) -> Result<OwnedFd, Errno> {
    openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

fn open_directory(at: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    openat(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// The times of `stat`, to be set.
pub(super) fn times_of(stat: &rustix::fs::Stat) -> rustix::fs::Timestamps {
    let time = |seconds, nanoseconds: i64| rustix::fs::Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    rustix::fs::Timestamps {
        last_access: time(stat.st_atime, i64::try_from(stat.st_atime_nsec).unwrap_or(0)),
        last_modification: time(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
    }
}

/// Whether two files have the same content.
pub(super) fn is_same_content(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> Result<bool, Errno> {
    if fstat(one)?.st_size != fstat(other)?.st_size {
        return Ok(false);
    }
    let mut buffers = [vec![0; 1 << 17], vec![0; 1 << 17]];
    let mut offset = 0;
    loop {
        let [ours, theirs] = &mut buffers;
        let (ours, theirs) = (read_at(one, ours, offset)?, read_at(other, theirs, offset)?);
        if ours != theirs {
            return Ok(false);
        }
        if ours.is_empty() {
            return Ok(true);
        }
        offset += ours.len() as u64;
    }
}

/// Fills the buffer from there on, as far as the file goes.
fn read_at<'a>(file: BorrowedFd<'_>, buffer: &'a mut [u8], offset: u64) -> Result<&'a [u8], Errno> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match rustix::io::pread(file, rest, offset + filled as u64) {
            Err(Errno::INTR) => {}
            Ok(0) => break,
            read => filled += read?,
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}

/// Copies all of one file to the start of another one, which ends where the copy ends.
pub(super) fn copy_between(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), Errno> {
    if rustix::fs::ioctl_ficlone(to, from).is_ok() {
        return Ok(());
    }
    let mut buffer = vec![0; 1 << 18];
    let mut offset = 0;
    loop {
        let read = match rustix::io::pread(from, &mut buffer[..], offset) {
            Err(Errno::INTR) => continue,
            read => read?,
        };
        if read == 0 {
            return rustix::fs::ftruncate(to, offset);
        }
        let mut rest = buffer.get(..read).unwrap_or_default();
        while !rest.is_empty() {
            let written = rustix::io::pwrite(to, rest, offset)?;
            offset += written as u64;
            rest = rest.get(written..).unwrap_or_default();
        }
    }
}
