//! What a guest holds: an open file, or a directory's path.

use std::sync::Arc;

use super::bindings::types::{DescriptorFlags, ErrorCode};
use super::file::File;
use super::grants::Grant;
use super::handle::Handle;
use super::identity::Identity;
use super::path::RelPath;

/// A `wasi:filesystem/types.descriptor`.
#[derive(Debug)]
pub struct Descriptor {
    pub(super) node: Node,
    pub(super) flags: DescriptorFlags,
    /// `None` of a granted directory, which all calls share: each counts the handles that it has of it.
    pub(super) _handle: Option<Handle>,
}

#[derive(Debug)]
pub(super) enum Node {
    File(Arc<File>),
    Directory(Directory),
}

/// A directory is remembered by its resolved path, not by a handle of the operating system: see the module's rules.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    pub(super) grant: Arc<Grant>,
    pub(super) path: RelPath,
    /// What it was when it was opened.
    pub(super) identity: Identity,
}

impl Descriptor {
    pub(super) fn file(&self) -> Result<&Arc<File>, ErrorCode> {
        match &self.node {
            Node::File(file) => Ok(file),
            Node::Directory(_) => Err(ErrorCode::BadDescriptor),
        }
    }

    /// The file, for reading its bytes: POSIX has a word of its own for doing that to a directory.
    pub(super) fn file_to_read(&self) -> Result<&Arc<File>, ErrorCode> {
        match &self.node {
            Node::File(file) => Ok(file),
            Node::Directory(_) => Err(ErrorCode::IsDirectory),
        }
    }

    pub(super) fn directory(&self) -> Result<&Directory, ErrorCode> {
        match &self.node {
            Node::Directory(directory) => Ok(directory),
            Node::File(_) => Err(ErrorCode::NotDirectory),
        }
    }

    pub(super) fn identity(&self) -> Identity {
        match &self.node {
            Node::File(file) => file.identity(),
            Node::Directory(directory) => directory.identity,
        }
    }
}
