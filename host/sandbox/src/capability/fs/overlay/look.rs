//! Looking at what stands at a path.

use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::super::identity::Identity;
use super::super::path::RelPath;
use super::super::view::{HANDLE, Kind, Look, Plain, open_exact};
use super::adopt::template;
use super::find::Found;
use super::inode::on_disk;
use super::tree::{DirectoryId, Symlink, Tree};

impl Tree {
    /// What stands at `path`; a link is not followed.
    pub(in super::super) fn look(&self, path: &RelPath) -> Result<Look, Errno> {
        match self.find(path)? {
            Found::Missing => Err(Errno::NOENT),
            Found::File(identity) => Ok(Look::known(self.file_stat(identity)?, String::new())),
            Found::Directory(id) => Ok(Look::known(self.directory_stat(id)?, String::new())),
            Found::Link(link) => Ok(Look::known(self.link_stat(&link)?, link.target.clone())),
            Found::Disk(path) => {
                let look = Plain.look(&self.base, &path)?;
                if self.inodes.is_empty() || look.kind != Kind::File {
                    return Ok(look);
                }
                match self.inodes.get(&Identity::of(&look.stat)) {
                    Some(_) => Ok(Look::known(self.file_stat(Identity::of(&look.stat))?, String::new())),
                    None => Ok(look),
                }
            }
        }
    }

    /// The properties of the directory at `path`, without any right to it.
    pub(in super::super) fn enter_stat(&self, path: &RelPath) -> Result<Stat, Errno> {
        match self.find(path)? {
            Found::Missing => Err(Errno::NOENT),
            Found::File(_) => Err(Errno::NOTDIR),
            Found::Link(_) => Err(Errno::LOOP),
            Found::Directory(id) => self.directory_stat(id),
            Found::Disk(path) => Plain.enter(&self.base, &path),
        }
    }

    /// The properties of a directory of the tree.
    pub(super) fn directory_stat(&self, id: DirectoryId) -> Result<Stat, Errno> {
        let directory = self.directory(id);
        let mut stat = match &directory.below {
            Some(below) if !below.path.is_root() => {
                let handle = open_exact(&self.base, below.path.as_str(), HANDLE | OFlags::DIRECTORY, Mode::empty())?;
                rustix::fs::fstat(handle)?
            }
            _ => template(self)?,
        };
        stat.st_dev = directory.identity.device;
        stat.st_ino = directory.identity.inode;
        directory.touched.put_into(&mut stat);
        directory.times.put_into(&mut stat);
        Ok(stat)
    }

    fn link_stat(&self, link: &Symlink) -> Result<Stat, Errno> {
        if let Some(below) = &link.below {
            return Ok(on_disk(&self.base, &below.path)?.1);
        }
        let mut stat = template(self)?;
        stat.st_dev = link.identity.device;
        stat.st_ino = link.identity.inode;
        stat.st_nlink = 1;
        stat.st_size = i64::try_from(link.target.len()).unwrap_or(i64::MAX);
        stat.st_mode = FileType::Symlink.as_raw_mode() | 0o777;
        Ok(stat)
    }
}
