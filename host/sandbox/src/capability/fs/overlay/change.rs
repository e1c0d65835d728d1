//! Creating, removing, linking and setting times: each has the answers that the operating system would give.

use std::sync::Arc;

use rustix::fs::Timestamps;
use rustix::io::Errno;

use super::super::identity::Identity;
use super::super::path::RelPath;
use super::super::view::Kind;
use super::adopt::Occupant;
use super::scratch::OpenBlob;
use super::tree::{Directory, DirectoryId, Shown, Symlink, Tree};

impl Tree {
    /// Makes room at `path`, where nothing may be.
    fn vacant<'a>(&mut self, path: &'a RelPath) -> Result<(DirectoryId, &'a str), Errno> {
        let (parent, name) = self.parent(path)?;
        if self.occupant(parent, name)?.is_some() {
            return Err(Errno::EXIST);
        }
        self.may_change(parent)?;
        Ok((parent, name))
    }

    /// Creates a file. `blob` makes its content, once it is known that it can be there.
    pub(super) fn create(
        &mut self,
        path: &RelPath,
        blob: impl FnOnce() -> Result<OpenBlob, Errno>,
    ) -> Result<(Identity, OpenBlob), Errno> {
        let (parent, name) = self.vacant(path)?;
        let blob = blob()?;
        let identity = self.new_inode(Arc::clone(&blob.blob));
        self.show(parent, name, None, Shown::File(identity));
        Ok((identity, blob))
    }

    pub(in super::super) fn create_directory(&mut self, path: &RelPath) -> Result<(), Errno> {
        let (parent, name) = self.vacant(path)?;
        let identity = self.fresh();
        let id = self.add(Directory::new(None, identity));
        self.show(parent, name, None, Shown::Directory(id));
        Ok(())
    }

    pub(in super::super) fn symlink(&mut self, target: &str, path: &RelPath) -> Result<(), Errno> {
        let (parent, name) = self.vacant(path)?;
        let link = Symlink { target: target.to_owned(), identity: self.fresh(), below: None };
        self.show(parent, name, None, Shown::Link(Arc::new(link)));
        Ok(())
    }

    pub(in super::super) fn hard_link(&mut self, from: &RelPath, to: &RelPath) -> Result<(), Errno> {
        let (from_parent, from_name) = self.parent(from)?;
        let linked = self.occupant(from_parent, from_name)?.ok_or(Errno::NOENT)?;
        if linked.is_directory() {
            let (parent, name) = self.parent(to)?;
            return Err(if self.occupant(parent, name)?.is_some() { Errno::EXIST } else { Errno::PERM });
        }
        let (parent, name) = self.vacant(to)?;
        let shown = self.adopt(linked)?;
        let Shown::File(identity) = &shown else { return Err(Errno::PERM) };
        self.count_link(*identity, 1);
        self.show(parent, name, None, shown);
        Ok(())
    }

    /// Removes a file or link.
    pub(in super::super) fn remove_file(&mut self, path: &RelPath) -> Result<(), Errno> {
        let (parent, name) = self.parent(path)?;
        let gone = self.occupant(parent, name)?.ok_or(Errno::NOENT)?;
        if gone.is_directory() {
            return Err(Errno::ISDIR);
        }
        self.may_change(parent)?;
        self.unlinked(&gone);
        self.vacate(parent, name, gone.below().cloned());
        Ok(())
    }

    /// A file lost a name. Of a file with one name nothing is left to be different.
    pub(super) fn unlinked(&mut self, gone: &Occupant) {
        match gone {
            Occupant::Tree(Shown::File(identity)) => self.count_link(*identity, -1),
            Occupant::Disk(below) if below.stamp.kind == Kind::File && below.stamp.links > 1 => {
                self.inode_below(below.clone()).links -= 1;
            }
            Occupant::Disk(below) => self.count_link(below.stamp.identity, -1),
            Occupant::Tree(_) => {}
        }
    }

    /// Removes an empty directory.
    pub(in super::super) fn remove_directory(&mut self, path: &RelPath) -> Result<(), Errno> {
        let (parent, name) = self.parent(path)?;
        let gone = self.occupant(parent, name)?.ok_or(Errno::NOENT)?;
        let id = self.empty_directory(parent, name, &gone)?;
        self.may_change(parent)?;
        self.removed_directory(id);
        self.vacate(parent, name, gone.below().cloned());
        Ok(())
    }

    /// The directory `occupant`, taken into the tree, if it is one and empty.
    pub(super) fn empty_directory(
        &mut self,
        parent: DirectoryId,
        name: &str,
        occupant: &Occupant,
    ) -> Result<DirectoryId, Errno> {
        if !occupant.is_directory() {
            return Err(Errno::NOTDIR);
        }
        let id = match occupant {
            Occupant::Tree(Shown::Directory(id)) => *id,
            _ => self.enter_from(parent, [name].into_iter())?,
        };
        if self.is_empty(id)? { Ok(id) } else { Err(Errno::NOTEMPTY) }
    }

    /// What was on disk of a directory that is gone has to be told of.
    pub(super) fn removed_directory(&mut self, id: DirectoryId) {
        if self.directory(id).below.is_some() {
            self.removed.push(id);
        }
    }

    /// Sets the times of what is at `path`; of a link, nothing is set.
    pub(super) fn set_times(&mut self, path: &RelPath, times: &Timestamps, call: u32) -> Result<(), Errno> {
        if path.is_root() {
            self.directory_mut(DirectoryId::ROOT).times.set(times);
            return Ok(());
        }
        let (parent, name) = self.parent(path)?;
        let occupant = self.occupant(parent, name)?.ok_or(Errno::NOENT)?;
        if occupant.is_directory() {
            let id = self.enter(path.parts())?;
            self.directory_mut(id).times.set(times);
            return Ok(());
        }
        match self.adopt(occupant)? {
            Shown::File(identity) => self.set_file_times(identity, times, call),
            _ => Err(Errno::LOOP),
        }
    }

    /// Sets the times of a file that the tree knows. Content of an earlier call stays as it is: they are kept beside it.
    pub(super) fn set_file_times(&mut self, identity: Identity, times: &Timestamps, call: u32) -> Result<(), Errno> {
        let inode = self.inodes.get_mut(&identity).ok_or(Errno::NOENT)?;
        match &inode.blob {
            Some(blob) if blob.made_by == call => rustix::fs::futimens(blob.open()?, times),
            _ => {
                inode.times.set(times);
                Ok(())
            }
        }
    }
}
