//! Asking for properties.

use rustix::fs::{FileType, Stat};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;

use super::super::bindings::types::{DescriptorStat, ErrorCode};
use super::super::ctx::FsCtx;
use super::super::descriptor::{Descriptor, Directory, Node};
use super::super::error::FsResult;
use super::super::identity::Identity;
use super::super::listing::descriptor_type;
use super::super::notes::{Operation, Why};
use super::super::view::Kind;
use super::resolve::{Asked, Last};

impl FsCtx {
    /// The properties of `text` below `directory`.
    pub(in super::super) fn stat_at(&mut self, directory: &Directory, last: Last, text: &str) -> FsResult<Stat> {
        let asked = Asked { directory, text, last };
        self.resolved(Operation::Stat, [asked], |fs, [place]| {
            let rules = &place.grant.rules;
            // Directories may be asked about where they may be entered; whether it is one is seen below.
            if !rules.may_enter(&place.path) {
                return Err(rules.why_not(&place.path, false).into());
            }
            let look = fs.view.look(&place.grant, &place.path)?;
            match look.kind {
                Kind::Link if last == Last::Follow => return Err(super::Stop::Link),
                Kind::Directory => {}
                _ if !rules.may_read(&place.path) => return Err(Why::NotReadable.into()),
                _ if place.must_be_directory => return Err(ErrorCode::NotDirectory.into()),
                _ => {}
            }
            if fs.shield.covers(&look.stat) {
                return Err(Why::Protected.into());
            }
            Ok(look.stat)
        })
    }

    /// The properties of what is open. A directory is looked up by its path again.
    pub(in super::super) fn stat(&mut self, descriptor: &Descriptor) -> FsResult<Stat> {
        match &descriptor.node {
            Node::File(file) => Ok(file.content.stat()?),
            Node::Directory(directory) => self.stat_at(directory, Last::Keep, "."),
        }
    }
}

/// As WASI words it. A time before 1970 has no word.
pub(in super::super) fn descriptor_stat(stat: &Stat) -> DescriptorStat {
    let time = |seconds: i64, nanoseconds: u64| {
        let seconds = u64::try_from(seconds).ok()?;
        Some(Datetime { seconds, nanoseconds: u32::try_from(nanoseconds).ok()? })
    };
    DescriptorStat {
        type_: descriptor_type(FileType::from_raw_mode(stat.st_mode)),
        link_count: stat.st_nlink,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        data_access_timestamp: time(stat.st_atime, stat.st_atime_nsec),
        data_modification_timestamp: time(stat.st_mtime, stat.st_mtime_nsec),
        status_change_timestamp: time(stat.st_ctime, stat.st_ctime_nsec),
    }
}

/// The hash that guests use as an inode number.
pub(in super::super) fn metadata_hash(stat: &Stat) -> super::super::bindings::types::MetadataHashValue {
    Identity::of(stat).metadata_hash()
}
