//! Opening and creating files.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, Stat, fstat};
use rustix::io::Errno;

use super::super::base::Base;
use super::super::path::RelPath;
use super::Plain;
use super::exact::{HANDLE, open_exact};

/// What a file is opened for.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct How {
    pub(in super::super) read: bool,
    pub(in super::super) write: bool,
    /// Every write waits until it lasts.
    pub(in super::super) synchronous: bool,
    pub(in super::super) must_be_directory: bool,
}

impl How {
    /// To be staged: what is written may have to be copied first, and lasts when it lands.
    pub(super) fn staged(self) -> Self {
        Self { read: true, synchronous: false, ..self }
    }

    pub(in super::super) fn flags(self) -> OFlags {
        let mut flags = match (self.read, self.write) {
            (true, true) => OFlags::RDWR,
            (false, true) => OFlags::WRONLY,
            _ => OFlags::RDONLY,
        };
        flags.set(OFlags::SYNC, self.synchronous);
        flags.set(OFlags::DIRECTORY, self.must_be_directory);
        flags
    }
}

impl Plain {
    /// Opens what is at `path`. Never truncates: the caller has yet to see what it is.
    pub(in super::super) fn open(self, base: &Base, path: &RelPath, how: How) -> Result<(OwnedFd, Stat), Errno> {
        with_stat(open_exact(base, path.as_str(), how.flags(), Mode::empty())?)
    }

    /// Opens the directory at `path` without any right to it.
    pub(in super::super) fn enter(self, base: &Base, path: &RelPath) -> Result<Stat, Errno> {
        let handle = open_exact(base, path.as_str(), HANDLE | OFlags::DIRECTORY, Mode::empty())?;
        fstat(handle)
    }

    /// Creates and opens a file at `path`; `EEXIST` if there is anything, be it a dangling link.
    pub(in super::super) fn create(self, base: &Base, path: &RelPath, how: How) -> Result<(OwnedFd, Stat), Errno> {
        let flags = how.flags() | OFlags::CREATE | OFlags::EXCL;
        with_stat(open_exact(base, path.as_str(), flags, Mode::from_raw_mode(0o666))?)
    }
}

fn with_stat(file: OwnedFd) -> Result<(OwnedFd, Stat), Errno> {
    let stat = fstat(&file)?;
    Ok((file, stat))
}
