//! The listing of a directory, read in steps as the guest asks: a directory of a million names costs the host one buffer.

use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, statat};
use toolhold_core::limit::Limit;

use super::bindings::types::{DescriptorType, DirectoryEntry};
use super::error::FsResult;
use super::grants::Grant;
use super::handle::Handle;
use super::path::RelPath;
use crate::meter::Meter;

/// How many hidden names are passed over between two looks at the clock.
const BETWEEN_LOOKS: u32 = 256;

/// A `wasi:filesystem/types.directory-entry-stream`.
#[derive(Debug)]
pub struct Listing {
    pub(super) entries: Dir,
    pub(super) grant: Arc<Grant>,
    pub(super) path: RelPath,
    pub(super) meter: Arc<Meter>,
    pub(super) _handle: Handle,
}

impl Listing {
    /// The next entry that the guest may know of. Every name that was read is charged as bytes read, shown or not.
    pub(super) fn next(&mut self) -> FsResult<Option<DirectoryEntry>> {
        let mut passed = 0;
        while let Some(entry) = self.entries.read() {
            let entry = entry?;
            self.meter.charge(Limit::BytesRead, entry.file_name().to_bytes().len() as u64)?;
            passed += 1;
            if passed % BETWEEN_LOOKS == 0 && self.meter.time_left().is_zero() {
                return Err(self.meter.exceeded(Limit::Time).into());
            }
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            let kind = self.kind(name, entry.file_type());
            let path = self.path.join(name);
            let rules = &self.grant.rules;
            if rules.may_read(&path) || (kind == DescriptorType::Directory && rules.may_list(&path)) {
                return Ok(Some(DirectoryEntry { type_: kind, name: name.to_owned() }));
            }
        }
        Ok(None)
    }

    /// Some file systems do not say in the listing.
    fn kind(&self, name: &str, listed: FileType) -> DescriptorType {
        if listed != FileType::Unknown {
            return descriptor_type(listed);
        }
        let stat = self.entries.fd().and_then(|directory| statat(directory, name, AtFlags::SYMLINK_NOFOLLOW));
        stat.map_or(DescriptorType::Unknown, |stat| descriptor_type(FileType::from_raw_mode(stat.st_mode)))
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
