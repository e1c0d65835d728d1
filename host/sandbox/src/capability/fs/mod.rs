//! The file system capability.
