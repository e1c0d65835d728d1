//! How long what was there before is kept: by age and by size, the oldest goes first.
//!
//! Looked at when a host is opened, now and then while it serves, and whenever more is kept than may be: a host that runs for long fills no disk.
//! Then so much goes that there is room for a while: looking costs as much as is kept, and a host that has run for long keeps as much as it may.

use std::sync::atomic::{AtomicU64, Ordering};

use toolhold_core::manifest::HostLimits;
use toolhold_sandbox::capability::fs::commit::Plan;

use crate::clock;
use crate::host::Host;
use crate::journal::{self, KeptBytes};

/// What may be kept, and what is.
#[derive(Debug)]
pub(crate) struct Kept {
    /// How long a call can be undone and a preview applied, in microseconds.
    age: u64,
    /// How many bytes may be kept for that.
    most: u64,
    /// How many are, about: what is given up by hand is subtracted when a host is opened next.
    bytes: AtomicU64,
}

impl Kept {
    /// As the manifest says. Nothing is kept yet.
    pub(crate) fn new(limits: &HostLimits) -> Self {
        Self { age: limits.undo_age, most: limits.undo_bytes, bytes: AtomicU64::new(0) }
    }

    pub(super) fn add(&self, bytes: u64) {
        // It wraps around after more bytes than all disks have.
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What may be kept, and what is left where that was too much: a sixteenth less of each whole MiB.
    fn bounds(&self, is_too_much: bool) -> KeptBytes {
        let room = if is_too_much { (self.most >> 20) << 16 } else { 0 };
        KeptBytes { most: self.most, left: self.most - room }
    }

    /// How many bytes one dry run may stage. It is a bound of its own where less is kept, or nothing.
    pub(crate) fn of_a_dry_run(&self) -> u64 {
        const LEAST: u64 = 1 << 30;
        self.most.max(LEAST)
    }

    fn is_too_much(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.most
    }
}

impl Host {
    /// Removes what is too old, and the oldest while there is too much.
    pub(crate) async fn expire(&self) -> Result<(), journal::Error> {
        let (now, kept) = (clock::micros(), &self.0.effects.kept);
        // Nobody waits for the outcome of a call whose plan is on disk, so the last ones may still be on their way.
        self.0.journal.flush().await?;
        let reader = self.0.journal.reader()?;
        let bounds = kept.bounds(reader.kept_bytes()? > kept.most);
        for record in reader.outlived(now.saturating_sub(kept.age), &bounds)? {
            match self.0.journal.expire(&record.call, record.state, now).await {
                Ok(()) => {}
                // It was undone or applied since it was read.
                Err(journal::Error::NotInState { .. }) => continue,
                Err(error) => return Err(error),
            }
            if let Ok(plan) = serde_json::from_str::<Plan>(&record.plan) {
                self.discard(&plan);
            }
        }
        kept.bytes.store(reader.kept_bytes()?, Ordering::Relaxed);
        Ok(())
    }

    /// [`expire`](Self::expire), if what was kept last is too much. What cannot be removed now is when a host is opened next.
    pub(super) async fn expire_when_full(&self) {
        if self.0.effects.kept.is_too_much()
            && let Err(error) = self.expire().await
        {
            tracing::warn!(%error, "what is kept for undo is more than `undo-bytes`, and could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(most: u64, is_too_much: bool) -> u64 {
        let bounds = Kept { age: 0, most, bytes: AtomicU64::new(0) }.bounds(is_too_much);
        assert_eq!(bounds.most, most);
        bounds.left
    }

    #[test]
    fn where_more_is_kept_than_may_be_so_much_goes_that_there_is_room_again() {
        const MIB: u64 = 1 << 20;
        assert_eq!([20, MIB, 1024 * MIB].map(|most| bounds(most, true)), [20, MIB - MIB / 16, 960 * MIB]);
        assert_eq!([20, MIB, 1024 * MIB, u64::MAX].map(|most| bounds(most, false)), [20, MIB, 1024 * MIB, u64::MAX]);
        assert!(bounds(u64::MAX, true) > u64::MAX / 16 * 14);
    }
}
