//! What holds an open file's bytes: the file on disk itself, or what is staged of it.

use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Advice, Stat, Timestamps, fadvise, fdatasync, fstat, fsync, ftruncate, futimens};
use rustix::io::Errno;

use super::super::error::FsResult;
use super::super::overlay::{Keep, StagedFile};
use crate::meter::Meter;

/// The content of an open file.
#[derive(Debug)]
pub(in super::super) enum Content {
    Plain(OwnedFd),
    Staged(StagedFile),
}

impl Content {
    /// What to read from.
    pub(super) fn to_read(&self) -> Result<BorrowedFd<'_>, Errno> {
        match self {
            Self::Plain(fd) => Ok(fd.as_fd()),
            Self::Staged(file) => file.to_read(),
        }
    }

    /// What to write to. The first time, the content may have to be copied, which is charged.
    pub(super) fn to_write(&self, meter: &Meter) -> FsResult<BorrowedFd<'_>> {
        match self {
            Self::Plain(fd) => Ok(fd.as_fd()),
            Self::Staged(file) => file.to_write(Keep::All, meter),
        }
    }

    /// Cuts it to nothing.
    pub(in super::super) fn clear(&self, meter: &Meter) -> FsResult<()> {
        match self {
            Self::Plain(fd) => Ok(ftruncate(fd, 0)?),
            Self::Staged(file) => file.to_write(Keep::Nothing, meter).map(drop),
        }
    }

    /// Its properties.
    pub(in super::super) fn stat(&self) -> Result<Stat, Errno> {
        match self {
            Self::Plain(fd) => fstat(fd),
            Self::Staged(file) => file.stat(),
        }
    }

    pub(in super::super) fn set_times(&self, times: &Timestamps) -> Result<(), Errno> {
        match self {
            Self::Plain(fd) => futimens(fd, times),
            Self::Staged(file) => file.set_times(times),
        }
    }

    /// Waits until it lasts. What is staged lasts when it lands.
    pub(in super::super) fn sync(&self, data_only: bool) -> Result<(), Errno> {
        match self {
            Self::Plain(fd) if data_only => fdatasync(fd),
            Self::Plain(fd) => fsync(fd),
            Self::Staged(_) => Ok(()),
        }
    }

    pub(in super::super) fn advise(&self, offset: u64, length: u64, advice: Advice) -> Result<(), Errno> {
        fadvise(self.to_read()?, offset, NonZeroU64::new(length), advice)
    }
}
