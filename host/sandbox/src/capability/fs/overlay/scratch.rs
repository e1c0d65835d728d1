//! Where new content lies until it lands: numbered files in a directory of Toolhold's own that all calls share, each under the name of
//! its call. A directory per call would be one more thing to make and to remove for each of them, and costs more than the file.

use std::fs::DirBuilder;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, fchmod, fstat, openat, statat, unlinkat};
use rustix::io::Errno;

/// How many files of a stage stay open until it is dropped: opening one again costs more than most calls do with it. The rest is open
/// only while somebody has it open, so that a call with thousands of files takes the host no more descriptors than its handles.
const KEPT_OPEN: u32 = 16;

/// The new content of one file.
#[derive(Debug)]
pub(in super::super) struct Blob {
    directory: Arc<OwnedFd>,
    /// What it is called in the directory.
    file: String,
    /// Its number in the scratch.
    pub(in super::super) number: u32,
    /// The call, counted within the stage, that made it: another one may not write to it, as it may have to be taken back.
    pub(in super::super) made_by: u32,
    /// One of the first few, or one that cannot be opened again: it stays open.
    kept: OnceLock<Arc<OwnedFd>>,
    /// Whoever has it open shares one descriptor.
    lent: Mutex<Weak<OwnedFd>>,
}

impl Blob {
    /// The file, for reading and writing.
    pub(in super::super) fn open(&self) -> Result<Arc<OwnedFd>, Errno> {
        if let Some(kept) = self.kept.get() {
            return Ok(Arc::clone(kept));
        }
        let mut lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = lent.upgrade() {
            return Ok(open);
        }
        let opened = Arc::new(self.reopen()?);
        *lent = Arc::downgrade(&opened);
        Ok(opened)
    }

    fn reopen(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&self.directory, &*self.file, flags, Mode::empty())
    }

    /// Its properties.
    pub(in super::super) fn stat(&self) -> Result<Stat, Errno> {
        match self.kept.get() {
            Some(kept) => fstat(kept),
            None => statat(&self.directory, &*self.file, AtFlags::SYMLINK_NOFOLLOW),
        }
    }
}

/// A blob that somebody has open.
#[derive(Debug, Clone)]
pub(super) struct OpenBlob {
    pub(super) blob: Arc<Blob>,
    fd: Arc<OwnedFd>,
}

impl OpenBlob {
    /// Opens it.
    pub(super) fn of(blob: &Arc<Blob>) -> Result<Self, Errno> {
        Ok(Self { fd: blob.open()?, blob: Arc::clone(blob) })
    }

    /// Gives it the mode bits of another file. With some of them, not even its owner could open it again.
    pub(super) fn set_mode(&self, mode: u32) -> Result<(), Errno> {
        const OWNER: u32 = 0o600;
        fchmod(self, Mode::from_raw_mode(mode & 0o7777))?;
        if mode & OWNER != OWNER && self.blob.reopen().is_err() {
            self.keep_open();
        }
        Ok(())
    }

    fn keep_open(&self) {
        self.blob.kept.get_or_init(|| Arc::clone(&self.fd));
    }
}

impl AsFd for OpenBlob {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The files of one stage: none until something is put there, and none after it is dropped.
#[derive(Debug)]
pub(in super::super) struct Scratch {
    /// The directory that is shared, made if it is not there.
    staging: PathBuf,
    /// What the names of all files here begin with.
    name: String,
    open: Option<Arc<OwnedFd>>,
    next: u32,
    kept: bool,
}

impl Scratch {
    /// In the directory `staging`, which is Toolhold's own, under a name that nothing there has.
    pub(super) fn at(staging: PathBuf, name: String) -> Self {
        Self { staging, name, open: None, next: 0, kept: false }
    }

    /// The directory that is shared, whether or not it is there.
    pub(in super::super) fn staging(&self) -> &Path {
        &self.staging
    }

    /// The name under which everything lies here.
    pub(in super::super) fn name(&self) -> &str {
        &self.name
    }

    /// The directory, made if it is not there yet.
    pub(in super::super) fn directory(&mut self) -> Result<&Arc<OwnedFd>, Errno> {
        if self.open.is_none() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let open = || openat(CWD, &self.staging, flags, Mode::empty());
            let directory = match open() {
                Err(Errno::NOENT) => {
                    make(&self.staging).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
                    open()
                }
                opened => opened,
            };
            self.open = Some(Arc::new(directory?));
        }
        self.open.as_ref().ok_or(Errno::NOENT)
    }

    /// A new file for content.
    pub(super) fn blob(&mut self, made_by: u32) -> Result<OpenBlob, Errno> {
        let (number, file) = (self.next, self.file(self.next));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let directory = Arc::clone(self.directory()?);
        let fd = Arc::new(openat(&directory, &*file, flags, Mode::from_raw_mode(0o666))?);
        self.next += 1;
        let (kept, lent) = (OnceLock::new(), Mutex::new(Arc::downgrade(&fd)));
        let open = OpenBlob { blob: Arc::new(Blob { directory, file, number, made_by, kept, lent }), fd };
        if number < KEPT_OPEN {
            open.keep_open();
        }
        Ok(open)
    }

    /// What is wanted stays when this value is dropped: somebody else owns it now. The rest goes.
    pub(in super::super) fn keep(&mut self, is_wanted: impl Fn(u32) -> bool) {
        self.remove(|number| !is_wanted(number));
        self.kept = true;
    }

    fn file(&self, number: u32) -> String {
        file_name(&self.name, &blob_name(number))
    }

    fn remove(&self, which: impl Fn(u32) -> bool) {
        let Some(directory) = &self.open else { return };
        let left_over = (0..self.next)
            .filter(|number| which(*number))
            .filter_map(|number| unlinkat(directory, self.file(number), AtFlags::empty()).err())
            .any(|errno| errno != Errno::NOENT);
        // What stays is swept when the host is opened next.
        if left_over {
            tracing::warn!(path = %self.staging.display(), name = self.name, "staged files could not be removed");
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.kept {
            self.remove(|_| true);
        }
    }
}

/// What the file with this number is called in a plan.
pub(in super::super) fn blob_name(number: u32) -> String {
    format!("b{number}")
}

/// What a file of `plan` is called in the directory that plans share.
pub(in super::super) fn file_name(plan: &str, file: &str) -> String {
    format!("{plan}.{file}")
}

/// The plan whose file or directory this is, by its name in that directory.
pub(in super::super) fn plan_of(entry: &str) -> &str {
    entry.split_once('.').map_or(entry, |(plan, _)| plan)
}

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}
