//! `toolhold call`: one call, from a terminal or a script.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use toolhold_core::call::{Mode, ToolCall};
use toolhold_core::describe::{EffectKind, Need};
use toolhold_core::escape;
use toolhold_core::id::{IdempotencyKey, ToolName};
use toolhold_core::outcome::{CallReport, Class, Outcome};
use toolhold_sandbox::{Event, EventSink};

use super::approvals::{Editor, Prompter};
use super::asked::{self, Door, Holder, open_or_ask};
use super::failure::{CommandResult, WithCode as _};
use super::project::Project;
use super::ui::Ui;
use super::{arguments, report};
use crate::exit_code::ExitCode;
use crate::{Asking, CallOptions, Host, clock};

/// Make one call.
///
/// The result goes to standard output; what the tool says on the side, its limits and reasons to standard error. Of a dry
/// run, what it would change goes to standard output and the result to standard error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold call files.read path=/work/notes.md
  toolhold call files.read '{\"path\": \"/work/notes.md\"}' --json
  toolhold call text.count text=@README.md
  toolhold call files.edit @edit.json --key edit-42
  toolhold call files.edit @edit.json --dry-run     what it would change, as a diff; nothing changes

Values are read as the tool's schema says; `key:=JSON` is always JSON, `key=@file` is the text of a file.")]
pub(super) struct Call {
    /// The tool: `component.tool`.
    tool: String,
    /// The arguments: `key=value` pairs, a JSON object, `@file` or `-` for standard input.
    arguments: Vec<String>,
    /// Run it, show what it would change, and change nothing. `toolhold apply` can then make exactly these changes.
    #[arg(long)]
    dry_run: bool,
    /// Makes repeats with the same key one call: a repeat gets the first one's outcome.
    #[arg(long, value_name = "KEY", conflicts_with = "dry_run")]
    key: Option<IdempotencyKey>,
    /// Also print what the call used of each limit.
    #[arg(long)]
    usage: bool,
    #[command(flatten)]
    editor: Editor,
}

impl Call {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        match open_or_ask(project, ui).await? {
            Door::Ours(host) => self.make(&host, ui).await,
            Door::Theirs(holder) => self.ask(holder, ui).await,
        }
    }

    /// Makes the call in this process.
    async fn make(self, host: &Host, ui: Ui) -> CommandResult {
        let schema =
            host.tools().find(|tool| tool.name().as_str() == self.tool).map(|tool| tool.info().input_schema.clone());
        let arguments = arguments::parse(&self.arguments, &schema.unwrap_or_default()).code(ExitCode::Usage)?;
        let call =
            ToolCall { run: clock::new_run(), tool: self.tool, arguments, key: self.key, mode: mode(self.dry_run) };
        // Whoever sits at the terminal is asked there; without one, the call is parked, and made by a repeat after the decision.
        let later = CancellationToken::new();
        let prompter = Prompter::start(host, call.run.clone(), (self.editor, later.clone()), ui);
        let lifetime = Duration::from_micros(host.policy().manifest().approvals().limits.lifetime);
        let asking = if prompter.has_person() { Asking::Wait(lifetime) } else { Asking::Park };
        let options = CallOptions { events: Some(sink(ui)), asking, later, ..CallOptions::default() };
        let interrupt = cancel_on_interrupt(options.cancel.clone());
        let done = host.call(call, options).await;
        interrupt.abort();
        drop(prompter);
        ui.result(&report::to_json(&done), |_| report::printed(&done))?;
        if done.mode == Mode::Preview && !self.dry_run {
            ui.say(report::why_preview(host));
        }
        if !ui.is_json() {
            report::say(&done, self.usage, ui);
            report::say_effects(&done, &host.journal().reader().code(ExitCode::Host)?, ui);
            hint(&done, host, ui);
        }
        host.approvals().told().await;
        Ok(exit_code(&done.outcome))
    }

    /// Has the call made by whoever holds the state directory. It is stopped when this process is: that one sees the connection end.
    async fn ask(self, mut holder: Holder, ui: Ui) -> CommandResult {
        let tool = match self.tool.parse::<ToolName>() {
            Ok(tool) => holder.get(&format!("/v1/tools/{tool}")).await?,
            Err(_) => None,
        };
        let schema = tool.as_ref().and_then(|tool| tool.get("input_schema")).cloned().unwrap_or_default();
        let arguments = arguments::parse(&self.arguments, &schema).code(ExitCode::Usage)?;
        let wrong = |error| anyhow::anyhow!("the arguments are not JSON: {error}");
        let arguments: Value = serde_json::from_str(&arguments).map_err(wrong).code(ExitCode::InvalidArguments)?;
        let body = json!({ "tool": self.tool, "arguments": arguments, "mode": mode(self.dry_run) });
        let headers: Vec<_> = self.key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
        let told = holder.post("/v1/calls", Some(&body), &headers).await?;
        let done = asked::report(&told)?;
        ui.result(&told, |_| report::printed(&done))?;
        if done.mode == Mode::Preview && !self.dry_run {
            ui.say("the manifest lets this call run as a preview only");
        }
        if !ui.is_json() {
            report::say(&done, self.usage, ui);
            report::say_effects(&done, &holder.reader()?, ui);
        }
        Ok(exit_code(&done.outcome))
    }
}

fn mode(is_dry: bool) -> Mode {
    if is_dry { Mode::Preview } else { Mode::Live }
}

/// What the process tells of a call.
pub(super) fn exit_code(outcome: &Outcome) -> ExitCode {
    match outcome {
        Outcome::Success(_) => ExitCode::Success,
        Outcome::Failure(failure) => failure.class.into(),
    }
}

/// A tool that works on files and is granted none finds nothing, and cannot know why.
fn hint(done: &CallReport, host: &Host, ui: Ui) {
    let is_failure = matches!(&done.outcome, Outcome::Failure(failure) if failure.class == Class::Tool);
    let Some(tool) = host.tools().find(|tool| tool.name().as_str() == done.tool).filter(|_| is_failure) else { return };
    let is_file = |need: &&Need| matches!(need.effect, EffectKind::Read | EffectKind::Write);
    let Some(need) = tool.info().needs.iter().find(is_file) else { return };
    let component = tool.name().component();
    let granted = host.policy().manifest().components().get(component).map_or(0, |found| found.directories.len());
    if granted == 0 {
        let does = if need.effect == EffectKind::Read { "reads" } else { "writes" };
        ui.say(&format!(
            "hint: the tool {does} `{}`, and no directory is granted to it: add `[[tools.{component}.directories]]` to the manifest",
            escape::line(&need.target)
        ));
    }
}

/// Lets the user stop a call. The task is to be aborted when the call is over.
fn cancel_on_interrupt(cancel: CancellationToken) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            cancel.cancel();
        }
    })
}

/// Shows progress as it comes. Must not block, so what cannot be shown at once is not shown.
fn sink(ui: Ui) -> EventSink {
    let shown = Arc::new(std::sync::atomic::AtomicU32::new(0));
    EventSink::new(move |event| {
        // A guest may report without end; a person reads a few.
        if let Event::Progress { done, total, message } = event
            && shown.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 100
        {
            ui.say(&report::progress(done, total, &message));
        }
    })
}
