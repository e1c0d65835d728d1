//! What one call may reach, as values that the sandbox turns into capabilities.
//!
//! A value of these types is already the intersection of what the tool declares, what the operator grants and what the
//! run allows. The default of every type here is nothing.

pub mod address;
pub mod glob;
pub mod http;
mod patterns;
mod secret;
mod server;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::id::Label;

pub use self::http::HttpGrant;
pub use patterns::{GuestPatterns, Patterns, Side};
pub use secret::{SecretPlace, SecretUse};
pub use server::ServerGrant;

/// Everything that one call may reach. `Grants::default()` reaches nothing.
#[derive(Debug, Default, Clone)]
pub struct Grants {
    /// Directories, each at a guest path of its own. No guest path is a prefix of another.
    pub directories: Arc<[DirectoryGrant]>,
    /// Requests over the network.
    pub http: Arc<[HttpGrant]>,
    /// Environment variables.
    pub env: Arc<BTreeMap<String, String>>,
    /// Where time comes from.
    pub clock: Clock,
    /// Where randomness comes from.
    pub random: Random,
    /// The MCP server that makes the call, if the tool is one of a server. Nothing of the above is anything to it.
    pub server: Option<Arc<ServerGrant>>,
}

impl Grants {
    /// Every label of anything that can be read with them.
    pub fn labels(&self) -> impl Iterator<Item = &Label> {
        let of_files = self.directories.iter().flat_map(|grant| grant.labels.iter());
        let of_requests = self.http.iter().flat_map(|grant| grant.labels.iter());
        of_files.chain(of_requests).chain(self.server.iter().flat_map(|server| server.labels.iter()))
    }
}

/// One host directory at a guest path.
#[derive(Debug, Clone)]
pub struct DirectoryGrant {
    /// Absolute host path. Opened once when the manifest is loaded, never shown to a guest or a model.
    pub host: PathBuf,
    /// Absolute guest path without a trailing slash, such as `/work`.
    pub guest: String,
    /// What may be read, listed and asked about.
    pub read: Patterns,
    /// What may be created, changed and deleted. Does not imply `read`.
    pub write: Patterns,
    /// What may not be touched in any way; wins over `read` and `write`.
    pub deny: Patterns,
    /// What symbolic links may do.
    pub symlinks: Symlinks,
    /// Changes are staged and land together when the call succeeds. `false`: each lands at once and cannot be undone; for
    /// files that are too large to be copied.
    pub atomic: bool,
    /// What is said of all that is read there.
    pub labels: Arc<[Label]>,
}

/// What symbolic links below a grant may do. Whatever is chosen, none ever leaves the grant, and patterns are checked
/// on the path that a link leads to as well as on the link's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Symlinks {
    /// A path that meets a symbolic link is refused, and none is created.
    #[default]
    Deny,
    /// Links that stay within the grant are followed; none is created.
    Follow,
    /// Links that stay within the grant are followed, and such ones may be created.
    Create,
}

/// Where a guest's time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The host's clocks.
    #[default]
    Host,
    /// Always this instant, in nanoseconds since 1970; the monotonic clock stands at zero. For replays.
    Fixed(u64),
}

/// Where a guest's randomness comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Random {
    /// The operating system.
    #[default]
    Host,
    /// A generator seeded with this number. For replays; never for secrets.
    Seeded(u64),
}

/// Whether the guest path `path` is `root` or below it.
#[must_use]
pub fn is_within(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
