//! The commands about runs of an agent: `run`, `runs`, `dlq`.

mod dlq;
mod list;
mod model;
mod replay;
mod run;
mod session;
mod state;

use clap::{Args, Subcommand};
use serde_json::json;
use toolhold_core::id::RunId;

pub(super) use self::dlq::Dlq;
pub(super) use self::model::ModelArguments;
pub(super) use self::run::Run;
use super::approvals::Editor;
use super::failure::{CommandResult, Failure, WithCode as _};
use super::named;
use super::project::Project;
use super::ui::Ui;
use crate::exit_code::ExitCode;
use crate::journal::{self, Journal, Options, Reader};
use crate::runs::{self, Error};

/// See runs of agents, take them up again, go another way.
///
/// Everything that happens to a run is in the journal. A run that was cut off goes on where it was: what a model has answered
/// is not asked for again, and no call that may have changed something is repeated.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold runs                           the latest runs
  toolhold runs show RUN                  every step of one
  toolhold runs state RUN@7               what the model had seen after step 7, and what was next
  toolhold runs resume RUN                go on with one that was cut off
  toolhold runs fork RUN@7 --note \"…\"     a new run that begins as that one up to step 7
  toolhold runs cancel RUN                end one, also while another process works on it

docs/runs.md")]
pub(super) struct Runs {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The runs, newest first.
    List(list::List),
    /// One run, step by step.
    Show {
        /// Which run.
        run: RunId,
    },
    /// What a run was after one of its steps: its conversation, its budgets and what was next.
    State {
        /// Which run, and after which step, such as `RUN@7`; without a step, after its last one.
        #[arg(value_name = "RUN[@STEP]")]
        at: At,
    },
    /// Go on with a run that was cut off.
    Resume {
        /// Which run.
        run: RunId,
        #[command(flatten)]
        model: ModelArguments,
        #[command(flatten)]
        editor: Editor,
    },
    /// Begin a new run as a copy of another one up to one of its steps.
    Fork {
        /// Which run, and up to which step; without a step, up to the last one at which nothing was half done.
        #[arg(value_name = "RUN[@STEP]")]
        from: At,
        /// What is said to the model before it goes on.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        #[command(flatten)]
        model: ModelArguments,
        #[command(flatten)]
        editor: Editor,
    },
    /// Make one call of a run once more, with the time, randomness and answers that it was given, and say what is different.
    ///
    /// Nothing is sent and nothing is changed. The manifest as it is now decides.
    Replay {
        /// Which run, and which of its steps: one that started or ended a call.
        #[arg(value_name = "RUN@STEP")]
        at: At,
    },
    /// End a run, also while another process works on it.
    Cancel {
        /// Which run.
        run: RunId,
    },
}

/// A run and one of its steps.
#[derive(Debug, Clone)]
pub(super) struct At {
    run: RunId,
    step: Option<u64>,
}

impl std::str::FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (run, step) = match text.rsplit_once('@') {
            Some((run, step)) => {
                let step: u64 = step.parse().map_err(|_| format!("`{step}` is not the number of a step"))?;
                (run, Some(step))
            }
            None => (text, None),
        };
        Ok(Self { run: run.parse().map_err(|error| format!("{error}"))?, step })
    }
}

impl Runs {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let whole = |run: RunId| named::whole(run, project, ui);
        let at = |at: At| whole(at.run).map(|run| At { run, step: at.step });
        match self.command.unwrap_or_else(|| Command::List(list::List::default())) {
            Command::List(list) => list.run(project, ui),
            Command::Show { run } => list::show(&whole(run)?, project, ui),
            Command::State { at: of } => state::run(&at(of)?, project, ui),
            Command::Resume { run, model, editor } => {
                let run = whole(run)?;
                run::go_on(run::From::CutOff(run), (model, editor), project, ui).await
            }
            Command::Fork { from, note, model, editor } => {
                let from = at(from)?;
                let past =
                    || runs::Past::of(&reader(project)?, &from.run).and_then(|past| past.machine()).map_err(failure);
                let step = from.step.map_or_else(|| past().map(|machine| machine.checkpoint()), Ok)?;
                run::go_on(run::From::Fork { run: from.run, step, note }, (model, editor), project, ui).await
            }
            Command::Replay { at: of } => replay::run(&at(of)?, project, ui).await,
            Command::Cancel { run } => cancel(&whole(run)?, project, ui).await,
        }
    }
}

/// Ends a run: at once where nobody works on it, else by asking whoever does.
async fn cancel(run: &RunId, project: &Project, ui: Ui) -> CommandResult {
    let past = runs::Past::of(&reader(project)?, run).map_err(failure)?;
    if past.record.state.is_end() {
        let hint = "there is nothing to cancel";
        return Err(failure(Error::NotNow { run: run.clone(), state: past.record.state, hint }));
    }
    let options = Options { now: crate::clock::micros(), ..Options::default() };
    match Journal::open(&project.state(), &options) {
        Ok(journal) => {
            runs::cancel(&journal, run).await.map_err(failure)?;
            ui.result(&json!({"run": run, "state": "cancelled"}), |_| "cancelled".to_owned())?;
        }
        Err(journal::Error::InUse(_)) => {
            runs::request_cancel(&project.state(), run).map_err(failure)?;
            let text = "whoever has the state open was asked to end it; `toolhold runs show` tells when it has";
            ui.result(&json!({"run": run, "state": "cancel-requested"}), |_| text.to_owned())?;
        }
        Err(error) => return Err(Failure::new(ExitCode::Host, error)),
    }
    Ok(ExitCode::Success)
}

fn reader(project: &Project) -> Result<Reader, Failure> {
    Reader::open(&project.state()).code(ExitCode::Host)
}

/// An error about a run, with its exit code.
fn failure(error: Error) -> Failure {
    let code = match &error {
        Error::Journal(_) | Error::Stopped(_) | Error::File { .. } | Error::Damaged { .. } => ExitCode::Host,
        _ => ExitCode::BadInput,
    };
    Failure::new(code, error)
}
