//! `toolhold apply`: makes exactly the changes that a dry run showed.

use clap::Args;
use toolhold_core::id::CallId;
use toolhold_core::outcome::{Class, Outcome};

use super::asked::{self, Door, open_or_ask};
use super::call::exit_code;
use super::effects::{self, Landing};
use super::failure::{CommandResult, WithCode as _};
use super::named;
use super::project::Project;
use super::report;
use super::ui::Ui;
use crate::CallOptions;
use crate::exit_code::ExitCode;

/// Make exactly the changes that a dry run showed, or none.
///
/// The tool does not run again: what was staged is put on the disk, all of it or nothing. It is refused if anything that
/// the dry run saw has changed since, or if the manifest does not allow the call any more. A preview is applied once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold call files.edit @edit.json --dry-run     prints the diff and the call's name
  toolhold apply 0199b6a2-5a3c-7c1e-9d55-0d6d3f1c2a10

Exits with 14 if the world has moved: nothing was changed then, and the paths are named.")]
pub(super) struct Apply {
    /// The call that was previewed, as its dry run named it.
    #[arg(value_name = "CALL")]
    preview: CallId,
}

impl Apply {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let preview = named::whole(self.preview, project, ui)?;
        let (done, told, reader) = match open_or_ask(project, ui).await? {
            Door::Ours(host) => {
                let done = host.apply(&preview, CallOptions::default()).await;
                let told = report::to_json(&done);
                (done, told, host.journal().reader().code(ExitCode::Host)?)
            }
            Door::Theirs(mut holder) => {
                let told = holder.post(&format!("/v1/calls/{preview}/apply"), None, &[]).await?;
                (asked::report(&told)?, told, holder.reader()?)
            }
        };
        let code = exit_code(&done.outcome);
        if code == ExitCode::Success || ui.is_json() {
            ui.result(&told, |_| effects::brief(&done.effects, Landing::Landed))?;
        }
        match &done.outcome {
            _ if ui.is_json() => {}
            Outcome::Failure(failure) => {
                ui.say_always(&report::failure_text(failure));
                if failure.class == Class::Conflict {
                    ui.say("the preview is kept: apply it again once nothing is in its way, or make a new dry run");
                }
            }
            Outcome::Success(_) => {
                let command = report::next(&done, &reader);
                command.iter().for_each(|command| ui.say(command));
            }
        }
        Ok(code)
    }
}
