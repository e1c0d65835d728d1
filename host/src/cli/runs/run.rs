//! `toolhold run`, and the commands that work on a run that there is already.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use toolhold_core::call::Mode;
use toolhold_core::escape;
use toolhold_core::id::RunId;
use toolhold_core::run::event::LOCAL;
use toolhold_core::schema::CompiledSchema;

use super::model::{Beforehand, ModelArguments};
use super::session::Session;
use super::{failure, reader};
use crate::agent::{Clock, Models, Task, TokioClock, Tools as _};
use crate::cli::approvals::{Editor, Prompter};
use crate::cli::failure::{CommandResult, Failure, WithCode as _};
use crate::cli::project::{Opened, Project, try_open};
use crate::cli::ui::Ui;
use crate::clock;
use crate::exit_code::ExitCode;
use crate::runs::preflight::{self, Finding};
use crate::runs::{HostTools, Past, Worker, limits, service};

/// Let an agent work on a task.
///
/// The answer goes to standard output, what happens to standard error. Every call of the model is checked against the
/// manifest; what is refused goes back to the model, and to you with the line that would allow it. Of a dry run, what it
/// would change goes to standard output and the answer to standard error.
///
/// Everything that happens is in the journal: a run that is cut off goes on with `toolhold runs resume`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold run \"Tidy the inbox\" --model scripted:script.toml
  toolhold run \"Tidy the inbox\" --model openai:gpt-5-mini
  toolhold run \"Tidy the inbox\" --model openai:local --model-url http://127.0.0.1:8080/v1
  toolhold run \"Tidy the inbox\"                        the models that `[run]` of the manifest names

docs/models.md has the models; docs/agent.md the limits, the script format and what the model sees; docs/runs.md how runs survive.")]
pub(in crate::cli) struct Run {
    /// What is to be done, in words.
    #[arg(value_parser = a_task)]
    task: String,
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    editor: Editor,
    /// Let it work, show what it would change, and change nothing. Its later calls see what its earlier ones would have changed.
    #[arg(long)]
    dry_run: bool,
    /// A file with a JSON Schema that the answer has to conform to: the model is told, and asked again where it does not.
    #[arg(long, value_name = "FILE")]
    answer_schema: Option<PathBuf>,
    /// Whose run it is: hourly quotas and health are those of an agent.
    #[arg(long, value_name = "NAME", default_value = LOCAL, value_parser = agent_name)]
    agent: String,
    /// Only tell what can be known before a token is spent: exits with 3 if the run would come to nothing.
    #[arg(long)]
    check: bool,
    /// With `--check`: ask no server whether it is there.
    #[arg(long, requires = "check")]
    offline: bool,
}

/// The run to go on with.
pub(super) enum From {
    /// One that was cut off.
    CutOff(RunId),
    /// A dead one.
    Dead(RunId),
    /// A new one, as a copy of another one up to a step.
    Fork { run: RunId, step: u64, note: Option<String> },
}

impl From {
    fn run(&self) -> &RunId {
        match self {
            Self::CutOff(run) | Self::Dead(run) | Self::Fork { run, .. } => run,
        }
    }
}

impl Run {
    /// Runs the command.
    pub(in crate::cli) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::default());
        let answer_schema = self.answer_schema.as_deref().map(answer_schema).transpose()?;
        let models = self.model.beforehand(&[], &clock)?;
        let session = session(&models, Some(self.dry_run), project, ui).await?;
        let mut models = models.open(session.host())?;
        let on_report = |report: &_| session.note(report);
        let tools = HostTools {
            host: session.host(),
            session: session.preview(),
            labels: Arc::default(),
            on_report: &on_report,
            seat: None,
        };
        let mut found = before(&tools, &models)?;
        if self.check {
            if !self.offline {
                found.extend(preflight::reach(&mut models).await);
            }
            return told(&found, ui);
        }
        refuse_blocked(&found)?;
        let is_news = |finding: &&Finding| finding.code.starts_with("tool-") || finding.code == "answers-changed";
        found.iter().filter(is_news).for_each(|finding| {
            ui.say(&format!("note: {}", escape::line(&finding.message)));
        });
        let worker = Worker { tools: &tools, clock, cancel: cancel_on_interrupt(), front: "run" };
        let mode = if session.preview().is_some() { Mode::Preview } else { Mode::Live };
        let mut show = |event: &_| session.show(event);
        let task = Task { mode, answer_schema, agent: self.agent, ..Task::new(clock::new_run(), self.task) };
        let _prompter = Prompter::start(session.host(), task.run.clone(), (self.editor, CancellationToken::new()), ui);
        let ended = worker.begin(task, &mut models, &mut show).await.map_err(failure)?;
        let concluded = session.conclude(&ended);
        session.host().approvals().told().await;
        concluded
    }
}

fn a_task(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("the task is empty: say what is to be done") } else { Ok(text.to_owned()) }
}

fn agent_name(text: &str) -> Result<String, &'static str> {
    service::agent_name(text).map(|()| text.to_owned())
}

/// Works on a run that there is already. Without a model in `model`, those that it had are asked.
pub(super) async fn go_on(
    from: From,
    (model, editor): (ModelArguments, Editor),
    project: &Project,
    ui: Ui,
) -> CommandResult {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::default());
    let machine = Past::of(&reader(project)?, from.run()).and_then(|past| past.machine()).map_err(failure)?;
    let known: Vec<String> = machine.start().models.iter().map(|model| model.name.clone()).collect();
    let models = model.beforehand(&known, &clock)?;
    let session = session(&models, None, project, ui).await?;
    let mut models = models.open(session.host())?;
    let on_report = |report: &_| session.note(report);
    let tools =
        HostTools { host: session.host(), session: None, labels: Arc::default(), on_report: &on_report, seat: None };
    let worker = Worker { tools: &tools, clock, cancel: cancel_on_interrupt(), front: "runs" };
    let mut show = |event: &_| session.show(event);
    let run = if let From::Fork { .. } = &from { clock::new_run() } else { from.run().clone() };
    ui.say(&format!("run {run}"));
    let _prompter = Prompter::start(session.host(), run.clone(), (editor, CancellationToken::new()), ui);
    let ended = match &from {
        From::CutOff(run) => worker.resume(run, &mut models, &mut show).await,
        From::Dead(run) => worker.requeue(run, &mut models, &mut show).await,
        From::Fork { run: old, step, note } => {
            worker.fork((old, *step), run, note.clone(), &mut models, &mut show).await
        }
    };
    let concluded = session.conclude(&ended.map_err(failure)?);
    session.host().approvals().told().await;
    concluded
}

/// What can be known before a token is spent.
fn before(tools: &HostTools<'_>, models: &Models<'_>) -> Result<Vec<Finding>, Failure> {
    let (host, specs) = (tools.host, tools.specs());
    let mut found = preflight::check(host, &specs, models, &limits(host));
    found.extend(preflight::drift(host, &specs).code(ExitCode::Host)?);
    found.extend(preflight::answers(host).code(ExitCode::Host)?);
    Ok(found)
}

fn told(found: &[Finding], ui: Ui) -> CommandResult {
    let line = |finding: &Finding| {
        let word = if finding.blocks { "blocked" } else { "note" };
        format!("{word}: {}", escape::line(&finding.message))
    };
    ui.result(&found, |_| match found {
        [] => "nothing stands in the way".to_owned(),
        found => found.iter().map(line).collect::<Vec<_>>().join("\n"),
    })?;
    Ok(if found.iter().any(|finding| finding.blocks) { ExitCode::BadInput } else { ExitCode::Success })
}

/// A run that would come to nothing is not begun.
fn refuse_blocked(found: &[Finding]) -> Result<(), Failure> {
    let blocked: Vec<_> =
        found.iter().filter(|finding| finding.blocks).map(|finding| escape::line(&finding.message)).collect();
    if blocked.is_empty() {
        return Ok(());
    }
    Err(Failure::new(ExitCode::BadInput, anyhow::anyhow!("the run would come to nothing: {}", blocked.join("; "))))
}

/// The schema in a file, if it can be used.
fn answer_schema(path: &Path) -> Result<Value, Failure> {
    let bad = |why: String| {
        Failure::new(
            ExitCode::BadInput,
            anyhow::anyhow!("the schema of the answer, `{}`, cannot be used: {why}", path.display()),
        )
    };
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let schema: Value = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    CompiledSchema::compile(&schema).map_err(|error| bad(error.to_string()))?;
    Ok(schema)
}

/// What to do where a server has the state.
const IN_A_SERVER: &str = "where that one is `toolhold serve`, it works on the run itself: begin it with `POST /v1/runs`, take it up with \
                           `POST /v1/runs/RUN/resume` (docs/api.md)";

/// `wish` is whether a new run is to be a dry one; a run that there is already is what it was.
async fn session(models: &Beforehand, wish: Option<bool>, project: &Project, ui: Ui) -> Result<Session, Failure> {
    let host = match try_open(project, models.secrets(), ui).await? {
        Opened::Ours(host) => *host,
        Opened::InUse(failure) => return Err(failure.or_else(IN_A_SERVER)),
    };
    // In a manifest that makes every call a preview, a run is a dry run: its later calls see its earlier ones.
    let is_dry = wish.is_some_and(|wish| wish || host.policy().manifest().mode() == Mode::Preview);
    Ok(Session::new(host, is_dry, ui))
}

fn cancel_on_interrupt() -> CancellationToken {
    let cancel = CancellationToken::new();
    let fired = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            fired.cancel();
        }
    });
    cancel
}
