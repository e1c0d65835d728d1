//! What was on disk when it was looked at first: what a commit compares the disk with.

use rustix::fs::Stat;
use serde::{Deserialize, Serialize};

use super::super::identity::Identity;
use super::super::path::RelPath;
use super::super::view::Kind;

/// Everything of a file's properties that changes when the file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Stamp {
    pub(in super::super) identity: Identity,
    pub(in super::super) kind: Kind,
    pub(in super::super) size: u64,
    /// Seconds and nanoseconds since 1970.
    pub(in super::super) modified: (i64, i64),
    /// When its properties were changed, by the kernel's own account: nobody can set it.
    pub(in super::super) changed: (i64, i64),
    pub(in super::super) mode: u32,
    pub(in super::super) links: u64,
    pub(in super::super) owner: (u32, u32),
}

impl Stamp {
    pub(in super::super) fn of(stat: &Stat) -> Self {
        let nanoseconds = |part| i64::try_from(part).unwrap_or(0);
        Self {
            identity: Identity::of(stat),
            kind: Kind::of(stat),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
            changed: (stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
            mode: stat.st_mode & 0o7777,
            links: stat.st_nlink,
            owner: (stat.st_uid, stat.st_gid),
        }
    }

    /// Whether what has `now` is the same thing with the same content. What happened in a directory does not make it another.
    pub(in super::super) fn still_holds(&self, now: &Self) -> bool {
        match self.kind {
            Kind::Directory => self.identity == now.identity && now.kind == Kind::Directory,
            _ => self == now,
        }
    }

    /// [`still_holds`](Self::still_holds), but for the one thing that a move itself changes.
    pub(in super::super) fn holds_but_for_moves(&self, now: &Self) -> bool {
        Self { changed: now.changed, ..*self }.still_holds(now)
    }
}

/// Something on disk below the staged changes: where, and what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Below {
    pub(in super::super) path: RelPath,
    pub(in super::super) stamp: Stamp,
}
