//! Looking at what is at a path, without opening it.

use std::os::fd::OwnedFd;

use rustix::fs::{Dir, FileType, Mode, OFlags, Stat, fstat, readlinkat};
use rustix::io::Errno;

use super::super::base::Base;
use super::super::path::RelPath;
use super::Plain;
use super::entries::Entries;
use super::exact::{HANDLE, open_exact};

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in super::super) enum Kind {
    File,
    Directory,
    Link,
    /// A device, FIFO or socket.
    Special,
}

impl Kind {
    pub(in super::super) fn of(stat: &Stat) -> Self {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Link,
            _ => Self::Special,
        }
    }
}

/// What is at a path. Holds on to it: what is asked of it later is asked of the same thing.
pub(in super::super) struct Look {
    pub(in super::super) kind: Kind,
    pub(in super::super) stat: Stat,
    target: Target,
}

/// Where a link leads.
enum Target {
    /// To be read from this handle.
    Handle(OwnedFd),
    /// Known already; empty for what is no link.
    Known(String),
}

impl Look {
    /// Where the link leads. `EILSEQ` if that is not UTF-8.
    pub(in super::super) fn link_target(&self) -> Result<String, Errno> {
        match &self.target {
            Target::Handle(handle) => readlinkat(handle, "", Vec::new())?.into_string().map_err(|_| Errno::ILSEQ),
            Target::Known(target) => Ok(target.clone()),
        }
    }

    /// What a layer of staged changes knows: its properties and, of a link, its target.
    pub(in super::super) fn known(stat: Stat, target: String) -> Self {
        Self { kind: Kind::of(&stat), stat, target: Target::Known(target) }
    }
}

impl Plain {
    /// Looks at `path`; a link is not followed.
    pub(in super::super) fn look(self, base: &Base, path: &RelPath) -> Result<Look, Errno> {
        let handle = open_exact(base, path.as_str(), HANDLE, Mode::empty())?;
        let stat = fstat(&handle)?;
        Ok(Look { kind: Kind::of(&stat), stat, target: Target::Handle(handle) })
    }

    /// The entries of the directory `path`, read as they are asked for.
    pub(in super::super) fn list(self, base: &Base, path: &RelPath) -> Result<Entries, Errno> {
        let directory = open_exact(base, path.as_str(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        Ok(Entries::of_disk(Dir::new(directory)?))
    }

    /// Makes what happened to the directory `path` last.
    pub(in super::super) fn sync_directory(self, base: &Base, path: &RelPath) -> Result<(), Errno> {
        rustix::fs::fsync(open_exact(base, path.as_str(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?)
    }
}
