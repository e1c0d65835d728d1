//! The content of an open file: on disk until it is written, then a blob.
//!
//! A file on disk is copied at the first write, not when it is opened. Whoever has it open already, under whatever name, is
//! led to the copy from then on.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};

use rustix::fs::{Stat, Timestamps, copy_file_range, fstat, ftruncate, ioctl_ficlone};
use rustix::io::Errno;
use toolhold_core::limit::{Exceeded, Limit};

use super::super::error::{FsError, FsResult};
use super::super::identity::Identity;
use super::super::path::RelPath;
use super::scratch::{Blob, OpenBlob};
use super::stage::{Layer, Stage};
use super::stamp::Stamp;
use crate::meter::Meter;

/// How much is copied between two looks at the clock.
const CHUNK: usize = 64 << 20;

/// How often a file is copied that somebody else writes to meanwhile.
const TRIES: usize = 3;

/// An open file of a stage.
#[derive(Debug)]
pub(in super::super) struct StagedFile {
    pub(super) stage: Arc<Stage>,
    pub(super) tree: usize,
    pub(super) identity: Identity,
    pub(super) disk: Option<OnDisk>,
    /// What the call that has it open made of it.
    pub(super) blob: OnceLock<OpenBlob>,
    /// What a call before it made of it. Only read: this call may have to be taken back.
    pub(super) earlier: OnceLock<OpenBlob>,
}

/// The file on disk, opened.
#[derive(Debug)]
pub(super) struct OnDisk {
    pub(super) fd: OwnedFd,
    pub(super) path: RelPath,
}

/// What is kept of a file's content when it is about to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Keep {
    All,
    Nothing,
}

impl StagedFile {
    /// What holds the content now.
    pub(in super::super) fn to_read(&self) -> Result<BorrowedFd<'_>, Errno> {
        if self.blob.get().is_none() && self.stage.copies() > 0 {
            let layer = self.stage.lock();
            if let Some(blob) = self.known_blob(&layer) {
                self.know(OpenBlob::of(&blob)?, layer.call);
            }
        }
        match (self.blob.get().or_else(|| self.earlier.get()), &self.disk) {
            (Some(blob), _) => Ok(blob.as_fd()),
            (None, Some(disk)) => Ok(disk.fd.as_fd()),
            (None, None) => Err(Errno::BADF),
        }
    }

    /// Remembers what holds the content, for the call with this number.
    pub(super) fn know(&self, blob: OpenBlob, call: u32) {
        let known = if blob.blob.made_by == call { &self.blob } else { &self.earlier };
        // Another thread of the same call cannot set another one: there is one per file and call.
        let _same = known.set(blob);
    }

    /// A file that can be written, with the content or without. What is copied is charged as bytes written.
    pub(in super::super) fn to_write(&self, keep: Keep, meter: &Meter) -> FsResult<BorrowedFd<'_>> {
        if self.blob.get().is_none() {
            let mut layer = self.stage.lock();
            let call = layer.call;
            let blob = match self.known_blob(&layer).filter(|blob| blob.made_by == call) {
                Some(blob) => OpenBlob::of(&blob)?,
                None => self.copy(&mut layer, keep, meter)?,
            };
            self.know(blob, call);
        }
        let blob = self.blob.get().ok_or(Errno::BADF)?;
        if keep == Keep::Nothing {
            ftruncate(blob, 0)?;
        }
        Ok(blob.as_fd())
    }

    /// Sets times without any content of its own.
    pub(in super::super) fn set_times(&self, times: &Timestamps) -> Result<(), Errno> {
        let mut layer = self.stage.lock();
        let call = layer.call;
        let tree = layer.trees.get_mut(self.tree).ok_or(Errno::BADF)?;
        if let Some(disk) = &self.disk {
            let below = tree.below(disk.path.clone(), Stamp::of(&fstat(&disk.fd)?));
            tree.inode_opened(self.identity, below);
        }
        tree.set_file_times(self.identity, times, call)
    }

    /// Its properties, as the guest is to see them.
    pub(in super::super) fn stat(&self) -> Result<Stat, Errno> {
        let stat = fstat(self.to_read()?)?;
        let layer = self.stage.lock();
        let tree = layer.trees.get(self.tree).ok_or(Errno::BADF)?;
        Ok(tree.seen_by_guest(self.identity, stat))
    }

    fn known_blob(&self, layer: &Layer) -> Option<Arc<Blob>> {
        layer.trees.get(self.tree)?.inodes.get(&self.identity)?.blob.clone()
    }

    /// Gives the file a blob of its own, made of the one it has or of what is on disk.
    fn copy(&self, layer: &mut Layer, keep: Keep, meter: &Meter) -> FsResult<OpenBlob> {
        let earlier = self.known_blob(layer).as_ref().map(OpenBlob::of).transpose()?;
        let call = layer.call;
        let blob = layer.scratch.blob(call)?;
        let tree = layer.trees.get_mut(self.tree).ok_or(Errno::BADF)?;
        match (&earlier, &self.disk) {
            (Some(earlier), _) => {
                if keep == Keep::All {
                    copy_all(earlier.as_fd(), &blob, meter)?;
                }
                blob.set_mode(fstat(earlier)?.st_mode)?;
            }
            (None, Some(disk)) => {
                let stamp = settled_copy(disk, &blob, keep, meter)?;
                let below = tree.below(disk.path.clone(), stamp);
                tree.inode_opened(self.identity, below);
            }
            (None, None) => return Err(Errno::BADF.into()),
        }
        let inode = tree.inodes.get_mut(&self.identity).ok_or(Errno::BADF)?;
        if keep == Keep::All && !inode.times.is_empty() {
            rustix::fs::futimens(&blob, &inode.times.timestamps())?;
        }
        inode.times = super::times::Times::default();
        inode.blob = Some(Arc::clone(&blob.blob));
        self.stage.copied();
        Ok(blob)
    }
}

/// Copies what is on disk, and tells what it was. Nobody wrote to it meanwhile.
fn settled_copy(disk: &OnDisk, blob: &OpenBlob, keep: Keep, meter: &Meter) -> FsResult<Stamp> {
    for _ in 0..TRIES {
        let stamp = Stamp::of(&fstat(&disk.fd)?);
        if keep == Keep::All {
            ftruncate(blob, 0)?;
            copy_all(disk.fd.as_fd(), blob, meter)?;
        }
        if stamp == Stamp::of(&fstat(&disk.fd)?) {
            blob.set_mode(stamp.mode)?;
            return Ok(stamp);
        }
    }
    Err(Errno::BUSY.into())
}

/// Shares the blocks where the file system can, copies within the kernel where it cannot.
fn copy_all(from: BorrowedFd<'_>, to: &OpenBlob, meter: &Meter) -> FsResult<()> {
    if ioctl_ficlone(to, from).is_ok() {
        return Ok(());
    }
    let size = u64::try_from(fstat(from)?.st_size).unwrap_or(0);
    meter.charge(Limit::BytesWritten, size)?;
    let (mut read, mut written) = (0, 0);
    loop {
        in_time(meter)?;
        match copy_file_range(from, Some(&mut read), to, Some(&mut written), CHUNK) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if read == 0 => {
                return copy_by_hand(from, to, meter);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn copy_by_hand(from: BorrowedFd<'_>, to: &OpenBlob, meter: &Meter) -> FsResult<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut offset = 0;
    loop {
        in_time(meter)?;
        let read = rustix::io::pread(from, &mut buffer[..], offset)?;
        let mut rest = buffer.get(..read).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        while !rest.is_empty() {
            let written = rustix::io::pwrite(to, rest, offset)?;
            offset += written as u64;
            rest = rest.get(written..).unwrap_or_default();
        }
    }
}

fn in_time(meter: &Meter) -> Result<(), FsError> {
    let over: Exceeded = match meter.time_left().is_zero() {
        true => meter.exceeded(Limit::Time),
        false => return Ok(()),
    };
    Err(over.into())
}
