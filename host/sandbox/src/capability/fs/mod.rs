//! The file system capability: our own host of `wasi:filesystem` 0.2 over directories that were opened once.
//!
//! A guest's call goes through four layers, each of which knows only the next:
//!
//! 1. [`host`] speaks WASI: resources, error codes, traps. It decides nothing.
//! 2. [`operation`] is one verb per file. It resolves the guest's path to a *link-free path below the grant's root*, asks
//!    the grant's [`rules`] about exactly that path, charges the meter and notes what was refused or touched.
//! 3. [`view`] is the seam: what can be done to a link-free path of a grant. The plain view does it to the real
//!    directory, the staged one keeps it in a copy-on-write layer ([`overlay`]). Both refuse to walk through a symbolic
//!    link, so that the path that was checked is the path that is used, whatever happens on the disk in between.
//!    [`commit`] is how what was staged lands.
//! 4. [`grants`] holds the opened directories. It is the only place that names a host path.
//!
//! What must not happen here: a decision on a path that was not resolved, a comparison of paths by string prefix, a host
//! path or a host error text in anything that a guest sees.
//!
//! # Rules that are decisions
//!
//! * A directory descriptor is a path, not an inode: operations on it are resolved from the grant's root each time and
//!   checked again. A directory that somebody else moves away is gone for the guest; what somebody else puts in its place
//!   is checked like anything else.
//! * `deny` also covers everything below what it matches. A path outside of the patterns is answered without looking at
//!   the disk, so that it cannot be told whether it exists.
//! * A directory that lies on the way to something granted can be opened and asked about; its listing shows only what is
//!   readable or on the way to it. `read = ["src/**/*.rs"]` thus can be walked, and shows directories and `.rs` files.
//! * Mount points below a grant are not crossed; grant the mounted directory itself. This is what keeps `/proc`, device
//!   file systems and bind mounts of protected directories out of a grant on `/`.
//! * Only regular files and directories are opened. Devices, FIFOs and sockets can be seen in a listing.
//! * A hard link *is* the file: whoever grants a directory grants the files that have a name in it, wherever else they
//!   have one. Only Toolhold's own files are refused by identity ([`protected`]).
//! * With [`Symlinks::Deny`](toolhold_core::grant::Symlinks::Deny) a link can be listed, asked about without following,
//!   and unlinked; it cannot be read, followed, moved or created.
//! * A directory is moved only if every path below it may be written under the old and the new name, none is denied under
//!   either, and none becomes readable by the move (`operation::rename`).
//! * Where names that differ in case are the same file, patterns could be passed by another spelling: a grant there is
//!   opened only if it treats all paths alike. Told by a probe of the root's own entries, so a single directory further
//!   down that ignores case is not found.
//! * Names that are not UTF-8 cannot be named by a WASI guest and are left out of listings.
//! * Linux only: resolution relies on `O_PATH`, and on `openat2` where the kernel lets us.

mod base;
pub mod bindings;
pub mod commit;
mod ctx;
mod descriptor;
mod error;
mod file;
mod grants;
mod handle;
mod host;
mod identity;
mod link;
mod listing;
mod mount;
mod notes;
mod operation;
mod overlay;
mod path;
mod protected;
mod rules;
mod table;
#[cfg(test)]
mod tests;
mod view;

pub use base::Anchors;
pub use ctx::FsCtx;
pub use descriptor::Descriptor;
pub use error::{Error, FsError};
pub use grants::OpenedGrants;
pub use link::{FsCtxView, FsView, add_to_linker};
pub use listing::Listing;
pub use notes::{Notes, Operation, Refusal, Touch, Touched, Why};
pub use overlay::Stage;
pub use protected::{Protected, UNFINISHED};
pub use table::{Handles, MOST_OPENED, Root};

/// Where commits keep their files in a granted directory that is on another file system or mount than Toolhold's state.
const WORKSPACE: &str = ".toolhold";
