//! Taking what is on disk into the tree, so that it can be different there.

use std::sync::Arc;

use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags, accessat, fstat, readlinkat};
use rustix::io::Errno;

use super::super::path::RelPath;
use super::super::view::{HANDLE, Kind, Plain, open_exact};
use super::inode::on_disk;
use super::stamp::{Below, Stamp};
use super::times::now;
use super::tree::{Directory, DirectoryId, Shown, Symlink, Tree};

/// What stands at a name of a directory of the tree.
#[derive(Debug, Clone)]
pub(super) enum Occupant {
    Tree(Shown),
    Disk(Below),
}

impl Occupant {
    pub(super) fn is_directory(&self) -> bool {
        match self {
            Self::Tree(shown) => matches!(shown, Shown::Directory(_)),
            Self::Disk(below) => below.stamp.kind == Kind::Directory,
        }
    }

    /// What it is as far as the disk knows.
    pub(super) fn below(&self) -> Option<&Below> {
        match self {
            Self::Tree(_) => None,
            Self::Disk(below) => Some(below),
        }
    }
}

impl Tree {
    /// The directory that holds `path`, in the tree, and the name there. The anchor itself is busy.
    pub(super) fn parent<'a>(&mut self, path: &'a RelPath) -> Result<(DirectoryId, &'a str), Errno> {
        let (parent, name) = path.split().ok_or(Errno::BUSY)?;
        if path.is_too_long() {
            return Err(Errno::NAMETOOLONG);
        }
        Ok((self.enter(parent.split('/').filter(|part| !part.is_empty()))?, name))
    }

    /// The directory at this path, in the tree.
    pub(super) fn enter<'a>(&mut self, parts: impl Iterator<Item = &'a str>) -> Result<DirectoryId, Errno> {
        self.enter_from(DirectoryId::ROOT, parts)
    }

    /// [`enter`](Self::enter), from another directory of the tree on.
    pub(super) fn enter_from<'a>(
        &mut self,
        start: DirectoryId,
        parts: impl Iterator<Item = &'a str>,
    ) -> Result<DirectoryId, Errno> {
        let mut here = start;
        for part in parts {
            here = match self.occupant(here, part)?.ok_or(Errno::NOENT)? {
                Occupant::Tree(Shown::Directory(id)) => id,
                Occupant::Tree(Shown::Link(_)) => return Err(Errno::LOOP),
                Occupant::Tree(Shown::File(_)) => return Err(Errno::NOTDIR),
                Occupant::Disk(below) => match below.stamp.kind {
                    Kind::Directory => self.take_in(here, part, below),
                    Kind::Link => return Err(Errno::LOOP),
                    Kind::File | Kind::Special => return Err(Errno::NOTDIR),
                },
            };
        }
        Ok(here)
    }

    fn take_in(&mut self, parent: DirectoryId, name: &str, below: Below) -> DirectoryId {
        let id = self.add(Directory::new(Some(below.clone()), below.stamp.identity));
        let slot = self.directory_mut(parent).slots.entry(name.into()).or_default();
        slot.hides = Some(below);
        slot.shows = Some(Shown::Directory(id));
        id
    }

    /// What stands at `name` of `directory`; `None` if nothing does.
    pub(super) fn occupant(&self, directory: DirectoryId, name: &str) -> Result<Option<Occupant>, Errno> {
        let directory = self.directory(directory);
        if let Some(slot) = directory.slots.get(name) {
            return Ok(slot.shows.clone().map(Occupant::Tree));
        }
        let Some(below) = &directory.below else { return Ok(None) };
        let path = below.path.join(name);
        match on_disk(&self.base, &path) {
            Ok((_, stat)) => Ok(Some(Occupant::Disk(self.below(path, Stamp::of(&stat))))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Whether the operating system would let us change `directory`: staged or not, the same answer.
    pub(super) fn may_change(&mut self, directory: DirectoryId) -> Result<(), Errno> {
        let known = self.directory(directory);
        let writable = match (known.writable, &known.below) {
            (Some(writable), _) => writable,
            (None, None) => true,
            (None, Some(below)) => {
                let handle = open_exact(&self.base, below.path.as_str(), HANDLE | OFlags::DIRECTORY, Mode::empty())?;
                match accessat(&handle, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
                    Ok(()) => true,
                    Err(Errno::ACCESS) => false,
                    Err(errno) => return Err(errno),
                }
            }
        };
        self.directory_mut(directory).writable = Some(writable);
        if writable { Ok(()) } else { Err(Errno::ACCESS) }
    }

    /// What stands for `occupant` in the tree, wherever it is put.
    pub(super) fn adopt(&mut self, occupant: Occupant) -> Result<Shown, Errno> {
        let below = match occupant {
            Occupant::Tree(shown) => return Ok(shown),
            Occupant::Disk(below) => below,
        };
        let identity = below.stamp.identity;
        match below.stamp.kind {
            Kind::Directory => {
                self.note_directories(&below)?;
                Ok(Shown::Directory(self.add(Directory::new(Some(below), identity))))
            }
            Kind::Link => {
                let (handle, stat) = on_disk(&self.base, &below.path)?;
                if Kind::of(&stat) != Kind::Link {
                    return Err(Errno::BUSY);
                }
                let target = readlinkat(&handle, "", Vec::new())?.into_string().map_err(|_| Errno::ILSEQ)?;
                Ok(Shown::Link(Arc::new(Symlink { target, identity, below: Some(below) })))
            }
            Kind::File => {
                self.inode_below(below);
                Ok(Shown::File(identity))
            }
            Kind::Special => Err(Errno::NXIO),
        }
    }

    /// Notes every directory of the disk in one that is about to be moved. What may be in it was checked by the caller, and
    /// what comes to it before the move lands would not have been.
    fn note_directories(&mut self, below: &Below) -> Result<(), Errno> {
        let mut ahead = vec![below.clone()];
        while let Some(below) = ahead.pop() {
            let mut entries = Plain.list(&self.base, &below.path)?;
            while let Some(entry) = entries.next() {
                let entry = entry?;
                if entry.kind != FileType::Directory {
                    continue;
                }
                let path = below.path.join(entry.name.to_str().map_err(|_| Errno::ILSEQ)?);
                let stamp = Stamp::of(&on_disk(&self.base, &path)?.1);
                ahead.push(Below { path, stamp });
            }
            self.moved_along.push(below);
        }
        Ok(())
    }

    /// Puts `shown` at `name`. `hides` is what is on disk there, if that is not known yet.
    pub(super) fn show(&mut self, directory: DirectoryId, name: &str, hides: Option<Below>, shown: Shown) {
        let slot = self.directory_mut(directory).slots.entry(name.into()).or_default();
        slot.hides = slot.hides.take().or(hides);
        slot.shows = Some(shown);
        self.touch(directory);
    }

    /// Takes what is at `name` away from there. `hides` as in [`show`](Self::show).
    pub(super) fn vacate(&mut self, directory: DirectoryId, name: &str, hides: Option<Below>) {
        let slots = &mut self.directory_mut(directory).slots;
        let slot = slots.entry(name.into()).or_default();
        slot.hides = slot.hides.take().or(hides);
        slot.shows = None;
        if slot.hides.is_none() {
            slots.remove(name);
        }
        self.touch(directory);
    }

    fn touch(&mut self, directory: DirectoryId) {
        self.directory_mut(directory).touched.modified = Some(now());
    }

    /// Whether the directory, which is in the tree, has no entry.
    pub(super) fn is_empty(&self, id: DirectoryId) -> Result<bool, Errno> {
        let directory = self.directory(id);
        if directory.slots.values().any(|slot| slot.shows.is_some()) {
            return Ok(false);
        }
        let mut entries = self.entries(id)?;
        match entries.next() {
            None => Ok(true),
            Some(entry) => entry.map(|_| false),
        }
    }
}

/// The properties of the anchor, for what has none of its own.
pub(super) fn template(tree: &Tree) -> Result<rustix::fs::Stat, Errno> {
    fstat(&tree.base.root)
}
