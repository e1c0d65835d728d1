//! `toolhold run`: an agent works on a task under the manifest.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use tokio_util::sync::CancellationToken;
use toolhold_core::call::{Mode, ToolCall};
use toolhold_core::effect::EffectReport;
use toolhold_core::escape;
use toolhold_core::event::Event;
use toolhold_core::outcome::{CallReport, Outcome};
use toolhold_core::state::State;

use super::effects::{self, Landing};
use super::failure::{CommandResult, Failure, WithCode as _};
use super::model::ModelArguments;
use super::project::{Project, open};
use super::report;
use super::ui::{Tone, Ui, paint};
use crate::agent::{
    Agent, Clock, Occurrence, Reason, RunEvent, RunLimits, RunReport, Task, TokioClock, ToolSpec, Tools,
};
use crate::exit_code::ExitCode;
use crate::{CallOptions, Host, PreviewSession, clock};

/// Let an agent work on a task.
///
/// The answer goes to standard output, what happens to standard error. Every call of the model is checked against the
/// manifest; what is refused goes back to the model, and to you with the line that would allow it. Of a dry run, what it
/// would change goes to standard output and the answer to standard error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold run \"Tidy the inbox\" --model scripted:script.toml
  toolhold run \"Tidy the inbox\" --model openai:gpt-5-mini
  toolhold run \"Tidy the inbox\" --model openai:local --model-url http://127.0.0.1:8080/v1
  toolhold run \"Tidy the inbox\"                        the models that `[run]` of the manifest names

docs/models.md has the models, docs/agent.md the limits, the script format and what the model sees.")]
pub(super) struct Run {
    /// What is to be done, in words.
    task: String,
    /// Let it work, show what it would change, and change nothing. Its later calls see what its earlier ones would have changed.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    model: ModelArguments,
}

impl Run {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::default());
        let own = self.model.beforehand(&clock)?;
        let known = own.iter().flat_map(|model| model.secrets()).collect();
        let host = open(project, known, ui).await?;
        let mut models = self.model.chain(own, &host, &clock)?;
        let [model, ..] = models.as_mut_slice() else {
            return Err(Failure::new(ExitCode::Usage, anyhow::anyhow!("the run has no model")));
        };
        let run = clock::new_run();
        let manifest = Some(host.policy().manifest().digest());
        let started = Event::RunStarted { run: run.clone(), front: "run".to_owned(), manifest };
        host.journal().record(clock::micros(), started).await.code(ExitCode::Host)?;
        let cancel = cancel_on_interrupt();
        let preview = self.dry_run.then(Arc::default);
        let session =
            Session { limits: limits(&host), host, preview, changed: AtomicBool::new(false), last: Mutex::default() };
        let agent = Agent { tools: &session, limits: session.limits.clone(), clock, cancel };
        let mode = if self.dry_run { Mode::Preview } else { Mode::Live };
        let task = Task { run: run.clone(), text: self.task, mode };
        let done = agent.run(&mut **model, task, &mut |event| show(event, &session, ui)).await;
        let ended =
            Event::RunEnded { run, end: word(done.state), reason: done.reason.as_ref().map(ToString::to_string) };
        session.host.journal().record(clock::micros(), ended).await.code(ExitCode::Host)?;
        conclude(&done, &session, ui)
    }
}

/// The tools of one run: the host's, and the last report with what only the operator may see.
struct Session {
    host: Host,
    limits: RunLimits,
    /// Where changes are staged, if this is a dry run.
    preview: Option<Arc<PreviewSession>>,
    /// A call changed something.
    changed: AtomicBool,
    last: Mutex<Option<CallReport>>,
}

impl Tools for Session {
    fn specs(&self) -> Vec<ToolSpec> {
        let spec = |tool: &toolhold_core::tool::Tool| ToolSpec {
            name: tool.name().clone(),
            description: tool.info().description.clone(),
            input_schema: tool.info().input_schema.clone(),
        };
        self.host.tools().map(spec).collect()
    }

    async fn call(&self, call: ToolCall, cancel: CancellationToken) -> CallReport {
        let options = CallOptions { cancel, session: self.preview.clone(), ..CallOptions::default() };
        let done = self.host.call(call, options).await;
        if report::landing(&done) == Landing::Landed && !done.effects.changes.is_empty() {
            self.changed.store(true, Ordering::Relaxed);
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(done.clone());
        done
    }
}

/// The manifest's bounds of a run.
fn limits(host: &Host) -> RunLimits {
    let bounds = host.policy().manifest().run();
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    RunLimits {
        iterations: small(bounds.max_iterations),
        time: std::time::Duration::from_micros(bounds.max_time),
        tokens_per_turn: small(bounds.max_tokens_per_turn),
        tokens_per_run: bounds.max_tokens,
        calls: small(bounds.max_tool_calls),
        repairs: small(bounds.max_repairs),
        ..RunLimits::default()
    }
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

/// Tells what happened, as it happens. Everything in an event may come from a model or a tool.
fn show(occurrence: &Occurrence, session: &Session, ui: Ui) {
    match &occurrence.event {
        RunEvent::RunStarted { model, tools, .. } => {
            ui.say(&format!("{} with {tools} tools", escape::line(&model.name)))
        }
        RunEvent::ModelAnswered { turn, text, .. } if !text.is_empty() => {
            ui.say(&format!("\n{} {}", paint(Tone::Strong, &format!("{turn}.")), escape::block(text)));
        }
        RunEvent::ModelRetryScheduled { message, .. } => {
            ui.say(&format!("   the model failed: {}; trying again", escape::line(message)))
        }
        RunEvent::CallRejected { tool, failure, .. } => {
            ui.say(&format!("   {} {}", paint(Tone::Bad, "✗"), escape::line(tool)));
            ui.say(&format!("     {}: {}", escape::line(&failure.code), escape::block(&failure.message)));
        }
        RunEvent::CallStarted { tool, arguments, .. } => {
            ui.say(&format!("   {} {}", paint(Tone::Faint, "→"), paint(Tone::Strong, &escape::line(tool))));
            ui.say(&format!("     {}", paint(Tone::Faint, &escape::line(&short(arguments)))));
        }
        RunEvent::CallReturned { .. } => returned(session, ui),
        RunEvent::LimitReached { limit } => {
            ui.say(&format!("   the run reached its limit: {limit}; the model is asked for its best answer"))
        }
        _ => {}
    }
}

/// The last call, with what only the operator may see.
fn returned(session: &Session, ui: Ui) {
    let Some(done) = session.last.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    match &done.outcome {
        Outcome::Success(value) => {
            ui.say(&format!("     {} {}", paint(Tone::Good, "✓"), escape::line(&short(&value.to_string()))));
        }
        Outcome::Failure(failure) => {
            let text = report::failure_text(failure);
            ui.say(&format!("     {} {}", paint(Tone::Bad, "✗"), text.replace('\n', "\n     ")));
            report::refusals(&done).iter().for_each(|line| ui.say(&format!("     {line}")));
        }
    }
    changed(&done, session, ui);
}

/// What the call changed, or would, and what can be done about it.
fn changed(done: &CallReport, session: &Session, ui: Ui) {
    if done.effects.is_empty() || done.replayed {
        return;
    }
    if done.mode == Mode::Preview && session.preview.is_none() {
        ui.say("       a rule of the manifest lets this call run as a preview only");
    }
    let total = effects::total(&done.effects, report::landing(done));
    let command = report::next(done, &session.host).map(|command| format!("; {command}"));
    ui.say(&format!("       {}", paint(Tone::Faint, &format!("{total}{}", command.unwrap_or_default()))));
}

/// The beginning of a text, for a line of a terminal.
fn short(text: &str) -> String {
    const SHOWN: usize = 160;
    if text.chars().count() <= SHOWN { text.to_owned() } else { text.chars().take(SHOWN).chain(['…']).collect() }
}

/// Prints the answer and what it took, and says how it ended.
fn conclude(done: &RunReport, session: &Session, ui: Ui) -> CommandResult {
    ui.say("");
    let answer = done.answer.as_deref().map(|answer| escape::block(answer).into_owned()).unwrap_or_default();
    match &session.preview {
        None => ui.result(done, |_| answer)?,
        Some(preview) => {
            ui.say(&format!("{answer}\n"));
            let mut effects = preview.effects();
            // A file may hold what a server sent back.
            session.host.redactor().pass().effects(&mut effects);
            ui.result(&with_effects(done, &effects), |_| effects::whole(&effects, Landing::Previewed))?;
        }
    }
    let (total, failed) = (done.calls.len(), done.calls.iter().filter(|call| call.failure.is_some()).count());
    let reason =
        done.reason.as_ref().map_or(String::new(), |reason| format!(": {}", escape::line(&reason.to_string())));
    ui.say(&format!("\n{}{reason}", paint(Tone::Strong, &word(done.state))));
    ui.say(&format!(
        "{} turns, {total} calls reached the host, {failed} of them refused or failed, run {}",
        done.turns, done.run
    ));
    if session.preview.is_some() {
        ui.say(&paint(Tone::Strong, "this was a dry run: nothing was changed"));
    } else if session.changed.load(Ordering::Relaxed) {
        ui.say(&format!("take all of it back with:  toolhold undo --run {}", done.run));
    }
    if !done.called_a_model() {
        ui.say("no model was called: a script played one");
    }
    Ok(exit_code(done))
}

/// The report with everything that the run would change.
fn with_effects(done: &RunReport, effects: &EffectReport) -> serde_json::Value {
    let mut value = serde_json::json!(done);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("mode".to_owned(), serde_json::json!(Mode::Preview));
        fields.insert("effects".to_owned(), serde_json::json!(effects));
    }
    value
}

fn exit_code(done: &RunReport) -> ExitCode {
    match (done.state, &done.reason) {
        (State::Completed, _) => ExitCode::Success,
        (State::Partial, _) => ExitCode::Partial,
        (State::TimedOut, _) | (_, Some(Reason::Limit { .. })) => ExitCode::Limit,
        (State::Cancelled, _) => ExitCode::Cancelled,
        (_, Some(Reason::Model { .. })) => ExitCode::Model,
        _ => ExitCode::Failure,
    }
}

/// The word for an end.
fn word(state: State) -> String {
    serde_json::to_value(state).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
