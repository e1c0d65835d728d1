//! Capabilities: what a guest may import. One per file or folder; each is linked once per engine and prepared per call.
//!
//! All of WASI 0.2 is linked for every guest, because language runtimes import what they never call. What a call may not
//! do is refused inside: a capability without a grant is an empty one.

pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod env;
pub mod fs;
pub mod http;
pub(crate) mod io;
pub(crate) mod random;
pub(crate) mod sockets;
pub(crate) mod stdio;
