//! Staged changes: a copy-on-write layer over granted directories.
//!
//! What a guest changes is kept in a [`Tree`] per anchor: for each directory in which anything is different, the names that
//! are different, and what stands there now. Content that is new lies in numbered files of a scratch, the first of
//! which is made at the first write. Everything else is read from the disk as without the layer: a call that writes nothing makes
//! nothing, and a directory that is moved is one entry that remembers where it lies on disk.
//!
//! The layer never changes the disk. What lands, and how, is the business of [`super::commit`].

mod adopt;
mod change;
mod content;
mod find;
mod inode;
mod list;
mod look;
mod open;
mod rename;
mod scratch;
mod stage;
mod stamp;
mod times;
mod tree;

pub(super) use content::{Keep, StagedFile};
pub(super) use scratch::{Blob, blob_name, file_name, plan_of};
pub use stage::Stage;
pub(super) use stage::{Area, Layer};
pub(super) use stamp::{Below, Stamp};
pub(super) use times::Times;
pub(super) use tree::{Directory, DirectoryId, Inode, Shown, Slot, Tree};
