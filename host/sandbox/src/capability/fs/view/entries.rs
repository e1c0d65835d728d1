//! The entries of a directory, read as they are asked for.

use std::ffi::CString;
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, statat};
use rustix::io::Errno;

/// A listing: what is on disk and not hidden, then what is staged. Without `.` and `..`.
#[derive(Debug)]
pub(in super::super) struct Entries {
    disk: Option<Dir>,
    /// In order. They hide what is on disk; those without a kind do only that.
    staged: Box<[(Arc<str>, Option<FileType>)]>,
    /// How many of them were passed.
    passed: usize,
}

/// One entry.
#[derive(Debug)]
pub(in super::super) struct Entry {
    /// Its name in bytes, whether or not it is UTF-8.
    pub(in super::super) name: CString,
    pub(in super::super) kind: FileType,
}

impl Entries {
    /// All of a directory on disk.
    pub(in super::super) fn of_disk(disk: Dir) -> Self {
        Self::of_layers(Some(disk), Box::default())
    }

    /// What is `staged`, and what is on disk but for those names. They are in order, and what is only hidden has no kind.
    pub(in super::super) fn of_layers(disk: Option<Dir>, staged: Box<[(Arc<str>, Option<FileType>)]>) -> Self {
        Self { disk, staged, passed: 0 }
    }

    /// The next one.
    pub(in super::super) fn next(&mut self) -> Option<Result<Entry, Errno>> {
        while let Some(disk) = &mut self.disk {
            match disk.read() {
                None => self.disk = None,
                Some(Err(errno)) => return Some(Err(errno)),
                Some(Ok(entry)) => {
                    let name = entry.file_name();
                    let is_staged =
                        |name: &str| self.staged.binary_search_by(|(staged, _)| (**staged).cmp(name)).is_ok();
                    let is_hidden = || name.to_str().is_ok_and(is_staged);
                    if !matches!(name.to_bytes(), b"." | b"..") && !is_hidden() {
                        let kind = known(disk, name, entry.file_type());
                        return Some(Ok(Entry { name: name.to_owned(), kind }));
                    }
                }
            }
        }
        loop {
            let (name, kind) = self.staged.get(self.passed)?;
            self.passed += 1;
            if let Some(kind) = *kind {
                return Some(CString::new(&**name).map(|name| Entry { name, kind }).map_err(|_| Errno::ILSEQ));
            }
        }
    }
}

/// Some file systems do not say in the listing.
fn known(disk: &Dir, name: &std::ffi::CStr, listed: FileType) -> FileType {
    if listed != FileType::Unknown {
        return listed;
    }
    let stat = disk.fd().and_then(|directory| statat(directory.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW));
    stat.map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode))
}
