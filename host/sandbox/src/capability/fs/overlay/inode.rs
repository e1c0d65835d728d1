//! Files of which something is different, whatever they are called.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, Stat, fstat};
use rustix::io::Errno;

use super::super::base::Base;
use super::super::identity::Identity;
use super::super::path::RelPath;
use super::super::view::{HANDLE, open_exact};
use super::stamp::Below;
use super::times::Times;
use super::tree::{Inode, Tree};

/// A handle to what is on disk at `path`, without the right to read it, and its properties.
pub(super) fn on_disk(base: &Base, path: &RelPath) -> Result<(OwnedFd, Stat), Errno> {
    let handle = open_exact(base, path.as_str(), HANDLE, Mode::empty())?;
    let stat = fstat(&handle)?;
    Ok((handle, stat))
}

impl Tree {
    /// The inode of a file on disk, to be changed.
    pub(super) fn inode_below(&mut self, below: Below) -> &mut Inode {
        self.inode_opened(below.stamp.identity, below)
    }

    /// The inode of a file that is open. `below` is what was read at its path before: somebody may have put this one there since, which
    /// is found when the two are compared.
    pub(super) fn inode_opened(&mut self, identity: Identity, below: Below) -> &mut Inode {
        let new = || Inode { below: None, blob: None, times: Times::default(), links: 0 };
        let inode = self.inodes.entry(identity).or_insert_with(new);
        inode.below.get_or_insert(below);
        inode
    }

    /// A new file with this content.
    pub(super) fn new_inode(&mut self, blob: std::sync::Arc<super::scratch::Blob>) -> Identity {
        let identity = self.fresh();
        let inode = Inode { below: None, blob: Some(blob), times: Times::default(), links: 1 };
        self.inodes.insert(identity, inode);
        identity
    }

    /// A name of the file came or went.
    pub(super) fn count_link(&mut self, identity: Identity, by: i64) {
        if let Some(inode) = self.inodes.get_mut(&identity) {
            inode.links += by;
        }
    }

    /// The properties of the file `identity`, which the tree knows.
    pub(super) fn file_stat(&self, identity: Identity) -> Result<Stat, Errno> {
        let inode = self.inodes.get(&identity).ok_or(Errno::NOENT)?;
        let stat = match (&inode.blob, &inode.below) {
            (Some(blob), _) => blob.stat()?,
            (None, Some(below)) => on_disk(&self.base, &below.path)?.1,
            (None, None) => return Err(Errno::NOENT),
        };
        Ok(self.seen_by_guest(identity, stat))
    }

    /// The properties of a file as the guest is to see them: one identity and link count whatever holds its content.
    pub(super) fn seen_by_guest(&self, identity: Identity, mut stat: Stat) -> Stat {
        let Some(inode) = self.inodes.get(&identity) else { return stat };
        stat.st_dev = identity.device;
        stat.st_ino = identity.inode;
        let on_disk = inode.below.as_ref().map_or(0, |below| below.stamp.links);
        stat.st_nlink = on_disk.saturating_add_signed(inode.links);
        inode.times.put_into(&mut stat);
        stat
    }
}
