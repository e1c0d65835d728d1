//! `toolhold doctor`: what is active here, and what would mend what is not.

use std::path::PathBuf;

use clap::Args;
use toolhold_core::escape;

use super::failure::CommandResult;
use super::project::Project;
use super::ui::{Tone, Ui, paint};
use super::variable;
use crate::clock;
use crate::doctor::{self, Check, Condition, Patient};
use crate::exit_code::ExitCode;

/// Look at this machine and this project: what is active, and a fix for what is not.
///
/// Changes nothing and calls no tool. Exits with 1 only where something keeps Toolhold from working.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold doctor
  toolhold doctor --offline --json")]
pub(super) struct Doctor {
    /// Ask no server whether it is there.
    #[arg(long)]
    offline: bool,
}

impl Doctor {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let spinner = ui.spinner("looking".to_owned());
        let patient = Patient {
            config: project.host(),
            path: variable("PATH"),
            now: clock::micros(),
            offline: self.offline,
            root: PathBuf::from("/"),
        };
        let checks = doctor::examine(&patient).await;
        spinner.finish_and_clear();
        ui.result(&checks, |checks| checks.iter().map(text).collect::<Vec<_>>().join("\n"))?;
        let has_problem = checks.iter().any(|check| check.condition == Condition::Problem);
        Ok(if has_problem { ExitCode::Failure } else { ExitCode::Success })
    }
}

fn text(check: &Check) -> String {
    let (tone, word) = match check.condition {
        Condition::Good => (Tone::Good, "good"),
        Condition::Note => (Tone::Notice, "note"),
        Condition::Problem => (Tone::Bad, "problem"),
    };
    let line = format!("{} {:15} {}", paint(tone, &format!("{word:7}")), check.name, escape::block(&check.found));
    match &check.fix {
        Some(fix) => format!("{line}\n{:23} {} {}", "", paint(Tone::Faint, "fix:"), escape::block(fix)),
        None => line,
    }
}
