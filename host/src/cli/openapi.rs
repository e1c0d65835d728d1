//! `toolhold openapi`: what the HTTP API is, for programs and for who writes them.

use clap::Args;

use super::failure::CommandResult;
use super::ui::Ui;
use crate::api;
use crate::exit_code::ExitCode;

/// Print the OpenAPI document of the HTTP API of `toolhold serve`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  toolhold openapi > openapi.json       then make a client out of it

docs/api.md")]
pub(super) struct OpenApi {}

impl OpenApi {
    /// Runs the command.
    pub(super) fn run(self, ui: Ui) -> CommandResult {
        ui.result(&api::document(), |document| format!("{document:#}"))?;
        Ok(ExitCode::Success)
    }
}
