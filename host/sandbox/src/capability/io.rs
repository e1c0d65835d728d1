//! `wasi:io` for calls on the calling thread: what can wait takes the call's deadline and cancellation with it.
//!
//! Epochs do not interrupt host functions, and wasmtime-wasi's synchronous form of these interfaces waits for ever. So each
//! operation that may wait is polled once, which ends nearly all of them, and otherwise waited for here. The fiber lane
//! links wasmtime-wasi's own form: there the whole call is under the deadline.

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::io as fiber;
use wasmtime_wasi::p2::bindings::sync::io::{poll, streams};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult};

use fiber::streams::{HostInputStream as In, HostOutputStream as Out};

use crate::call::{CallState, LaneLinker, Stop};

/// The resources of a call.
struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// The resources of a call, and what ends a wait for them.
struct Waiting;

impl HasData for Waiting {
    type Data<'a> = WaitView<'a>;
}

struct WaitView<'a> {
    table: &'a mut ResourceTable,
    stop: &'a Stop,
}

impl CallState {
    // Everything here is of handles: past the limit of calls there are none, and each function ends the guest.
    fn table(&mut self) -> &mut ResourceTable {
        let _told_by_the_table = self.count().is_err();
        &mut self.table
    }

    fn waiting(&mut self) -> WaitView<'_> {
        let _told_by_the_table = self.count().is_err();
        WaitView { table: &mut self.table, stop: &self.stop }
    }
}

/// Adds all of `wasi:io`.
pub(crate) fn add_to_linker(linker: &mut Linker<CallState>, lane: LaneLinker) -> wasmtime::Result<()> {
    fiber::error::add_to_linker::<_, Table>(linker, CallState::table)?;
    match lane {
        LaneLinker::CallingThread => {
            poll::add_to_linker::<_, Waiting>(linker, CallState::waiting)?;
            streams::add_to_linker::<_, Waiting>(linker, CallState::waiting)
        }
        LaneLinker::Fiber => {
            fiber::poll::add_to_linker::<_, Table>(linker, CallState::table)?;
            fiber::streams::add_to_linker::<_, Table>(linker, CallState::table)
        }
    }
}

impl poll::Host for WaitView<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        self.stop.wait(fiber::poll::Host::poll(self.table, pollables))?
    }
}

impl poll::HostPollable for WaitView<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        self.stop.wait(fiber::poll::HostPollable::ready(self.table, pollable))?
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.stop.wait(fiber::poll::HostPollable::block(self.table, pollable))?
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        fiber::poll::HostPollable::drop(self.table, pollable)
    }
}

impl WaitView<'_> {
    /// Waits for an operation on a stream; a deadline that passes meanwhile is not for the guest to handle.
    fn stream<T>(stop: &Stop, operation: impl Future<Output = StreamResult<T>>) -> StreamResult<T> {
        stop.wait(operation).map_err(StreamError::Trap)?
    }
}

impl streams::Host for WaitView<'_> {
    fn convert_stream_error(&mut self, error: StreamError) -> wasmtime::Result<streams::StreamError> {
        Ok(match fiber::streams::Host::convert_stream_error(self.table, error)? {
            fiber::streams::StreamError::LastOperationFailed(error) => streams::StreamError::LastOperationFailed(error),
            fiber::streams::StreamError::Closed => streams::StreamError::Closed,
        })
    }
}

impl streams::HostInputStream for WaitView<'_> {
    fn drop(&mut self, stream: Resource<DynInputStream>) -> wasmtime::Result<()> {
        self.stop.wait(In::drop(self.table, stream))?
    }

    fn read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        In::read(self.table, stream, len)
    }

    fn blocking_read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        Self::stream(self.stop, In::blocking_read(self.table, stream, len))
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        In::skip(self.table, stream, len)
    }

    fn blocking_skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        Self::stream(self.stop, In::blocking_skip(self.table, stream, len))
    }

    fn subscribe(&mut self, stream: Resource<DynInputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        In::subscribe(self.table, stream)
    }
}

impl streams::HostOutputStream for WaitView<'_> {
    fn drop(&mut self, stream: Resource<DynOutputStream>) -> wasmtime::Result<()> {
        self.stop.wait(Out::drop(self.table, stream))?
    }

    fn check_write(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        Out::check_write(self.table, stream)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        Out::write(self.table, stream, bytes)
    }

    fn subscribe(&mut self, stream: Resource<DynOutputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        Out::subscribe(self.table, stream)
    }

    fn blocking_write_and_flush(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        Self::stream(self.stop, Out::blocking_write_and_flush(self.table, stream, bytes))
    }

    fn blocking_write_zeroes_and_flush(&mut self, stream: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        Self::stream(self.stop, Out::blocking_write_zeroes_and_flush(self.table, stream, len))
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        Out::write_zeroes(self.table, stream, len)
    }

    fn flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        Out::flush(self.table, stream)
    }

    fn blocking_flush(&mut self, stream: Resource<DynOutputStream>) -> StreamResult<()> {
        Self::stream(self.stop, Out::blocking_flush(self.table, stream))
    }

    fn splice(
        &mut self,
        into: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        Out::splice(self.table, into, from, len)
    }

    fn blocking_splice(
        &mut self,
        into: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        Self::stream(self.stop, Out::blocking_splice(self.table, into, from, len))
    }
}
