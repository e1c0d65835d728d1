//! The file system as a guest meets it: WASI's host functions called directly, on real directories, with both resolvers.

mod advisories;
mod beside;
mod bounds;
mod descriptors;
mod escape;
mod faults;
mod invariant;
mod landing;
mod links;
mod listing;
mod mounts;
mod moves;
mod oracle;
mod posix;
mod protected;
mod quotas;
mod race;
mod read_only;
mod special;
mod streams;
mod support;
mod swaps;
mod undo;
