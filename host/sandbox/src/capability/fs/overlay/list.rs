//! Listing a directory over both layers.

use std::sync::Arc;

use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::super::path::RelPath;
use super::super::view::{Entries, Plain, open_exact};
use super::find::Found;
use super::tree::{DirectoryId, Shown, Tree};

impl Tree {
    /// The entries of the directory at `path`.
    pub(in super::super) fn list(&self, path: &RelPath) -> Result<Entries, Errno> {
        match self.find(path)? {
            Found::Missing => Err(Errno::NOENT),
            Found::File(_) => Err(Errno::NOTDIR),
            Found::Link(_) => Err(Errno::LOOP),
            Found::Disk(path) => Plain.list(&self.base, &path),
            Found::Directory(id) => self.entries(id),
        }
    }

    /// The entries of a directory of the tree.
    pub(super) fn entries(&self, id: DirectoryId) -> Result<Entries, Errno> {
        let directory = self.directory(id);
        let on_disk = |path: &RelPath| {
            Dir::new(open_exact(&self.base, path.as_str(), OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?)
        };
        let disk = directory.below.as_ref().map(|below| on_disk(&below.path)).transpose()?;
        let staged = directory.slots.iter().map(|(name, slot)| (Arc::clone(name), slot.shows.as_ref().map(kind)));
        Ok(Entries::of_layers(disk, staged.collect()))
    }
}

fn kind(shown: &Shown) -> FileType {
    match shown {
        Shown::File(_) => FileType::RegularFile,
        Shown::Directory(_) => FileType::Directory,
        Shown::Link(_) => FileType::Symlink,
    }
}
