//! `toolhold console`: a link that logs a person of this machine in to the console.

use anyhow::anyhow;
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};
use toolhold_core::escape;

use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::Project;
use super::ui::Ui;
use crate::access::Role;
use crate::control::Client;
use crate::exit_code::ExitCode;

/// Where the process that holds the state directory is asked for a link.
const ASKED_AT: &str = "/v1/console";

/// Print a link that logs you in to the console of `toolhold serve`: once, within five minutes, in a browser on this machine.
///
/// It is for whoever may use the state directory, and is no token: nothing but the console takes it.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  xdg-open \"$(toolhold console)\"

On another machine, log in with a token: `toolhold tokens create NAME --role approve`.")]
pub(super) struct Console {
    /// What you may do there: `observe`, `run`, `approve` or `admin`.
    #[arg(long, default_value = "admin")]
    role: Role,
}

impl Console {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let state = project.state();
        let no_server = || {
            let why = anyhow!("no `toolhold serve` holds the state directory `{}`: start one", state.display());
            Failure::new(ExitCode::Failure, why)
        };
        let mut client = Client::connect(&state).await.code(ExitCode::Host)?.ok_or_else(no_server)?;
        let wanted = json!({ "role": self.role });
        let answer = client.ask(Method::POST, ASKED_AT, Some(&wanted), &[]).await.code(ExitCode::Host)?;
        let text = |key: &str| answer.body.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("code") == "not-found" || answer.status == hyper::StatusCode::NOT_FOUND {
            return Err(no_server());
        }
        if !answer.status.is_success() {
            return Err(Failure::new(ExitCode::Failure, anyhow!("{}", escape::line(text("detail")))));
        }
        ui.result(&answer.body, |_| text("url").to_owned())?;
        ui.say("it works once, within five minutes");
        Ok(ExitCode::Success)
    }
}
