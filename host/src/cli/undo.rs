//! `toolhold undo`: takes back what a call, or every call of a run, changed.

use clap::Args;
use toolhold_core::escape;
use toolhold_core::id::{CallId, RunId};

use super::asked::{Door, open_or_ask};
use super::effects::{self, Landing};
use super::failure::{CommandResult, Failure, WithCode as _};
use super::named;
use super::project::Project;
use super::ui::{Tone, Ui, paint};
use crate::exit_code::ExitCode;
use crate::journal::{Filter, HistoryEntry, HistoryFilter, Reader};
use crate::{UndoError, Undone};

/// Take back what a call changed: content, names, times and modes are what they were.
///
/// All of it or nothing. It is refused if anything that the call left has been changed since, and what that is is named:
/// a later change is never lost. What a call requested over the network cannot be taken back.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
#[command(after_help = "Examples:
  toolhold history                                  names the calls
  toolhold undo 0199b6a2-5a3c-7c1e-9d55-0d6d3f1c2a10
  toolhold undo --run 0199b6a2-11f0-7d3a-8a4e-3b1f0a9c7e21   every call of a run, the last one first

Exits with 14 if something was changed since: nothing was taken back then, and the paths are named.")]
pub(super) struct Undo {
    /// The call.
    #[arg(value_name = "CALL")]
    call: Option<CallId>,
    /// Every call of this run that changed something, the last one first.
    #[arg(long, value_name = "RUN")]
    run: Option<RunId>,
}

impl Undo {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let call = named::whole_if_any(self.call, project, ui)?;
        let run = named::whole_if_any(self.run, project, ui)?;
        let mut door = open_or_ask(project, ui).await?;
        let calls = match (call, &run) {
            (Some(call), _) => vec![call],
            (None, Some(run)) => on_disk(&Reader::open(&project.state()).code(ExitCode::Host)?, run)?,
            (None, None) => Vec::new(),
        };
        let mut undone = Vec::new();
        let mut failed = None;
        for call in calls {
            match one(&mut door, &call).await {
                Ok(one) => undone.push(one),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        // What was taken back before a failure is told too: it stays so.
        if failed.is_none() || !undone.is_empty() {
            ui.result(&undone, |undone| readable(undone))?;
        }
        failed.map_or(Ok(ExitCode::Success), Err)
    }
}

/// Takes one call back, or has it taken back by whoever holds the state directory.
async fn one(door: &mut Door, call: &CallId) -> Result<Undone, Failure> {
    match door {
        Door::Ours(host) => host.undo(call).await.map_err(failure),
        Door::Theirs(holder) => {
            let undone = holder.post(&format!("/v1/calls/{call}/undo"), None, &[]).await?;
            serde_json::from_value(undone).code(ExitCode::Host)
        }
    }
}

/// The calls of a run whose changes are on the disk, the last one first. Those that have expired are the first of it, so they come
/// last: that they cannot be taken back is said after the others were.
fn on_disk(reader: &Reader, run: &RunId) -> Result<Vec<CallId>, Failure> {
    let filter = HistoryFilter { run: Some(run.clone()), limit: u32::MAX, ..HistoryFilter::default() };
    let entries = reader.history(&filter).code(ExitCode::Host)?;
    known(reader, run)?;
    Ok(entries.into_iter().filter(HistoryEntry::is_on_disk).map(|entry| entry.call).collect())
}

/// A run of which the journal has anything at all.
pub(super) fn known(reader: &Reader, run: &RunId) -> Result<(), Failure> {
    let calls = Filter { run: Some(run.clone()), limit: 1, ..Filter::default() };
    let is_known =
        reader.run(run).code(ExitCode::Host)?.is_some() || !reader.calls(&calls).code(ExitCode::Host)?.is_empty();
    let unknown = || anyhow::anyhow!("there is no run `{run}`; `toolhold runs` lists them");
    if is_known { Ok(()) } else { Err(Failure::new(ExitCode::BadInput, unknown())) }
}

fn failure(error: UndoError) -> Failure {
    let code = match &error {
        _ if !error.conflicts().is_empty() => ExitCode::Conflict,
        UndoError::Nothing(_) | UndoError::Expired(_) | UndoError::State { .. } => ExitCode::BadInput,
        UndoError::Disk { .. } | UndoError::Ended(_) | UndoError::Journal(_) => ExitCode::Host,
    };
    // The paths in it were chosen by a guest.
    Failure::new(code, anyhow::anyhow!("{}", escape::line(&error.to_string())))
}

fn readable(undone: &[Undone]) -> String {
    let one = |undone: &Undone| {
        let call = paint(Tone::Strong, undone.call.as_str());
        format!("{call}\n{}", effects::brief(&undone.effects, Landing::TakenBack))
    };
    match undone {
        [] => "nothing of this run is left to be taken back".to_owned(),
        several => several.iter().map(one).collect::<Vec<_>>().join("\n\n"),
    }
}
