//! Changing names and properties: each acts on one name in a directory that was opened through no link.
//!
//! None of the calls used here follows a link at the name itself.

use rustix::fs::{AtFlags, Mode, Timestamps, linkat, mkdirat, renameat, symlinkat, unlinkat, utimensat};
use rustix::io::Errno;

use super::super::base::Base;
use super::super::path::RelPath;
use super::Plain;
use super::exact::{Parent, open_parent};

impl Plain {
    pub(in super::super) fn create_directory(self, base: &Base, path: &RelPath) -> Result<(), Errno> {
        let (parent, name) = parent_of(base, path)?;
        mkdirat(parent.fd(base), name, Mode::from_raw_mode(0o777))
    }

    /// Removes a file, link, FIFO, socket or device node.
    pub(in super::super) fn remove_file(self, base: &Base, path: &RelPath) -> Result<(), Errno> {
        let (parent, name) = parent_of(base, path)?;
        unlinkat(parent.fd(base), name, AtFlags::empty())
    }

    pub(in super::super) fn remove_directory(self, base: &Base, path: &RelPath) -> Result<(), Errno> {
        let (parent, name) = parent_of(base, path)?;
        unlinkat(parent.fd(base), name, AtFlags::REMOVEDIR)
    }

    pub(in super::super) fn rename(self, base: &Base, from: &RelPath, to: &RelPath) -> Result<(), Errno> {
        let (from_parent, from_name) = parent_of(base, from)?;
        let (to_parent, to_name) = parent_of(base, to)?;
        renameat(from_parent.fd(base), from_name, to_parent.fd(base), to_name)
    }

    pub(in super::super) fn hard_link(self, base: &Base, from: &RelPath, to: &RelPath) -> Result<(), Errno> {
        let (from_parent, from_name) = parent_of(base, from)?;
        let (to_parent, to_name) = parent_of(base, to)?;
        linkat(from_parent.fd(base), from_name, to_parent.fd(base), to_name, AtFlags::empty())
    }

    pub(in super::super) fn symlink(self, base: &Base, target: &str, path: &RelPath) -> Result<(), Errno> {
        let (parent, name) = parent_of(base, path)?;
        symlinkat(target, parent.fd(base), name)
    }

    pub(in super::super) fn set_times(self, base: &Base, path: &RelPath, times: &Timestamps) -> Result<(), Errno> {
        let Some((parent, name)) = path.split() else {
            return utimensat(&base.root, ".", times, AtFlags::empty());
        };
        utimensat(open_parent(base, parent)?.fd(base), name, times, AtFlags::SYMLINK_NOFOLLOW)
    }
}

/// The root has no name in a directory of ours: it is busy.
fn parent_of<'a>(base: &Base, path: &'a RelPath) -> Result<(Parent, &'a str), Errno> {
    let (parent, name) = path.split().ok_or(Errno::BUSY)?;
    Ok((open_parent(base, parent)?, name))
}
