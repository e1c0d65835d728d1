//! Writing at an offset or at the end, and setting the size. Bytes that a file grows by are charged like bytes written.

use std::io::IoSlice;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;

use rustix::io::{Errno, ReadWriteFlags};
use toolhold_core::limit::Limit;

use super::super::bindings::types::ErrorCode;
use super::super::error::FsResult;
use super::File;

/// Where to write.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Place {
    At(u64),
    End,
}

impl File {
    /// Writes some of `bytes`; as many as were written.
    pub(in super::super) fn write(&self, bytes: &[u8], place: Place) -> FsResult<usize> {
        if !self.may_write {
            return Err(ErrorCode::BadDescriptor.into());
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        let gap = match place {
            Place::At(offset) => self.gap_before(offset, bytes.len())?,
            Place::End => 0,
        };
        let fd = self.content.to_write(&self.meter)?;
        self.meter.charge(Limit::BytesWritten, gap.saturating_add(bytes.len() as u64))?;
        let written = write_uncharged(fd, bytes, place);
        let unwritten = match written {
            Ok(written) if written > 0 => (bytes.len() - written) as u64,
            _ => gap.saturating_add(bytes.len() as u64),
        };
        self.meter.release(Limit::BytesWritten, unwritten);
        if let (Ok(written), Place::At(offset)) = (written, place) {
            self.size_seen.fetch_max(offset.saturating_add(written as u64), Ordering::Relaxed);
        }
        Ok(written?)
    }

    /// Writes all of `bytes`.
    pub(super) fn write_all(&self, mut bytes: &[u8], mut place: Place) -> FsResult<()> {
        while !bytes.is_empty() {
            let written = self.write(bytes, place)?;
            if written == 0 {
                return Err(ErrorCode::Io.into());
            }
            bytes = bytes.get(written..).unwrap_or_default();
            if let Place::At(offset) = &mut place {
                *offset += written as u64;
            }
        }
        Ok(())
    }

    /// Cuts or extends it. Only the extension is charged: nothing else is new.
    pub(in super::super) fn set_size(&self, size: u64) -> FsResult<()> {
        if !self.may_write {
            return Err(ErrorCode::BadDescriptor.into());
        }
        if i64::try_from(size).is_err() {
            return Err(ErrorCode::FileTooLarge.into());
        }
        let growth = size.saturating_sub(self.size()?);
        if size == 0 {
            return self.content.clear(&self.meter);
        }
        let fd = self.content.to_write(&self.meter)?;
        self.meter.charge(Limit::BytesWritten, growth)?;
        if let Err(errno) = rustix::fs::ftruncate(fd, size) {
            self.meter.release(Limit::BytesWritten, growth);
            return Err(errno.into());
        }
        self.size_seen.fetch_max(size, Ordering::Relaxed);
        Ok(())
    }

    /// How many bytes come to be between the file's end and `offset`. The file is asked only where that seems to be so.
    fn gap_before(&self, offset: u64, length: usize) -> FsResult<u64> {
        let end = offset.checked_add(length as u64).filter(|end| i64::try_from(*end).is_ok());
        end.ok_or(ErrorCode::FileTooLarge)?;
        let seen = self.size_seen.load(Ordering::Relaxed);
        Ok(if offset > seen { offset.saturating_sub(self.size()?.max(seen)) } else { 0 })
    }
}

fn write_uncharged(fd: BorrowedFd<'_>, bytes: &[u8], place: Place) -> Result<usize, Errno> {
    loop {
        let written = match place {
            Place::At(offset) => rustix::io::pwrite(fd, bytes, offset),
            Place::End => rustix::io::pwritev2(fd, &[IoSlice::new(bytes)], 0, ReadWriteFlags::APPEND),
        };
        if written != Err(Errno::INTR) {
            return written;
        }
    }
}
