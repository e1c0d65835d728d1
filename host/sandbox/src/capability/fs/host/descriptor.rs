//! `wasi:filesystem/types.descriptor`.

use std::sync::Arc;

use rustix::fs::Advice as FsAdvice;
use wasmtime::component::Resource;
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

use super::super::bindings::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, Filesize, HostDescriptor, MetadataHashValue,
    NewTimestamp, OpenFlags, PathFlags,
};
use super::super::descriptor::{Descriptor, Node};
use super::super::error::FsResult;
use super::super::file::{File, FileInput, FileOutput, LARGEST_TRANSFER, Place};
use super::super::handle::Handle;
use super::super::link::FsCtxView;
use super::super::listing::Listing;
use super::super::operation::{Last, Request, descriptor_stat, metadata_hash, timestamps};

impl HostDescriptor for FsCtxView<'_> {
    fn read_via_stream(&mut self, fd: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        let file = Arc::clone(self.table.get(&fd)?.file_to_read()?);
        if !file.may_read {
            return Err(ErrorCode::BadDescriptor.into());
        }
        let stream: DynInputStream = Box::new(FileInput::new(file, offset, Handle::take(&self.ctx.meter)?));
        Ok(self.table.push(stream)?)
    }

    fn write_via_stream(&mut self, fd: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        let file = self.file_to_write(&fd)?;
        let stream: DynOutputStream = Box::new(FileOutput::at(file, offset, Handle::take(&self.ctx.meter)?));
        Ok(self.table.push(stream)?)
    }

    fn append_via_stream(&mut self, fd: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        let file = self.file_to_write(&fd)?;
        let stream: DynOutputStream = Box::new(FileOutput::at_end(file, Handle::take(&self.ctx.meter)?));
        Ok(self.table.push(stream)?)
    }

    fn advise(&mut self, fd: Resource<Descriptor>, offset: Filesize, length: Filesize, advice: Advice) -> FsResult<()> {
        let advice = match advice {
            Advice::Normal => FsAdvice::Normal,
            Advice::Sequential => FsAdvice::Sequential,
            Advice::Random => FsAdvice::Random,
            Advice::WillNeed => FsAdvice::WillNeed,
            Advice::DontNeed => FsAdvice::DontNeed,
            Advice::NoReuse => FsAdvice::NoReuse,
        };
        Ok(self.table.get(&fd)?.file()?.content.advise(offset, length, advice)?)
    }

    fn sync_data(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        match &self.table.get(&fd)?.node {
            Node::File(file) => Ok(file.content.sync(true)?),
            Node::Directory(directory) => self.ctx.sync_directory(directory),
        }
    }

    fn get_flags(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        Ok(self.table.get(&fd)?.flags)
    }

    fn get_type(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorType> {
        match self.table.get(&fd)?.node {
            Node::File(_) => Ok(DescriptorType::RegularFile),
            Node::Directory(_) => Ok(DescriptorType::Directory),
        }
    }

    fn set_size(&mut self, fd: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        self.ctx.set_size(self.table.get(&fd)?.file()?, size)
    }

    fn set_times(
        &mut self,
        fd: Resource<Descriptor>,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        self.ctx.set_times(self.table.get(&fd)?, &timestamps(access, modification)?)
    }

    fn read(&mut self, fd: Resource<Descriptor>, length: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)> {
        let file = self.table.get(&fd)?.file_to_read()?;
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(LARGEST_TRANSFER);
        let bytes = file.read(length, offset)?;
        let end = bytes.is_empty() && length > 0;
        Ok((bytes, end))
    }

    fn write(&mut self, fd: Resource<Descriptor>, bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        let written = self.table.get(&fd)?.file()?.write(&bytes, Place::At(offset))?;
        Ok(written as Filesize)
    }

    fn read_directory(&mut self, fd: Resource<Descriptor>) -> FsResult<Resource<Listing>> {
        let listing = self.ctx.list(self.table.get(&fd)?.directory()?)?;
        Ok(self.table.push(listing)?)
    }

    fn sync(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        match &self.table.get(&fd)?.node {
            Node::File(file) => Ok(file.content.sync(false)?),
            Node::Directory(directory) => self.ctx.sync_directory(directory),
        }
    }

    fn create_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.ctx.create_directory_at(self.table.get(&fd)?.directory()?, &path)
    }

    fn stat(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        Ok(descriptor_stat(&self.ctx.stat(self.table.get(&fd)?)?))
    }

    fn stat_at(&mut self, fd: Resource<Descriptor>, flags: PathFlags, path: String) -> FsResult<DescriptorStat> {
        let stat = self.ctx.stat_at(self.table.get(&fd)?.directory()?, last(flags), &path)?;
        Ok(descriptor_stat(&stat))
    }

    fn set_times_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        let times = timestamps(access, modification)?;
        self.ctx.set_times_at(self.table.get(&fd)?.directory()?, last(flags), &path, &times)
    }

    fn link_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        // A hard link to where a link leads: nothing needs it, and it would be one more way to follow.
        if flags.contains(PathFlags::SYMLINK_FOLLOW) {
            return Err(ErrorCode::Invalid.into());
        }
        let (from, to) = (self.table.get(&fd)?.directory()?, self.table.get(&new_fd)?.directory()?);
        self.ctx.link_at((from, &path), (to, &new_path))
    }

    fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let directory = self.table.get(&fd)?.directory()?;
        let descriptor = self.ctx.open_at(directory, last(path_flags), &path, Request { open, flags })?;
        Ok(self.table.push(descriptor)?)
    }

    fn readlink_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<String> {
        self.ctx.readlink_at(self.table.get(&fd)?.directory()?, &path)
    }

    fn remove_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.ctx.remove_directory_at(self.table.get(&fd)?.directory()?, &path)
    }

    fn rename_at(
        &mut self,
        fd: Resource<Descriptor>,
        path: String,
        new_fd: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let (from, to) = (self.table.get(&fd)?.directory()?, self.table.get(&new_fd)?.directory()?);
        self.ctx.rename_at((from, &path), (to, &new_path))
    }

    fn symlink_at(&mut self, fd: Resource<Descriptor>, target: String, path: String) -> FsResult<()> {
        self.ctx.symlink_at(self.table.get(&fd)?.directory()?, &target, &path)
    }

    fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.ctx.unlink_file_at(self.table.get(&fd)?.directory()?, &path)
    }

    fn is_same_object(&mut self, fd: Resource<Descriptor>, other: Resource<Descriptor>) -> wasmtime::Result<bool> {
        Ok(self.table.get(&fd)?.identity() == self.table.get(&other)?.identity())
    }

    fn metadata_hash(&mut self, fd: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        Ok(self.table.get(&fd)?.identity().metadata_hash())
    }

    fn metadata_hash_at(
        &mut self,
        fd: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let stat = self.ctx.stat_at(self.table.get(&fd)?.directory()?, last(flags), &path)?;
        Ok(metadata_hash(&stat))
    }

    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        Ok(self.table.close(fd, &self.ctx.meter)?)
    }
}

impl FsCtxView<'_> {
    fn file_to_write(&self, fd: &Resource<Descriptor>) -> FsResult<Arc<File>> {
        let file = self.table.get(fd)?.file()?;
        if !file.may_write {
            return Err(ErrorCode::BadDescriptor.into());
        }
        Ok(Arc::clone(file))
    }
}

fn last(flags: PathFlags) -> Last {
    if flags.contains(PathFlags::SYMLINK_FOLLOW) { Last::Follow } else { Last::Keep }
}
