//! Opening and creating files of a stage.

use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};

use rustix::fs::{Mode, Stat, fstat};
use rustix::io::Errno;

use super::super::grants::Grant;
use super::super::identity::Identity;
use super::super::path::RelPath;
use super::super::view::{How, Kind, open_exact};
use super::content::{OnDisk, StagedFile};
use super::find::Found;
use super::scratch::OpenBlob;
use super::stage::Stage;
use super::stamp::Stamp;
use super::tree::Tree;

/// What was opened: a file with its content, or anything else without.
pub(in super::super) struct Opened {
    pub(in super::super) file: Option<StagedFile>,
    pub(in super::super) stat: Stat,
}

impl Opened {
    fn other(stat: Stat) -> Self {
        Self { file: None, stat }
    }
}

impl Stage {
    /// Opens what is at `path`. Nothing is copied yet.
    pub(in super::super) fn open(self: &Arc<Self>, grant: &Grant, path: &RelPath, how: How) -> Result<Opened, Errno> {
        let mut layer = self.lock();
        let number = layer.number_of(grant);
        let (tree, _, call, path) = layer.tree(grant, path);
        let (identity, disk) = match tree.find(&path)? {
            Found::Missing => return Err(Errno::NOENT),
            Found::Link(_) => return Err(Errno::LOOP),
            Found::Directory(_) if how.write => return Err(Errno::ISDIR),
            Found::Directory(id) => return Ok(Opened::other(tree.directory_stat(id)?)),
            Found::File(_) if how.must_be_directory => return Err(Errno::NOTDIR),
            Found::File(identity) => (identity, tree.disk_of(identity, how)?),
            Found::Disk(path) => {
                let fd = open_exact(&tree.base, path.as_str(), how.flags(), Mode::empty())?;
                let stat = fstat(&fd)?;
                if Kind::of(&stat) != Kind::File {
                    return Ok(Opened::other(stat));
                }
                if how.read {
                    tree.saw(&path, Stamp::of(&stat));
                }
                (Identity::of(&stat), Some((OnDisk { fd, path }, stat)))
            }
        };
        let stat = match (&disk, tree.inodes.contains_key(&identity)) {
            (Some((_, stat)), false) => *stat,
            _ => tree.file_stat(identity)?,
        };
        let disk = disk.map(|(disk, _)| disk);
        let blob = tree.inodes.get(&identity).and_then(|inode| inode.blob.clone());
        let file = self.opened(number, identity, disk);
        if let Some(blob) = blob {
            file.know(OpenBlob::of(&blob)?, call);
        }
        Ok(Opened { file: Some(file), stat })
    }

    /// Creates and opens a file at `path`.
    pub(in super::super) fn create(self: &Arc<Self>, grant: &Grant, path: &RelPath) -> Result<Opened, Errno> {
        let mut layer = self.lock();
        let number = layer.number_of(grant);
        let (tree, scratch, call, path) = layer.tree(grant, path);
        let (identity, blob) = tree.create(&path, || scratch.blob(call))?;
        let stat = tree.file_stat(identity)?;
        self.copied();
        let file = self.opened(number, identity, None);
        file.know(blob, call);
        Ok(Opened { file: Some(file), stat })
    }

    fn opened(self: &Arc<Self>, tree: usize, identity: Identity, disk: Option<OnDisk>) -> StagedFile {
        let (blob, earlier) = (OnceLock::new(), OnceLock::new());
        StagedFile { stage: Arc::clone(self), tree, identity, disk, blob, earlier }
    }
}

impl Tree {
    /// The file on disk that `identity` still has its content from, opened.
    fn disk_of(&self, identity: Identity, how: How) -> Result<Option<(OnDisk, Stat)>, Errno> {
        let inode = self.inodes.get(&identity).ok_or(Errno::NOENT)?;
        let (None, Some(below)) = (&inode.blob, &inode.below) else { return Ok(None) };
        let fd: OwnedFd = open_exact(&self.base, below.path.as_str(), how.flags(), Mode::empty())?;
        let stat = fstat(&fd)?;
        // Somebody else put another file there since: what was taken into the tree is gone.
        if Identity::of(&stat) != identity {
            return Err(Errno::BUSY);
        }
        Ok(Some((OnDisk { fd, path: below.path.clone() }, stat)))
    }
}
