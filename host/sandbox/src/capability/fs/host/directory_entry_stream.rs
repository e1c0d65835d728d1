//! `wasi:filesystem/types.directory-entry-stream`.

use wasmtime::component::Resource;

use super::super::bindings::types::{DirectoryEntry, HostDirectoryEntryStream};
use super::super::error::FsResult;
use super::super::link::FsCtxView;
use super::super::listing::Listing;

impl HostDirectoryEntryStream for FsCtxView<'_> {
    fn read_directory_entry(&mut self, stream: Resource<Listing>) -> FsResult<Option<DirectoryEntry>> {
        self.table.opened.get_mut(&stream)?.next()
    }

    fn drop(&mut self, stream: Resource<Listing>) -> wasmtime::Result<()> {
        self.table.opened.delete(stream)?;
        Ok(())
    }
}
