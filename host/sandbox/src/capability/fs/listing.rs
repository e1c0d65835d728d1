//! The listing of a directory, read in steps as the guest asks: a directory of a million names costs the host one buffer.

use std::sync::Arc;

use rustix::fs::FileType;
use toolhold_core::limit::Limit;

use super::bindings::types::{DescriptorType, DirectoryEntry};
use super::error::FsResult;
use super::grants::Grant;
use super::handle::Handle;
use super::path::RelPath;
use super::view::Entries;
use crate::meter::Meter;

/// How many hidden names are passed over between two looks at the clock.
const BETWEEN_LOOKS: u32 = 256;

/// A `wasi:filesystem/types.directory-entry-stream`.
#[derive(Debug)]
pub struct Listing {
    pub(super) entries: Entries,
    pub(super) grant: Arc<Grant>,
    pub(super) path: RelPath,
    pub(super) meter: Arc<Meter>,
    pub(super) _handle: Handle,
}

impl Listing {
    /// The next entry that the guest may know of. Every name that was read is charged as bytes read, shown or not.
    pub(super) fn next(&mut self) -> FsResult<Option<DirectoryEntry>> {
        let mut passed = 0;
        while let Some(entry) = self.entries.next() {
            let entry = entry?;
            self.meter.charge(Limit::BytesRead, entry.name.as_bytes().len() as u64)?;
            passed += 1;
            if passed % BETWEEN_LOOKS == 0 && self.meter.time_left().is_zero() {
                return Err(self.meter.exceeded(Limit::Time).into());
            }
            let Ok(name) = entry.name.to_str() else { continue };
            let kind = descriptor_type(entry.kind);
            let path = self.path.join(name);
            let rules = &self.grant.rules;
            if rules.may_read(&path) || (kind == DescriptorType::Directory && rules.may_list(&path)) {
                return Ok(Some(DirectoryEntry { type_: kind, name: name.to_owned() }));
            }
        }
        Ok(None)
    }
}

pub(super) fn descriptor_type(kind: FileType) -> DescriptorType {
    match kind {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::Fifo => DescriptorType::Fifo,
        FileType::Socket => DescriptorType::Socket,
        FileType::Unknown => DescriptorType::Unknown,
    }
}
