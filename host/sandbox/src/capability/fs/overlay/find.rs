//! From a path to what stands there.

use std::sync::Arc;

use rustix::io::Errno;

use super::super::identity::Identity;
use super::super::path::RelPath;
use super::tree::{DirectoryId, Shown, Symlink, Tree};

/// What stands at a path.
#[derive(Debug)]
pub(super) enum Found {
    File(Identity),
    Directory(DirectoryId),
    Link(Arc<Symlink>),
    /// Whatever is on disk at this path, if anything is.
    Disk(RelPath),
    Missing,
}

impl From<&Shown> for Found {
    fn from(shown: &Shown) -> Self {
        match shown {
            Shown::File(identity) => Self::File(*identity),
            Shown::Directory(id) => Self::Directory(*id),
            Shown::Link(link) => Self::Link(Arc::clone(link)),
        }
    }
}

impl Tree {
    /// What stands at `path`.
    ///
    /// # Errors
    ///
    /// Those of a path through something that is no directory: `ELOOP` for a link, `ENOTDIR` for a file, `ENOENT`.
    pub(super) fn find(&self, path: &RelPath) -> Result<Found, Errno> {
        let mut here = DirectoryId::ROOT;
        let mut parts = path.parts().peekable();
        while let Some(part) = parts.next() {
            let (directory, is_last) = (self.directory(here), parts.peek().is_none());
            let shown = match (directory.slots.get(part), &directory.below) {
                (Some(slot), _) => slot.shows.as_ref(),
                (None, Some(below)) => {
                    let mut path = below.path.join(part);
                    parts.for_each(|part| path.push(part));
                    return Ok(Found::Disk(path));
                }
                (None, None) => None,
            };
            match shown {
                Some(Shown::Directory(id)) => here = *id,
                Some(shown) if is_last => return Ok(shown.into()),
                Some(Shown::Link(_)) => return Err(Errno::LOOP),
                Some(Shown::File(_)) => return Err(Errno::NOTDIR),
                None if is_last => return Ok(Found::Missing),
                None => return Err(Errno::NOENT),
            }
        }
        Ok(Found::Directory(here))
    }
}
