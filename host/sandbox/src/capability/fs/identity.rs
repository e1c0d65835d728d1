//! What makes two names the same file: device and inode.

use rustix::fs::Stat;
use sha2::{Digest, Sha256};

use super::bindings::types::MetadataHashValue;

/// A file's identity for as long as it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Identity {
    pub(super) fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }

    /// What guests use as an inode number. Hashed, so that it says nothing of the host's disks; of the identity alone,
    /// because libraries take it for one and expect it to outlive a write.
    pub(super) fn metadata_hash(self) -> MetadataHashValue {
        let mut hash = Sha256::new();
        hash.update(self.device.to_le_bytes());
        hash.update(self.inode.to_le_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let mut halves = digest.chunks_exact(8).filter_map(|half| half.try_into().ok()).map(u64::from_le_bytes);
        MetadataHashValue { lower: halves.next().unwrap_or(0), upper: halves.next().unwrap_or(0) }
    }
}
