//! An open regular file: bytes in and out at given offsets, charged to the call.
//!
//! All of it happens on the calling thread. The offset is always the guest's: there is no cursor in the host that two
//! streams of one file could move under each other.

mod content;
mod input;
mod output;
mod read;
mod write;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub(super) use content::Content;
pub(super) use input::FileInput;
pub(super) use output::FileOutput;
pub(super) use write::Place;

use super::grants::Grant;
use super::identity::Identity;
use super::path::RelPath;
use crate::meter::Meter;

/// The most that one call of a guest moves. Enough that the system call and the copy into the guest's memory outweigh the
/// way there; small enough that many guests at once do not fill the host.
pub(super) const LARGEST_TRANSFER: usize = 1 << 20;

/// An open regular file, shared by its descriptor and the streams made of it.
#[derive(Debug)]
pub(super) struct File {
    pub(super) content: Content,
    pub(super) identity: Identity,
    pub(super) grant: Arc<Grant>,
    pub(super) path: RelPath,
    pub(super) may_read: bool,
    pub(super) may_write: bool,
    pub(super) meter: Arc<Meter>,
    /// No less than what this file's size was paid for or found to be: what reaches beyond is growth.
    pub(super) size_seen: AtomicU64,
}

impl File {
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }
}
