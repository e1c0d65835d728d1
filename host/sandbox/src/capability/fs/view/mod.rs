//! The seam below which a grant's files are: everything that can be done to a link-free path of a grant.
//!
//! The operations above it decide, charge and note; the view only acts, and fails with `ELOOP` rather than walk through a
//! symbolic link or with `EXDEV` rather than cross a mount point. It knows no guest, no pattern and no quota. The plain view
//! acts on the granted directory itself; a copy-on-write view has the same functions and two layers.

mod change;
mod exact;
mod look;
mod open;

pub(super) use exact::Resolver;
pub(super) use look::{Kind, Look};
pub(super) use open::How;

/// The plain view: what is done, is done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct View;
