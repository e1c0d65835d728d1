//! What a guest imports: WASI's functions, each a call of one operation.
//!
//! Nothing is decided here. A resource of the guest is looked up, the operation runs, its result is put into WASI's words.

mod descriptor;
mod directory_entry_stream;

use wasmtime::component::Resource;

use super::bindings::types;
use super::error::FsError;
use super::link::FsCtxView;
use super::table::Directories;

impl types::Host for FsCtxView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<types::ErrorCode> {
        match error {
            FsError::Code(_) if let Some(exceeded) = self.stopped => Err(exceeded.into()),
            FsError::Code(code) => Ok(code),
            FsError::Trap(trap) => Err(trap),
        }
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<types::ErrorCode>> {
        Ok(self.table.opened.get(&error)?.downcast_ref::<types::ErrorCode>().copied())
    }
}

impl FsCtxView<'_> {
    /// `wasi:filesystem/preopens.get-directories`.
    pub(crate) fn get_directories(&mut self) -> wasmtime::Result<Directories> {
        self.stopped.map_or(Ok(()), Err)?;
        self.table.directories(&self.ctx.meter)
    }
}
