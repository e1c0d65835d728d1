//! `toolhold dlq`: runs that failed for good, and what a person decides about them.

use std::sync::Arc;

use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;
use toolhold_core::id::RunId;

use super::model::ModelArguments;
use super::{failure, list, run};
use crate::agent::TokioClock;
use crate::cli::approvals::Editor;
use crate::cli::failure::CommandResult;
use crate::cli::named;
use crate::cli::project::{Project, open};
use crate::cli::ui::Ui;
use crate::exit_code::ExitCode;
use crate::runs::{HostTools, Worker};

/// Decide about runs that failed for good.
///
/// A dead letter holds everything that the run knew. Requeued, it goes on from the last place at which it was whole, with
/// fresh budgets; what it did before is not done again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold dlq list
  toolhold dlq show RUN
  toolhold dlq requeue RUN            once what made it fail is mended
  toolhold dlq discard RUN

docs/runs.md")]
pub(in crate::cli) struct Dlq {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The dead letters, newest first.
    List {
        /// At most this many.
        #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// One of them, step by step.
    Show {
        /// Which run.
        run: RunId,
    },
    /// Let it go on.
    Requeue {
        /// Which run.
        run: RunId,
        #[command(flatten)]
        model: ModelArguments,
        #[command(flatten)]
        editor: Editor,
    },
    /// Decide that it stays dead. It remains in `toolhold runs` until it is too old.
    Discard {
        /// Which run.
        run: RunId,
    },
}

impl Dlq {
    /// Runs the command.
    pub(in crate::cli) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let whole = |run: RunId| named::whole(run, project, ui);
        match self.command {
            Command::List { limit } => list::dead(limit, project, ui),
            Command::Show { run } => list::show(&whole(run)?, project, ui),
            Command::Requeue { run, model, editor } => {
                let run = whole(run)?;
                run::go_on(run::From::Dead(run), (model, editor), project, ui).await
            }
            Command::Discard { run } => discard(&whole(run)?, project, ui).await,
        }
    }
}

async fn discard(run: &RunId, project: &Project, ui: Ui) -> CommandResult {
    let host = open(project, Vec::new(), ui).await?;
    let tools = HostTools { host: &host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
    let cancel = CancellationToken::new();
    let worker = Worker { tools: &tools, clock: Arc::new(TokioClock::default()), cancel, front: "dlq" };
    worker.discard(run).await.map_err(failure)?;
    ui.result(&serde_json::json!({"run": run, "state": "discarded"}), |_| "discarded".to_owned())?;
    Ok(ExitCode::Success)
}
