//! How much an archive may become: entries, bytes, and bytes for each byte of the archive.

use std::io::{self, Read};

/// Entries at most.
pub(crate) const MAX_ENTRIES: usize = 10_000;
/// Bytes of all entries together unless asked otherwise.
pub(crate) const DEFAULT_MAX_BYTES: u64 = 128 * 1024 * 1024;
/// Bytes of all entries together at most: what the host lets a call write by default.
pub(crate) const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes for each byte of the archive. Texts come to 20, logs to 50; only what was made to explode comes to 1000.
const MAX_RATIO: u64 = 200;
/// Bytes of entries up to which the ratio does not matter.
const RATIO_FROM: u64 = 8 * 1024 * 1024;

/// The bounds of one archive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    max_bytes: u64,
    archive_bytes: u64,
}

impl Bounds {
    /// Of an archive of this size.
    pub(crate) fn new(archive_bytes: u64, max_bytes: u64) -> Self {
        Self { max_bytes: max_bytes.min(MAX_BYTES), archive_bytes }
    }

    /// What is wrong with so many bytes, if anything.
    pub(crate) fn problem(&self, bytes: u64) -> Option<String> {
        if bytes > self.max_bytes {
            return Some(format!(
                "it unpacks to more than {} bytes; `max_bytes` allows up to {MAX_BYTES}",
                self.max_bytes
            ));
        }
        let exploded = bytes > RATIO_FROM && bytes / self.archive_bytes.max(1) > MAX_RATIO;
        exploded.then(|| format!("it unpacks to more than {MAX_RATIO} times its size: that is a bomb and no archive"))
    }
}

/// What comes out of a decompressor, as far as the bounds go.
pub(crate) struct Bounded<R> {
    inner: R,
    bounds: Bounds,
    bytes: u64,
}

impl<R> Bounded<R> {
    pub(crate) fn new(inner: R, bounds: Bounds) -> Self {
        Self { inner, bounds, bytes: 0 }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        match self.bounds.problem(self.bytes) {
            Some(problem) => Err(io::Error::new(io::ErrorKind::InvalidInput, problem)),
            None => Ok(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_archives_may_unpack_to_much_and_none_to_everything() {
        let small = Bounds::new(1000, DEFAULT_MAX_BYTES);
        assert_eq!(small.problem(RATIO_FROM), None);
        assert!(small.problem(RATIO_FROM + 1).unwrap().contains("bomb"));
        assert!(Bounds::new(1 << 40, u64::MAX).problem(MAX_BYTES + 1).unwrap().contains("more than"));
        assert_eq!(Bounds::new(MAX_BYTES / 100, MAX_BYTES).problem(MAX_BYTES), None);
    }
}
