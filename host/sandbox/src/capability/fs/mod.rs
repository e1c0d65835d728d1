//! The file system capability.

use std::sync::Arc;

use toolhold_core::grant::DirectoryGrant;
use wasmtime::component::{Linker, ResourceTable};

use crate::meter::Meter;

/// What no grant reaches.
#[derive(Debug, Clone, Default)]
pub struct Protected;

/// Why grants cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No file system here.
    #[error("no file system in this build")]
    None,
}

/// Opened grants.
#[derive(Debug)]
pub struct OpenedGrants;

impl OpenedGrants {
    /// Opens.
    ///
    /// # Errors
    ///
    /// [`Error`]
    pub fn open(grants: &[DirectoryGrant], _protected: &Protected) -> Result<Self, Error> {
        if grants.is_empty() { Ok(Self) } else { Err(Error::None) }
    }
}

/// Per call.
#[derive(Debug)]
pub struct FsCtx;

impl FsCtx {
    /// Per call.
    #[must_use]
    pub fn new(_grants: Arc<OpenedGrants>, _meter: Arc<Meter>) -> Self {
        Self
    }
}

/// View.
#[derive(Debug)]
pub struct FsCtxView<'a> {
    /// The context.
    pub ctx: &'a mut FsCtx,
    /// The table.
    pub table: &'a mut ResourceTable,
}

/// Has a view.
pub trait FsView: Send {
    /// The view.
    fn fs(&mut self) -> FsCtxView<'_>;
}

/// Links.
///
/// # Errors
///
/// None.
pub fn add_to_linker<T: FsView + 'static>(_linker: &mut Linker<T>) -> wasmtime::Result<()> {
    Ok(())
}
