//! The state directory: who may write it, and who has it open.
//!
//! The journal decides whether a call runs again. Whoever may write it decides that too, so a directory that others may
//! write is refused rather than repaired.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::Error;

/// The state directory of one host, locked for as long as this value lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// The lock goes with the file, also when the process is killed.
    _lock: File,
}

impl Directory {
    /// Creates the directory (for its owner only) if it is not there, checks it and takes the lock.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let path = prepared(path)?;
        let file = path.join("journal.lock");
        let lock = private(&file).map_err(Error::io("open", &file))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(path)),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", &file)(error)),
        }
    }

    /// The file of the database.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// The file that notes the end of the audit.
    pub(super) fn head(&self) -> PathBuf {
        self.path.join(HEAD)
    }

    /// Where it is, all links resolved.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Creates a state directory (for its owner only) if it is not there, and checks it: for who keeps something else in it.
///
/// # Errors
///
/// It cannot be made, is somebody else's, or can be written by others.
pub(crate) fn prepared(path: &Path) -> Result<PathBuf, Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::io("create", path))?;
    let path = path.canonicalize().map_err(Error::io("resolve", path))?;
    check(&path)?;
    Ok(path)
}

/// The database in the state directory.
pub(super) const DATABASE: &str = "journal.db";

/// The noted end of the audit in the state directory.
pub(super) const HEAD: &str = "audit.head";

/// Refuses a directory that is somebody else's or that others may write.
fn check(path: &Path) -> Result<(), Error> {
    let metadata = path.metadata().map_err(Error::io("read", path))?;
    let exposed = |why| Err(Error::Exposed { path: path.to_owned(), why });
    if !metadata.is_dir() {
        return exposed("is not a directory");
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return exposed("belongs to another user");
    }
    if metadata.mode() & 0o022 != 0 {
        return exposed("can be written by others");
    }
    Ok(())
}

/// Opens a file that only its owner may read, without following a link in its place.
pub(super) fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default());
    options.open(path)
}
