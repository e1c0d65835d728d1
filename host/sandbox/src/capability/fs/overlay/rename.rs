//! Moving within the tree.

use rustix::io::Errno;

use super::super::identity::Identity;
use super::super::path::RelPath;
use super::adopt::Occupant;
use super::tree::{DirectoryId, Shown, Tree};

impl Tree {
    /// Moves `from` to `to`, with the rules of `rename(2)`.
    pub(in super::super) fn rename(&mut self, from: &RelPath, to: &RelPath) -> Result<(), Errno> {
        let (from_parent, from_name) = self.parent(from)?;
        let moved = self.occupant(from_parent, from_name)?.ok_or(Errno::NOENT)?;
        if from == to {
            return Ok(());
        }
        if moved.is_directory() && from.rest(to).is_some() {
            return Err(Errno::INVAL);
        }
        let (to_parent, to_name) = self.parent(to)?;
        let replaced = self.occupant(to_parent, to_name)?;
        if let Some(replaced) = &replaced {
            if same_file(&moved, replaced) {
                return Ok(());
            }
            self.may_replace(&moved, (to_parent, to_name), replaced)?;
        }
        self.may_change(from_parent)?;
        self.may_change(to_parent)?;
        if let Some(replaced) = &replaced {
            self.replaced((to_parent, to_name), replaced)?;
        }
        let (from_below, to_below) = (moved.below().cloned(), replaced.and_then(|replaced| replaced.below().cloned()));
        let shown = self.adopt(moved)?;
        self.vacate(from_parent, from_name, from_below);
        self.show(to_parent, to_name, to_below, shown);
        Ok(())
    }

    fn may_replace(&mut self, moved: &Occupant, at: (DirectoryId, &str), replaced: &Occupant) -> Result<(), Errno> {
        match (moved.is_directory(), replaced.is_directory()) {
            (true, true) => self.empty_directory(at.0, at.1, replaced).map(drop),
            (true, false) => Err(Errno::NOTDIR),
            (false, true) => Err(Errno::ISDIR),
            (false, false) => Ok(()),
        }
    }

    fn replaced(&mut self, at: (DirectoryId, &str), replaced: &Occupant) -> Result<(), Errno> {
        if replaced.is_directory() {
            let id = self.empty_directory(at.0, at.1, replaced)?;
            self.removed_directory(id);
        } else {
            self.unlinked(replaced);
        }
        Ok(())
    }
}

/// Two names of one file: moving one to the other does nothing.
fn same_file(one: &Occupant, other: &Occupant) -> bool {
    identity(one).is_some() && identity(one) == identity(other)
}

fn identity(occupant: &Occupant) -> Option<Identity> {
    match occupant {
        Occupant::Tree(Shown::File(identity)) => Some(*identity),
        Occupant::Tree(Shown::Link(link)) => Some(link.identity),
        Occupant::Tree(Shown::Directory(_)) => None,
        Occupant::Disk(below) => Some(below.stamp.identity),
    }
}
