//! The binary `toolhold`. Everything is in the library; this turns a command line into an exit code.

use std::process::ExitCode;

/// What a call is made of is allocated where it is asked for and freed where it is written down: on another thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    toolhold::cli::main().into()
}
