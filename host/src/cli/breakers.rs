//! `toolhold breakers`: which tools and remote hosts are left alone because they failed, and how to end that.

use clap::Subcommand;
use comfy_table::{Table, presets};
use serde_json::json;
use toolhold_core::breaker::State;
use toolhold_core::escape;

use super::asked::{Door, open_or_ask};
use super::effects;
use super::failure::{CommandResult, Failure, WithCode as _};
use super::project::Project;
use super::ui::Ui;
use crate::attempt::{DependencyState, remembered};
use crate::exit_code::ExitCode;
use crate::journal::Reader;
use crate::shown::Breaker;

/// Show circuit breakers, or close one.
#[derive(Debug, Subcommand)]
pub(super) enum Breakers {
    /// List what failed lately: tools, and remote hosts by the component that asks them.
    ///
    /// Works beside a host that runs. What is not in the list works, or was not called.
    List,
    /// Close a breaker: the next call goes through.
    #[command(after_help = "Example:
  toolhold breakers reset tool:http.fetch")]
    Reset {
        /// Its name, as `toolhold breakers list` shows it.
        name: String,
    },
}

impl Breakers {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        match self {
            Self::List => {
                let states = match project.has_state() {
                    true => remembered(&Reader::open(&project.state()).code(ExitCode::Host)?).code(ExitCode::Host)?,
                    false => Vec::new(),
                };
                ui.result(&states.iter().map(Breaker::of).collect::<Vec<_>>(), |_| table(&states))?;
            }
            Self::Reset { name } => {
                match open_or_ask(project, ui).await? {
                    Door::Ours(host) => {
                        if !host.dependencies().reset(&name) {
                            return Err(unknown(&name));
                        }
                        host.journal().flush().await.code(ExitCode::Host)?;
                    }
                    Door::Theirs(mut holder) => {
                        holder.post("/v1/breakers/reset", Some(&json!({ "name": name })), &[]).await?;
                    }
                }
                ui.result(&json!({ "reset": name }), |_| format!("closed: {}", escape::line(&name)))?;
            }
        }
        Ok(ExitCode::Success)
    }
}

fn unknown(name: &str) -> Failure {
    let name = escape::line(name);
    let why = format!("no breaker `{name}` remembers a fault; `toolhold breakers list` shows those that do");
    Failure::new(ExitCode::BadInput, anyhow::anyhow!(why))
}

/// In microseconds: a table shows no more of a time.
const SECOND: u64 = 1_000_000;

fn meaning(state: State) -> String {
    match state {
        State::Closed => "calls go through".to_owned(),
        State::Open { until } => format!("left alone until {}", effects::time(until.next_multiple_of(SECOND))),
        State::HalfOpen { .. } => "one call tries it".to_owned(),
    }
}

fn table(states: &[DependencyState]) -> String {
    if states.is_empty() {
        return "nothing failed lately".to_owned();
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["name", "state", "faults in a row", ""]);
    for one in states {
        let (faults, name) = (one.faults_in_row.to_string(), escape::line(&one.name));
        table.add_row([&*name, Breaker::of(one).state, &faults, &meaning(one.state)]);
    }
    table.to_string()
}
