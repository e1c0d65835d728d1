//! What a guest imports: WASI's functions, each a call of one operation.
//!
//! Nothing is decided here. A resource of the guest is looked up, the operation runs, its result is put into WASI's words.

mod descriptor;
mod directory_entry_stream;

use wasmtime::component::Resource;

use super::bindings::{preopens, types};
use super::descriptor::Descriptor;
use super::error::FsError;
use super::link::FsCtxView;

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
        Ok(self.table.get(&error)?.downcast_ref::<types::ErrorCode>().copied())
    }
}

impl preopens::Host for FsCtxView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        self.stopped.map_or(Ok(()), Err)?;
        let preopens = self.ctx.preopens().map_err(|error| match error {
            FsError::Code(code) => code.into(),
            FsError::Trap(trap) => trap,
        })?;
        preopens.into_iter().map(|(descriptor, guest)| Ok((self.table.push(descriptor)?, guest))).collect()
    }
}
