//! The file system as a guest meets it: WASI's host functions called directly, on real directories, with both resolvers.

mod advisories;
mod escape;
mod support;
