//! `wasi:cli/environment` and `exit`: granted variables, the arguments of a program, no working directory; and the guest's own
//! end.

use wasmtime_wasi::p2::bindings::cli::{environment, exit};

use crate::call::{Exit, Gate};

impl environment::Host for Gate<'_> {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        let state = self.enter()?;
        let own = state.command.as_ref().map(|call| &call.invocation.env);
        let granted = state.env.iter().filter(|(name, _)| own.is_none_or(|own| !own.contains_key(*name)));
        Ok(granted.chain(own.into_iter().flatten()).map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        let command = self.enter()?.command.as_ref();
        Ok(command.map(|call| call.invocation.argv.clone()).unwrap_or_default())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        self.enter().map(|_| None)
    }
}

impl exit::Host for Gate<'_> {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        self.enter()?;
        Err(Exit(u8::from(status.is_err())).into())
    }

    fn exit_with_code(&mut self, status_code: u8) -> wasmtime::Result<()> {
        self.enter()?;
        Err(Exit(status_code).into())
    }
}
