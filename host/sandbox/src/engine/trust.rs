//! Which files may be loaded as machine code: those that only this user can have written.
//!
//! The directory is opened once and everything below it is reached through that handle, so that nobody can swap it
//! between the check and the use. A file is opened once, without following links, and the open file is what is checked
//! and used.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};

/// Why a cache directory or file is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It cannot be opened, created, read or written.
    #[error("`{path}`: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else owns it or can write to it.
    #[error("`{path}` is not used: {why}; it must belong to this user and be writable by nobody else (`chmod go-w`)")]
    Untrusted {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// A directory that only this user can write to.
#[derive(Debug)]
pub(crate) struct TrustedDir {
    handle: OwnedFd,
    path: PathBuf,
}

impl TrustedDir {
    /// Opens `path`, creating it for this user alone where it does not exist.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let fail = |source: io::Error| Error::Io { path: path.into(), source };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fail)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| fail(error.into()))?;
        check(&handle, path, FileType::Directory)?;
        Ok(Self { handle, path: path.into() })
    }

    /// Opens the file `name` for reading. `None` where there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<File>, Error> {
        let path = self.path.join(name);
        // NONBLOCK: opening a pipe that somebody put there must not wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(rustix::io::Errno::LOOP) => return Err(Error::Untrusted { path, why: "it is a symbolic link" }),
            Err(error) => return Err(Error::Io { path, source: error.into() }),
        };
        check(&file, &path, FileType::RegularFile)?;
        Ok(Some(File::from(file)))
    }

    /// Makes `name` a file with the content `parts`, at once or not at all.
    pub(crate) fn write(&self, name: &str, parts: &[&[u8]]) -> Result<(), Error> {
        let temporary = format!(".{name}.{}.{:x}", std::process::id(), unique());
        let written = self
            .write_new(&temporary, parts)
            .and_then(|()| rustix::fs::renameat(&self.handle, &temporary, &self.handle, name).map_err(io::Error::from));
        written.map_err(|source| {
            self.remove(&temporary);
            Error::Io { path: self.path.join(name), source }
        })
    }

    /// Removes `name`, if it is there.
    pub(crate) fn remove(&self, name: &str) {
        // What is not there, or cannot be removed, is not trusted when it is next read.
        rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()).unwrap_or_default();
    }

    fn write_new(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        use std::io::Write as _;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR)?);
        parts.iter().try_for_each(|part| file.write_all(part))
    }
}

/// Whether only this user can have written what is open as `handle`.
fn check(handle: &impl AsFd, path: &Path, kind: FileType) -> Result<(), Error> {
    let found = rustix::fs::fstat(handle).map_err(|error| Error::Io { path: path.into(), source: error.into() })?;
    let why = if FileType::from_raw_mode(found.st_mode) != kind {
        "it is not of the expected kind"
    } else if found.st_uid != rustix::process::geteuid().as_raw() {
        "it belongs to somebody else"
    } else if found.st_mode & 0o022 != 0 {
        "others can write to it"
    } else {
        return Ok(());
    };
    Err(Error::Untrusted { path: path.into(), why })
}

/// A number that no other writer of this process has.
fn unique() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
