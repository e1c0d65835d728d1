//! `toolhold completions`: completions for a shell, on standard output.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::failure::CommandResult;
use crate::exit_code::ExitCode;

/// Print completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  toolhold completions bash > ~/.local/share/bash-completion/completions/toolhold")]
pub(super) struct Completions {
    /// Which shell.
    shell: Shell,
}

impl Completions {
    /// Runs the command.
    pub(super) fn run(self) -> CommandResult {
        clap_complete::generate(self.shell, &mut super::Cli::command(), "toolhold", &mut std::io::stdout());
        Ok(ExitCode::Success)
    }
}
