//! Opening exactly the path that was asked for: beneath the root, through no link, across no mount point.
//!
//! `openat2` does this in one system call, atomically. Where a kernel or a seccomp filter withholds it, the path is walked
//! one directory at a time, each opened without following. The walk tells mount points by their device only: a bind mount
//! from the same file system passes.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, statat};
use rustix::io::Errno;

use super::super::base::Base;

/// A handle to something without the right to read it; also to a link itself.
pub(in super::super) const HANDLE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW);

/// How paths are resolved on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Resolver {
    /// By `openat2`.
    Kernel,
    /// One directory at a time.
    Walk,
}

impl Resolver {
    /// Tries which one there is.
    pub(in super::super) fn choose(root: impl AsFd) -> Self {
        match openat2(root, ".", HANDLE | OFlags::CLOEXEC, Mode::empty(), resolve_flags()) {
            Ok(_) => Self::Kernel,
            Err(_) => Self::Walk,
        }
    }
}

fn resolve_flags() -> ResolveFlags {
    ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV
}

/// Opens `path`, which is link-free as far as the caller knows; `ELOOP` if that is not so any more.
///
/// Never blocks on a FIFO and never makes a terminal the host's.
pub(in super::super) fn open_exact(base: &Base, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { "." } else { path };
    let flags = flags | OFlags::CLOEXEC;
    // O_PATH takes no other flags than these; openat2 is strict about it.
    let flags = if flags.contains(OFlags::PATH) { flags } else { flags | OFlags::NONBLOCK | OFlags::NOCTTY };
    match base.resolver {
        // A link where a directory must be is to fail as a link: with `O_NOFOLLOW` it would be found to be no directory.
        Resolver::Kernel if flags.contains(OFlags::DIRECTORY) => {
            openat2(&base.root, path, flags - OFlags::NOFOLLOW, mode, resolve_flags())
        }
        Resolver::Kernel => openat2(&base.root, path, flags, mode, resolve_flags()),
        Resolver::Walk => walk(base, path, flags, mode),
    }
}

/// A handle to the directory that `path` is in, for calls that act on a name in it.
pub(in super::super) fn open_parent(base: &Base, parent: &str) -> Result<Parent, Errno> {
    if parent.is_empty() {
        return Ok(Parent::Root);
    }
    open_exact(base, parent, HANDLE | OFlags::DIRECTORY, Mode::empty()).map(Parent::Below)
}

/// A directory that a name is in. The root is open already.
pub(in super::super) enum Parent {
    Root,
    Below(OwnedFd),
}

impl Parent {
    pub(in super::super) fn fd<'a>(&'a self, base: &'a Base) -> BorrowedFd<'a> {
        match self {
            Self::Root => base.root.as_fd(),
            Self::Below(directory) => directory.as_fd(),
        }
    }
}

fn walk(base: &Base, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let Some((above, name)) = path.rsplit_once('/') else {
        return last_step(base, base.root.as_fd(), path, flags, mode);
    };
    let mut directory: Option<OwnedFd> = None;
    for part in above.split('/') {
        let here = directory.as_ref().map_or(base.root.as_fd(), AsFd::as_fd);
        directory = Some(last_step(base, here, part, HANDLE | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?);
    }
    let here = directory.as_ref().map_or(base.root.as_fd(), AsFd::as_fd);
    last_step(base, here, name, flags, mode)
}

/// One name in one directory, not followed.
fn last_step(base: &Base, here: BorrowedFd<'_>, name: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    match openat(here, name, flags | OFlags::NOFOLLOW, mode) {
        Ok(opened) if fstat(&opened)?.st_dev == base.identity.device => Ok(opened),
        Ok(_) => Err(Errno::XDEV),
        // A link where a directory must be is no directory to `openat`; to us it is a link.
        Err(Errno::NOTDIR) if is_link(here, name) => Err(Errno::LOOP),
        Err(errno) => Err(errno),
    }
}

fn is_link(here: BorrowedFd<'_>, name: &str) -> bool {
    statat(here, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}
