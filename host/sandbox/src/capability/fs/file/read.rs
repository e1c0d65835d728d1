//! Reading at an offset.

use std::sync::atomic::Ordering;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use toolhold_core::limit::Limit;

use super::super::bindings::types::ErrorCode;
use super::super::error::FsResult;
use super::{File, LARGEST_TRANSFER};

/// What a read asks for where the file seems to end: its size may be out of date, or be no size at all.
const BEYOND_THE_END: usize = 4096;

impl File {
    /// Up to `length` bytes at `offset`; none at the end of the file.
    pub(in super::super) fn read(&self, length: usize, offset: u64) -> FsResult<Vec<u8>> {
        if !self.may_read {
            return Err(ErrorCode::BadDescriptor.into());
        }
        // Beyond what the system can count there is nothing.
        if length == 0 || i64::try_from(offset).is_err() {
            return Ok(Vec::new());
        }
        // The buffer fits what is there, so that a small file read with a large request costs a small allocation.
        let there = self.size_seen.load(Ordering::Relaxed).saturating_sub(offset);
        let there = usize::try_from(there).unwrap_or(usize::MAX).max(BEYOND_THE_END);
        let mut bytes = Vec::with_capacity(length.min(there).min(LARGEST_TRANSFER));
        let fd = self.content.to_read()?;
        loop {
            match rustix::io::pread(fd, spare_capacity(&mut bytes), offset) {
                Err(Errno::INTR) => {}
                read => {
                    read?;
                    break;
                }
            }
        }
        self.meter.charge(Limit::BytesRead, bytes.len() as u64)?;
        Ok(bytes)
    }

    /// Its size now.
    pub(super) fn size(&self) -> Result<u64, Errno> {
        Ok(u64::try_from(rustix::fs::fstat(self.content.to_read()?)?.st_size).unwrap_or(0))
    }
}
