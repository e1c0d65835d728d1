//! The operations of a guest, one verb per file: resolve, ask the rules, charge, act through the view, note.

mod create_directory;
mod hard_link;
mod list;
mod open;
mod read_link;
mod remove;
mod rename;
mod resolve;
mod set_times;
mod stat;
mod symlink;

pub(super) use open::{Request, root};
pub(super) use resolve::Last;
pub(super) use set_times::timestamps;
pub(super) use stat::{descriptor_stat, metadata_hash};

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rustix::io::Errno;
use toolhold_core::limit::{Exceeded, Limit};

use super::bindings::types::ErrorCode;
use super::ctx::FsCtx;
use super::error::{FsError, code_of};
use super::notes::Why;

/// Why an operation on a resolved path came to nothing.
#[derive(Debug)]
pub(super) enum Stop {
    /// The path is not free of links after all: resolve again, following them where that is allowed.
    Link,
    /// Refused, and noted for the operator.
    Refused(Why),
    /// Whatever the guest is to be told.
    Fs(FsError),
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::LOOP => Self::Link,
            Errno::XDEV => Self::Refused(Why::MountPoint),
            // What `open` answers for sockets, FIFOs without a reader and devices without a driver.
            Errno::NXIO | Errno::NODEV => Self::Refused(Why::SpecialFile),
            errno => Self::Fs(FsError::Code(code_of(errno))),
        }
    }
}

impl From<ErrorCode> for Stop {
    fn from(code: ErrorCode) -> Self {
        Self::Fs(code.into())
    }
}

impl From<Exceeded> for Stop {
    fn from(exceeded: Exceeded) -> Self {
        Self::Fs(exceeded.into())
    }
}

impl From<Why> for Stop {
    fn from(why: Why) -> Self {
        Self::Refused(why)
    }
}

/// POSIX's word for a refusal. A grant without `write` is a read-only file system, a step out is not permitted, another
/// grant is another device; everything else is a matter of permissions.
fn code_for(why: Why) -> ErrorCode {
    match why {
        Why::ReadOnly => ErrorCode::ReadOnly,
        Why::Escape => ErrorCode::NotPermitted,
        Why::AcrossGrants => ErrorCode::CrossDevice,
        _ => ErrorCode::Access,
    }
}

/// Held while a name comes to be (many at once) or is moved (alone).
///
/// A move looks at a whole tree before it acts. Two calls that work together could otherwise put something into the tree
/// in between that may not be where it is moved to. One lock for the process, because grants of different tools can be the
/// same directory or lie within each other; the tree that a move looks at is bounded, and so is the wait.
static NAMES: RwLock<()> = RwLock::new(());

fn while_names_come() -> RwLockReadGuard<'static, ()> {
    NAMES.read().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn while_names_move() -> RwLockWriteGuard<'static, ()> {
    NAMES.write().unwrap_or_else(PoisonError::into_inner)
}

impl FsCtx {
    /// Ends the call if its time is up. For loops within one operation: nothing else stops those.
    fn in_time(&self) -> Result<(), Exceeded> {
        if self.meter.time_left().is_zero() { Err(self.meter.exceeded(Limit::Time)) } else { Ok(()) }
    }

    /// Runs what creates one file, directory or link. Charged only if it did, refused ahead if it could not be paid.
    fn creating<R>(&self, create: impl FnOnce() -> Result<R, Errno>) -> Result<R, Stop> {
        if self.meter.left(Limit::FilesCreated) == 0 {
            return Err(self.meter.exceeded(Limit::FilesCreated).into());
        }
        let created = {
            let _names = while_names_come();
            create()?
        };
        self.meter.charge(Limit::FilesCreated, 1)?;
        Ok(created)
    }
}
