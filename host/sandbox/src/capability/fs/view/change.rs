//! Changing names and properties: each acts on one name in a directory that was opened through no link.
//!
//! None of the calls used here follows a link at the name itself.

use rustix::fs::{AtFlags, Mode, Timestamps, linkat, mkdirat, renameat, symlinkat, unlinkat, utimensat};
use rustix::io::Errno;

use super::super::grants::Grant;
use super::super::path::RelPath;
use super::View;
use super::exact::{Parent, open_parent};

impl View {
    pub(in super::super) fn create_directory(self, grant: &Grant, path: &RelPath) -> Result<(), Errno> {
        let (parent, name) = parent_of(grant, path)?;
        mkdirat(parent.fd(grant), name, Mode::from_raw_mode(0o777))
    }

    /// Removes a file, link, FIFO, socket or device node.
    pub(in super::super) fn remove_file(self, grant: &Grant, path: &RelPath) -> Result<(), Errno> {
        let (parent, name) = parent_of(grant, path)?;
        unlinkat(parent.fd(grant), name, AtFlags::empty())
    }

    pub(in super::super) fn remove_directory(self, grant: &Grant, path: &RelPath) -> Result<(), Errno> {
        let (parent, name) = parent_of(grant, path)?;
        unlinkat(parent.fd(grant), name, AtFlags::REMOVEDIR)
    }

    pub(in super::super) fn rename(self, grant: &Grant, from: &RelPath, to: &RelPath) -> Result<(), Errno> {
        let (from_parent, from_name) = parent_of(grant, from)?;
        let (to_parent, to_name) = parent_of(grant, to)?;
        renameat(from_parent.fd(grant), from_name, to_parent.fd(grant), to_name)
    }

    pub(in super::super) fn hard_link(self, grant: &Grant, from: &RelPath, to: &RelPath) -> Result<(), Errno> {
        let (from_parent, from_name) = parent_of(grant, from)?;
        let (to_parent, to_name) = parent_of(grant, to)?;
        linkat(from_parent.fd(grant), from_name, to_parent.fd(grant), to_name, AtFlags::empty())
    }

    pub(in super::super) fn symlink(self, grant: &Grant, target: &str, path: &RelPath) -> Result<(), Errno> {
        let (parent, name) = parent_of(grant, path)?;
        symlinkat(target, parent.fd(grant), name)
    }

    pub(in super::super) fn set_times(self, grant: &Grant, path: &RelPath, times: &Timestamps) -> Result<(), Errno> {
        let Some((parent, name)) = path.split() else {
            return utimensat(&grant.root, ".", times, AtFlags::empty());
        };
        utimensat(open_parent(grant, parent)?.fd(grant), name, times, AtFlags::SYMLINK_NOFOLLOW)
    }
}

/// The root has no name in a directory of ours: it is busy.
fn parent_of<'a>(grant: &Grant, path: &'a RelPath) -> Result<(Parent, &'a str), Errno> {
    let (parent, name) = path.split().ok_or(Errno::BUSY)?;
    Ok((open_parent(grant, parent)?, name))
}
