//! A file as a `wasi:io` output stream. What is written is written before the call returns, so there is nothing to flush
//! and an error is told by the write that met it.

use std::sync::Arc;

use wasmtime_wasi_io::bytes::Bytes;
use wasmtime_wasi_io::poll::Pollable;
use wasmtime_wasi_io::streams::{OutputStream, StreamError, StreamResult};

use super::super::handle::Handle;
use super::input::stream_error;
use super::write::Place;
use super::{File, LARGEST_TRANSFER};

/// Writes from where it was opened on, or always at the end.
pub(in super::super) struct FileOutput {
    file: Arc<File>,
    place: Place,
    failed: bool,
    _handle: Handle,
}

impl FileOutput {
    pub(in super::super) fn at(file: Arc<File>, offset: u64, handle: Handle) -> Self {
        Self { file, place: Place::At(offset), failed: false, _handle: handle }
    }

    pub(in super::super) fn at_end(file: Arc<File>, handle: Handle) -> Self {
        Self { file, place: Place::End, failed: false, _handle: handle }
    }

    fn check(&self) -> StreamResult<()> {
        if self.failed { Err(StreamError::Closed) } else { Ok(()) }
    }
}

#[wasmtime_wasi_io::async_trait]
impl OutputStream for FileOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.check()?;
        if bytes.len() > LARGEST_TRANSFER {
            return Err(StreamError::trap("more was written than `check-write` permits"));
        }
        if let Err(error) = self.file.write_all(&bytes, self.place) {
            self.failed = true;
            return Err(stream_error(error));
        }
        if let Place::At(offset) = &mut self.place {
            *offset += bytes.len() as u64;
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.check()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.check().map(|()| LARGEST_TRANSFER)
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.write(bytes)
    }
}

#[wasmtime_wasi_io::async_trait]
impl Pollable for FileOutput {
    async fn ready(&mut self) {}
}
