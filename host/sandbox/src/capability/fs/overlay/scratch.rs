//! Where new content lies until it lands: numbered files in a directory of Toolhold's own, made at the first of them.

use std::fs::DirBuilder;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;

/// The new content of one file.
#[derive(Debug)]
pub(in super::super) struct Blob {
    pub(in super::super) fd: OwnedFd,
    /// Its name in the scratch directory.
    pub(in super::super) number: u32,
    /// The call, counted within the stage, that made it: another one may not write to it, as it may have to be taken back.
    pub(in super::super) made_by: u32,
}

/// A scratch directory: none until something is put there, and none after it is dropped.
#[derive(Debug)]
pub(in super::super) struct Scratch {
    path: PathBuf,
    open: Option<OwnedFd>,
    next: u32,
    kept: bool,
}

impl Scratch {
    /// The directory `path`, which must not be there and the parent of which is Toolhold's own.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, open: None, next: 0, kept: false }
    }

    pub(in super::super) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory, made if it is not there yet.
    pub(in super::super) fn directory(&mut self) -> Result<&OwnedFd, Errno> {
        if self.open.is_none() {
            make(&self.path).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            self.open = Some(openat(CWD, &self.path, flags, Mode::empty())?);
        }
        self.open.as_ref().ok_or(Errno::NOENT)
    }

    /// A new file for content.
    pub(super) fn blob(&mut self, made_by: u32) -> Result<Blob, Errno> {
        let number = self.next;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = openat(self.directory()?, blob_name(number), flags, Mode::from_raw_mode(0o666))?;
        self.next += 1;
        Ok(Blob { fd, number, made_by })
    }

    /// What is there stays when this value is dropped: somebody else owns it now.
    pub(in super::super) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Some(directory) = self.open.as_ref().filter(|_| !self.kept) else { return };
        let left_over = (0..self.next)
            .filter_map(|number| unlinkat(directory, blob_name(number), AtFlags::empty()).err())
            .any(|errno| errno != Errno::NOENT);
        // What stays is swept when the host is opened next.
        if left_over || std::fs::remove_dir(&self.path).is_err() {
            tracing::warn!(path = %self.path.display(), "a scratch directory could not be removed");
        }
    }
}

/// The name of the file with this number.
pub(in super::super) fn blob_name(number: u32) -> String {
    format!("b{number}")
}

fn make(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().unwrap_or(path);
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
            builder.create(path)
        }
        made => made,
    }
}
