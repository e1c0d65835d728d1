//! The probes, one per file.

pub(crate) mod echo;
pub(crate) mod read;
pub(crate) mod sha256;
pub(crate) mod write;
