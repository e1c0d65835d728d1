//! How the journal does, for whoever only looks: its size, and what waits for it. Keeps nothing of it open.

use std::path::PathBuf;
use std::sync::Weak;

use super::directory::DATABASE;
use super::queue::Queue;
use super::reader::Reader;

/// A journal, looked at.
#[derive(Debug, Clone)]
pub struct Watched {
    pub(super) directory: PathBuf,
    pub(super) queue: Weak<Queue>,
}

impl Watched {
    /// Size of the database. 0 where it is not there.
    #[must_use]
    pub fn database_bytes(&self) -> u64 {
        self.bytes("")
    }

    /// Size of its write-ahead log. 0 where it is not there.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        self.bytes("-wal")
    }

    /// How many commands wait to be written, and whether writing fails at present.
    #[must_use]
    pub fn waiting(&self) -> (usize, bool) {
        self.queue.upgrade().map(|queue| queue.waiting()).unwrap_or_default()
    }

    /// How many questions wait for a person. `None` where the journal cannot be read.
    #[must_use]
    pub fn approvals_waiting(&self) -> Option<u64> {
        Reader::open(&self.directory).and_then(|reader| reader.approvals_waiting()).ok()
    }

    fn bytes(&self, ending: &str) -> u64 {
        std::fs::metadata(self.directory.join(format!("{DATABASE}{ending}"))).map_or(0, |found| found.len())
    }
}
