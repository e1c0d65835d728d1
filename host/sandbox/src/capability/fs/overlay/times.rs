//! Times that were set.

use rustix::fs::{Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::time::{ClockId, clock_gettime};

/// Times that differ from what is on disk; `None` where they do not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Times {
    pub(in super::super) access: Option<Timespec>,
    pub(in super::super) modified: Option<Timespec>,
}

/// The time that the kernel would set.
pub(in super::super) fn now() -> Timespec {
    clock_gettime(ClockId::Realtime)
}

impl Times {
    pub(in super::super) fn is_empty(&self) -> bool {
        self.access.is_none() && self.modified.is_none()
    }

    /// Sets what `times` says.
    pub(super) fn set(&mut self, times: &Timestamps) {
        self.access = chosen(times.last_access).or(self.access);
        self.modified = chosen(times.last_modification).or(self.modified);
    }

    /// For a system call.
    pub(in super::super) fn timestamps(&self) -> Timestamps {
        let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        Timestamps { last_access: self.access.unwrap_or(omit), last_modification: self.modified.unwrap_or(omit) }
    }

    /// Overwrites the times of `stat`.
    pub(super) fn put_into(&self, stat: &mut Stat) {
        if let Some(access) = self.access {
            stat.st_atime = access.tv_sec;
            stat.st_atime_nsec = access.tv_nsec.try_into().unwrap_or(0);
        }
        if let Some(modified) = self.modified {
            stat.st_mtime = modified.tv_sec;
            stat.st_mtime_nsec = modified.tv_nsec.try_into().unwrap_or(0);
        }
    }
}

fn chosen(time: Timespec) -> Option<Timespec> {
    match time.tv_nsec {
        UTIME_OMIT => None,
        UTIME_NOW => Some(now()),
        _ => Some(time),
    }
}
