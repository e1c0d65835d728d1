//! Linking the capability into a component's imports.

use toolhold_core::limit::Exceeded;
use wasmtime::component::{HasData, Linker};

use super::bindings::types;
use super::ctx::FsCtx;
use super::table::Handles;

/// The interface by which a guest gets its directories. Linked by hand, so that their paths are lent and not copied.
const PREOPENS: &str = "wasi:filesystem/preopens@0.2.12";

/// What the host functions work on: the call's file system and the table of its resources.
pub struct FsCtxView<'a> {
    /// The call's file system.
    pub ctx: &'a mut FsCtx,
    /// The call's handles.
    pub table: Handles<'a>,
    /// Why the call may do nothing more. It has no handles then.
    pub stopped: Option<Exceeded>,
}

/// A store's data that has a file system.
pub trait FsView: Send {
    /// Lends it.
    fn fs(&mut self) -> FsCtxView<'_>;
}

struct HasFs;

impl HasData for HasFs {
    type Data<'a> = FsCtxView<'a>;
}

/// Links `wasi:filesystem/types` and `wasi:filesystem/preopens`. Works for synchronous and asynchronous stores.
///
/// `wasi:io` and `wasi:clocks` are the caller's to link.
///
/// # Errors
///
/// If something of the same name is linked already and the linker forbids shadowing.
pub fn add_to_linker<T: FsView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    types::add_to_linker::<T, HasFs>(linker, T::fs)?;
    linker
        .instance(PREOPENS)?
        .func_wrap("get-directories", |mut store, (): ()| Ok((store.data_mut().fs().get_directories()?,)))
}
