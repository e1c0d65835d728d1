//! What an embedder chooses about the sandbox as a whole. Limits of single calls are not here: they arrive with each call.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::capability::fs::Protected;
use crate::capability::http::{Egress, NoEgress};

/// How the sandbox is set up. Every default is meant to be kept.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Directory of compiled components. `None` compiles in every process. It and its files must belong to this user
    /// and not be writable by others; else they are not used.
    pub cache: Option<PathBuf>,
    /// How many calls compute at the same time, each in an engine of its own; 0 means one per CPU.
    pub workers: usize,
    /// Calls that have started and not ended, in both lanes.
    pub max_calls_in_flight: usize,
    /// Calls that wait for one of the above to end. One more is refused at once.
    pub max_queue: usize,
    /// Linear memory and tables that all calls together hold at any time, in bytes. What is used counts, not limits.
    pub max_memory_in_flight: u64,
    /// Size of a component, in bytes.
    pub max_component_bytes: u64,
    /// Compiling one component. What has not ended by then is abandoned.
    pub compile_timeout: Duration,
    /// Directories and files that no grant reaches, whatever it says.
    pub protected: Protected,
    /// The directory in which staged changes are kept until they land. Toolhold's own, and on the file system of the granted
    /// directories if possible. `None`: what would have to be staged cannot be written.
    pub staging: Option<PathBuf>,
    /// Every directory that is granted to anyone: staged changes are kept per outermost one.
    pub granted: Vec<PathBuf>,
    /// What sends granted requests.
    pub egress: Arc<dyn Egress>,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            cache: None,
            workers: 0,
            max_calls_in_flight: 256,
            max_queue: 1024,
            max_memory_in_flight: 4 << 30,
            max_component_bytes: 64 << 20,
            compile_timeout: Duration::from_secs(120),
            protected: Protected::default(),
            staging: None,
            granted: Vec::new(),
            egress: Arc::new(NoEgress),
        }
    }
}

impl SandboxConfig {
    /// The number of engines for calls that compute.
    pub(crate) fn seats(&self) -> usize {
        let wanted = match self.workers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            count => count,
        };
        wanted.clamp(1, self.max_calls_in_flight.max(1))
    }
}
