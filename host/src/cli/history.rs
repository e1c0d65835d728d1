//! `toolhold history`: which calls changed something, what it was, and whether it can be taken back.

use clap::Args;
use comfy_table::{Table, presets};
use toolhold_core::id::{CallId, RunId};

use super::effects::{self, Landing};
use super::failure::{CommandResult, Failure, WithCode as _};
use super::named;
use super::project::Project;
use super::ui::{Tone, Ui, paint};
use crate::exit_code::ExitCode;
use crate::journal::{HistoryEntry, HistoryFilter, PlanState, Reader};
use crate::shown::Changed;

/// List the calls that changed something, newest first, or show one of them whole.
///
/// Works beside a host that runs. Previews that can be applied are listed too. What tools of other MCP servers did is not observed, so their calls
/// are not in this list: `toolhold audit` has them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold history
  toolhold history --run 0199b6a2-11f0-7d3a-8a4e-3b1f0a9c7e21
  toolhold history 0199b6a2-5a3c-7c1e-9d55-0d6d3f1c2a10      one call, with its changes")]
pub(super) struct History {
    /// Show this call whole.
    #[arg(value_name = "CALL", conflicts_with_all = ["run", "limit"])]
    call: Option<CallId>,
    /// Only calls of this run.
    #[arg(long, value_name = "RUN")]
    run: Option<RunId>,
    /// At most this many.
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl History {
    /// Runs the command.
    pub(super) fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let call = named::whole_if_any(self.call, project, ui)?;
        let run = named::whole_if_any(self.run, project, ui)?;
        let filter = HistoryFilter { run, call: call.clone(), limit: self.limit, most_bytes: None };
        let entries = match Reader::open_if_any(&project.state()).code(ExitCode::Host)? {
            Some(reader) => {
                filter.run.iter().try_for_each(|run| super::undo::known(&reader, run))?;
                reader.history(&filter).code(ExitCode::Host)?
            }
            // No host was opened here so far.
            None => Vec::new(),
        };
        match (call, entries.as_slice()) {
            (Some(call), []) => {
                let error = anyhow::anyhow!(
                    "no call `{call}` is known to have changed files; `toolhold history` lists those that are"
                );
                return Err(Failure::new(ExitCode::BadInput, error));
            }
            (Some(_), [entry, ..]) => ui.result(&Changed::of(entry), |_| whole(entry))?,
            (None, entries) => {
                ui.result(&entries.iter().map(Changed::of).collect::<Vec<_>>(), |_| table(entries))?;
            }
        }
        Ok(ExitCode::Success)
    }
}

/// In microseconds: a table shows no more of a time.
const SECOND: u64 = 1_000_000;

/// What a state means for the disk.
fn meaning(state: PlanState) -> &'static str {
    match state {
        PlanState::Preview => "a dry run: nothing was changed, and it can be applied",
        PlanState::Applied => "a dry run, used up by an apply, which is a call of its own",
        PlanState::Ready => "cut off: it is finished when a host opens next",
        PlanState::Landed => "on the disk, and it can be taken back",
        PlanState::Refused => "refused: nothing was changed",
        PlanState::Undoing => "taking it back was cut off: that is finished when a host opens next",
        PlanState::Undone => "taken back",
        PlanState::Expired => {
            "too old, or too large beside newer ones (`undo-age` and `undo-bytes` in `[host]`): it can neither be applied nor \
             taken back any more"
        }
    }
}

fn landing(state: PlanState) -> Landing {
    match state {
        PlanState::Preview | PlanState::Applied => Landing::Previewed,
        PlanState::Refused => Landing::ThrownAway,
        PlanState::Ready | PlanState::Landed | PlanState::Expired => Landing::Landed,
        PlanState::Undoing | PlanState::Undone => Landing::TakenBack,
    }
}

fn whole(entry: &HistoryEntry) -> String {
    let head = |name: &str, value: &str| format!("{} {value}", paint(Tone::Strong, &format!("{name:<6}")));
    [
        head("call", entry.call.as_str()),
        head("run", entry.run.as_str()),
        head("tool", entry.tool.as_str()),
        head("time", &effects::time(entry.at)),
        head("state", &format!("{}: {}", entry.state.word(), meaning(entry.state))),
        String::new(),
        effects::whole(&entry.effects, landing(entry.state)),
    ]
    .join("\n")
}

fn table(entries: &[HistoryEntry]) -> String {
    if entries.is_empty() {
        return "no call is known to have changed files".to_owned();
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["time", "call", "tool", "state", "changes"]);
    for entry in entries {
        let changes = effects::changes(&entry.effects);
        table.add_row([
            effects::time(entry.at - entry.at % SECOND).as_str(),
            entry.call.as_str(),
            entry.tool.as_str(),
            entry.state.word(),
            &changes,
        ]);
    }
    table.to_string()
}
