//! A file as a `wasi:io` input stream. Always ready: a read of a regular file never waits for anybody.

use std::sync::Arc;

use wasmtime_wasi_io::bytes::Bytes;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{InputStream, StreamError, StreamResult};

use super::super::error::FsError;
use super::super::handle::Handle;
use super::File;

/// Reads from where it was opened to the end.
pub(in super::super) struct FileInput {
    file: Arc<File>,
    offset: u64,
    _handle: Handle,
}

impl FileInput {
    pub(in super::super) fn new(file: Arc<File>, offset: u64, handle: Handle) -> Self {
        Self { file, offset, _handle: handle }
    }
}

#[wasmtime_wasi_io::async_trait]
impl InputStream for FileInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            return Ok(Bytes::new());
        }
        let bytes = self.file.read(size, self.offset).map_err(stream_error)?;
        if bytes.is_empty() {
            return Err(StreamError::Closed);
        }
        self.offset = self.offset.saturating_add(bytes.len() as u64);
        Ok(bytes.into())
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.read(size)
    }
}

#[wasmtime_wasi_io::async_trait]
impl Pollable for FileInput {
    async fn ready(&mut self) {}
}

/// A code becomes the error that `filesystem-error-code` knows; a trap stays one.
pub(super) fn stream_error(error: FsError) -> StreamError {
    match error {
        FsError::Code(code) => StreamError::LastOperationFailed(code.into()),
        FsError::Trap(trap) => StreamError::Trap(trap),
    }
}
