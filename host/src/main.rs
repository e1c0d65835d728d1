//! The binary `toolhold`. Everything is in the library; this turns a command line into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    toolhold::cli::main().into()
}
