//! Which imports exist. Built once per engine and form, as building takes longer than a call.
//!
//! Interface by interface, so that this page is the whole list of what a guest can call. wasmtime-wasi's file system is not
//! on it.

use wasmtime::Engine;
use wasmtime::component::Linker;
use wasmtime_wasi::p2::bindings::{cli, clocks, random};

use super::state::{CallState, Gated};
use crate::bindings::toolhold::tool::{context, types};
use crate::capability;

/// How the functions that may wait are linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneLinker {
    /// They wait on the calling thread.
    CallingThread,
    /// They suspend the fiber.
    Fiber,
}

/// Everything that a guest may import.
pub(crate) fn linker(engine: &Engine, lane: LaneLinker) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    types::add_to_linker::<_, Gated>(l, CallState::counted)?;
    context::add_to_linker::<_, Gated>(l, CallState::counted)?;
    command_line(l)?;
    clocks::wall_clock::add_to_linker::<_, Gated>(l, CallState::counted)?;
    clocks::monotonic_clock::add_to_linker::<_, Gated>(l, CallState::counted)?;
    random::random::add_to_linker::<_, Gated>(l, CallState::counted)?;
    random::insecure::add_to_linker::<_, Gated>(l, CallState::counted)?;
    random::insecure_seed::add_to_linker::<_, Gated>(l, CallState::counted)?;
    capability::io::add_to_linker(l, lane)?;
    capability::fs::add_to_linker(l)?;
    capability::sockets::add_to_linker(l, lane)?;
    capability::http::add_to_linker(l)?;
    Ok(linker)
}

fn command_line(l: &mut Linker<CallState>) -> wasmtime::Result<()> {
    cli::environment::add_to_linker::<_, Gated>(l, CallState::counted)?;
    cli::exit::add_to_linker::<_, Gated>(l, CallState::counted)?;
    cli::stdin::add_to_linker::<_, Gated>(l, CallState::counted)?;
    cli::stdout::add_to_linker::<_, Gated>(l, CallState::counted)?;
    cli::stderr::add_to_linker::<_, Gated>(l, CallState::counted)?;
    cli::terminal_input::add_to_linker::<_, Gated>(l, CallState::counted)?;
    cli::terminal_output::add_to_linker::<_, Gated>(l, CallState::counted)?;
    cli::terminal_stdin::add_to_linker::<_, Gated>(l, CallState::counted)?;
    cli::terminal_stdout::add_to_linker::<_, Gated>(l, CallState::counted)?;
    cli::terminal_stderr::add_to_linker::<_, Gated>(l, CallState::counted)
}
