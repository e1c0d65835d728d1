//! The tree of what is different from the disk, of one anchor.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::super::base::Base;
use super::super::identity::Identity;
use super::super::path::RelPath;
use super::scratch::Blob;
use super::stamp::{Below, Stamp};
use super::times::Times;

/// The device number of what is on no disk. No device of Linux has it: its numbers have at most 32 bits.
const STAGED: u64 = u64::MAX;

/// How many files are remembered as they were when they were read. More are only compared as they are when they are changed.
const SEEN: usize = 1 << 16;

/// The staged changes of one anchor.
#[derive(Debug, Clone)]
pub(in super::super) struct Tree {
    pub(in super::super) base: Arc<Base>,
    number: u64,
    directories: Vec<Directory>,
    /// The files of which anything but their place is different.
    pub(in super::super) inodes: HashMap<Identity, Inode>,
    /// Directories that are on disk and were removed: what was removed of their content is told in them.
    pub(in super::super) removed: Vec<DirectoryId>,
    /// The directories of the disk in those that were moved, as they were then.
    pub(in super::super) moved_along: Vec<Below>,
    /// Files on disk as they were when they were first read.
    seen: HashMap<RelPath, Stamp>,
    fresh: u64,
}

/// A directory of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) struct DirectoryId(usize);

impl DirectoryId {
    /// The anchor itself.
    pub(in super::super) const ROOT: Self = Self(0);
}

/// A directory in which something is different.
#[derive(Debug, Clone)]
pub(in super::super) struct Directory {
    /// The directory on disk whose entries show through; `None` for a new one.
    pub(in super::super) below: Option<Below>,
    /// The names that are different. Listings share them: a guest may have many open.
    pub(in super::super) slots: BTreeMap<Arc<str>, Slot>,
    /// Times that were set.
    pub(in super::super) times: Times,
    /// When an entry last came or went.
    pub(in super::super) touched: Times,
    pub(in super::super) identity: Identity,
    /// Whether the operating system lets us create and remove entries; asked once.
    pub(super) writable: Option<bool>,
}

/// A name that is different from the disk.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Slot {
    /// What stands there on disk.
    pub(in super::super) hides: Option<Below>,
    /// What stands there now.
    pub(in super::super) shows: Option<Shown>,
}

/// What stands at a name.
#[derive(Debug, Clone)]
pub(in super::super) enum Shown {
    File(Identity),
    Directory(DirectoryId),
    Link(Arc<Symlink>),
}

/// A symbolic link, new or moved.
#[derive(Debug)]
pub(in super::super) struct Symlink {
    pub(in super::super) target: String,
    pub(in super::super) identity: Identity,
    pub(in super::super) below: Option<Below>,
}

/// What is different of a file, whatever its names.
#[derive(Debug, Clone)]
pub(in super::super) struct Inode {
    /// The file on disk; `None` for a new one.
    pub(in super::super) below: Option<Below>,
    /// Its content, if that is another one.
    pub(in super::super) blob: Option<Arc<Blob>>,
    /// Times that were set and are not the blob's.
    pub(in super::super) times: Times,
    /// How many names it has; of a file on disk, how many more or less than there.
    pub(in super::super) links: i64,
}

impl Tree {
    pub(super) fn new(base: Arc<Base>, number: u64) -> Self {
        let mut tree = Self {
            number,
            directories: Vec::new(),
            inodes: HashMap::new(),
            removed: Vec::new(),
            moved_along: Vec::new(),
            seen: HashMap::new(),
            fresh: 0,
            base,
        };
        tree.begin();
        tree
    }

    /// The root is there from the start. Its stamp is only its identity: nothing is ever compared with the rest.
    fn begin(&mut self) {
        let stamp = rustix::fs::fstat(&self.base.root).map(|stat| Stamp::of(&stat));
        let below = stamp.ok().map(|stamp| Below { path: RelPath::default(), stamp });
        self.add(Directory::new(below, self.base.identity));
    }

    /// Whether nothing is different.
    pub(in super::super) fn is_untouched(&self) -> bool {
        let same = |slot: &Slot| self.is_as_on_disk(slot);
        let nothing = |directory: &Directory| directory.times.is_empty() && directory.slots.values().all(same);
        self.removed.is_empty()
            && self.directories.iter().all(nothing)
            && self.inodes.values().all(|inode| inode.blob.is_none() && inode.times.is_empty())
    }

    /// It only leads to something that is different: what stands there is the directory that stands there on disk.
    fn is_as_on_disk(&self, slot: &Slot) -> bool {
        let (Some(hides), Some(Shown::Directory(id))) = (&slot.hides, &slot.shows) else { return false };
        self.directory(*id).below.as_ref().is_some_and(|below| below.path == hides.path)
    }

    /// How many names are kept as different, and files.
    pub(in super::super) fn names(&self) -> usize {
        let slots = |directory: &Directory| directory.slots.len();
        self.directories.iter().map(slots).fold(self.inodes.len(), usize::saturating_add)
    }

    pub(super) fn add(&mut self, directory: Directory) -> DirectoryId {
        self.directories.push(directory);
        DirectoryId(self.directories.len() - 1)
    }

    #[expect(clippy::indexing_slicing, reason = "an id is made by `add` only, and no directory is taken out")]
    pub(in super::super) fn directory(&self, id: DirectoryId) -> &Directory {
        &self.directories[id.0]
    }

    #[expect(clippy::indexing_slicing, reason = "an id is made by `add` only, and no directory is taken out")]
    pub(super) fn directory_mut(&mut self, id: DirectoryId) -> &mut Directory {
        &mut self.directories[id.0]
    }

    /// An identity that nothing on any disk has.
    pub(super) fn fresh(&mut self) -> Identity {
        self.fresh += 1;
        Identity { device: STAGED, inode: (self.number << 40) | self.fresh }
    }

    /// Remembers what a file was when it was read, so that a change of it by somebody else is found later.
    pub(super) fn saw(&mut self, path: &RelPath, stamp: Stamp) {
        if self.seen.len() < SEEN && !self.seen.contains_key(path) {
            self.seen.insert(path.clone(), stamp);
        }
    }

    /// Something on disk, as it was when it was looked at first.
    pub(super) fn below(&self, path: RelPath, stamp: Stamp) -> Below {
        let stamp = self.seen.get(&path).copied().unwrap_or(stamp);
        Below { path, stamp }
    }
}

impl Directory {
    pub(super) fn new(below: Option<Below>, identity: Identity) -> Self {
        let (slots, times) = (BTreeMap::new(), Times::default());
        Self { below, slots, times, touched: times, identity, writable: None }
    }
}
