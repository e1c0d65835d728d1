//! Runs in a table, and one run step by step.

use clap::Args;
use comfy_table::{Table, presets};
use serde_json::json;
use toolhold_core::escape;
use toolhold_core::id::RunId;
use toolhold_core::state::State;

use super::session::short;
use super::{failure, reader};
use crate::agent::{Occurrence, RunEvent};
use crate::cli::effects::time;
use crate::cli::failure::{CommandResult, Failure, WithCode as _};
use crate::cli::project::Project;
use crate::cli::ui::{Tone, Ui, paint};
use crate::exit_code::ExitCode;
use crate::journal::{RunFilter, RunRecord};
use crate::runs::{OPEN, Past};
use crate::shown::{DeadLetter, dead_letters};

/// In microseconds: a table shows no more of a time.
const SECOND: u64 = 1_000_000;
/// How much of a task a table shows, in characters.
const TASK: usize = 48;

/// Which runs are listed.
#[derive(Debug, Clone, Args)]
pub(super) struct List {
    /// At most this many.
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only runs that are not over: those that somebody works on, and those that were cut off.
    #[arg(long)]
    open: bool,
}

impl Default for List {
    fn default() -> Self {
        Self { limit: 20, open: false }
    }
}

impl List {
    pub(super) fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let states = if self.open { OPEN.to_vec() } else { Vec::new() };
        let nothing = if self.open { "there are no open runs" } else { "there are no runs" };
        list(states, self.limit, nothing, project, ui)
    }
}

/// Prints the runs that are in one of these states; of none, `nothing`.
fn list(states: Vec<State>, limit: u32, nothing: &str, project: &Project, ui: Ui) -> CommandResult {
    let runs = stored(states, limit, project)?;
    ui.result(&runs, |runs| if runs.is_empty() { nothing.to_owned() } else { table(runs) })?;
    Ok(ExitCode::Success)
}

fn stored(states: Vec<State>, limit: u32, project: &Project) -> Result<Vec<RunRecord>, Failure> {
    if !project.has_state() {
        return Ok(Vec::new());
    }
    reader(project)?.runs(&RunFilter { states, limit, ..RunFilter::default() }).code(ExitCode::Host)
}

/// Prints the dead letters.
pub(super) fn dead(limit: u32, project: &Project, ui: Ui) -> CommandResult {
    let dead = match project.has_state() {
        true => dead_letters(&reader(project)?, limit).code(ExitCode::Host)?,
        false => Vec::new(),
    };
    ui.result(&dead, |dead| if dead.is_empty() { "there are no dead letters".to_owned() } else { reasons(dead) })?;
    Ok(ExitCode::Success)
}

fn reasons(dead: &[DeadLetter]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["begun", "run", "task", "why"]);
    for letter in dead {
        let begun = time(letter.started_at - letter.started_at % SECOND);
        let why = escape::line(&short(&letter.reason)).into_owned();
        table.add_row([begun.as_str(), letter.run.as_str(), &cut(&letter.task), &why]);
    }
    table.to_string()
}

/// The beginning of a task, for a table.
fn cut(task: &str) -> String {
    let whole = escape::line(task);
    let start: String = whole.chars().take(TASK).collect();
    if start.len() < whole.len() { format!("{start}…") } else { start }
}

fn table(runs: &[RunRecord]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["begun", "run", "state", "steps", "task"]);
    for run in runs {
        let task = cut(&run.task);
        let steps = run.steps.to_string();
        let begun = time(run.started_at - run.started_at % SECOND);
        table.add_row([begun.as_str(), run.run.as_str(), run.state.as_str(), &steps, &task]);
    }
    table.to_string()
}

/// Prints a run, step by step.
pub(super) fn show(run: &RunId, project: &Project, ui: Ui) -> CommandResult {
    let past = Past::of(&reader(project)?, run).map_err(failure)?;
    let report = past.machine().map_err(failure)?.report();
    let whole = json!({"run": past.record, "report": report, "steps": past.history});
    ui.result(&whole, |_| whole_text(&past, report.reason.as_ref().map(ToString::to_string).as_deref()))?;
    Ok(ExitCode::Success)
}

fn whole_text(past: &Past, reason: Option<&str>) -> String {
    let head = |name: &str, value: &str| format!("{} {value}", paint(Tone::Strong, &format!("{name:<6}")));
    let record = &past.record;
    let reason = reason.map(|reason| format!(": {}", escape::line(reason))).unwrap_or_default();
    let mut lines = vec![
        head("run", record.run.as_str()),
        head("task", &escape::line(&record.task)),
        head("begun", &time(record.started_at)),
        head("state", &format!("{}{reason}", record.state)),
    ];
    if let Some(origin) = &record.origin {
        lines.push(head("from", &format!("{}@{}", origin.run, origin.step)));
    }
    lines.push(String::new());
    let steps = past.history.iter().zip(1..).map(|(happened, step): (_, u64)| {
        let seconds = happened.elapsed.as_secs_f64();
        format!("{step:>4}  {seconds:>8.3}s  {:<14}  {}", happened.state.as_str(), in_words(happened))
    });
    lines.extend(steps);
    lines.join("\n")
}

/// What happened, on one line.
fn in_words(happened: &Occurrence) -> String {
    let line = |text: &str| escape::line(&short(text)).into_owned();
    match &happened.event {
        RunEvent::RunStarted(start) => format!("began with {} tools", start.tools.len()),
        RunEvent::RunResumed { models: None, .. } => "was taken up again".to_owned(),
        RunEvent::RunResumed { models: Some(models), .. } => {
            let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
            format!("was taken up again with other models: {}", line(&names.join(", then ")))
        }
        RunEvent::ModelAsked { turn, attempt, model, .. } => {
            format!("asked model {} for turn {turn}, attempt {attempt}", model + 1)
        }
        RunEvent::ModelAnswered { answer, .. } if answer.calls.is_empty() => {
            format!("was told: {}", line(&answer.text))
        }
        RunEvent::ModelAnswered { answer, .. } => {
            format!("was asked for {} calls: {}", answer.calls.len(), line(&answer.text))
        }
        RunEvent::ModelFailed { message, .. } => format!("the model failed: {}", line(message)),
        RunEvent::ModelRetryScheduled { wait, .. } => format!("asks again in {:.1}s", wait.as_secs_f64()),
        RunEvent::ModelFellBack { to, .. } => format!("fell back on model {}", to + 1),
        RunEvent::CallRejected { tool, failure, .. } => {
            format!("turned down {}: {}", line(tool), line(&failure.message))
        }
        RunEvent::CallStarted { tool, arguments, .. } => format!("called {tool} {}", line(arguments)),
        RunEvent::CallReturned { call, .. } => match &call.failure {
            None => format!(
                "{} gave a result{}",
                line(&call.tool),
                if call.replayed { ", of the earlier call" } else { "" }
            ),
            Some(failure) => format!("{} failed: {}", line(&call.tool), line(&failure.message)),
        },
        RunEvent::ApprovalRequested { tool, approval, .. } => {
            format!("waits for a person to decide on {} (approval {approval})", line(tool))
        }
        RunEvent::ApprovalGranted { approval } => format!("a person approved it (approval {approval})"),
        RunEvent::ApprovalRefused { tool, failure, .. } => {
            format!("{} was not made: {}", line(tool), line(&failure.message))
        }
        RunEvent::PartShown { id, start, .. } => format!("showed a part of result {} from byte {start}", line(id)),
        RunEvent::ReflectionStarted => "is to look back".to_owned(),
        RunEvent::ReflectionEnded { verdict } => format!("looked back: {}", line(&verdict.why)),
        RunEvent::WentBack { calls, refused: None } => format!("went back, over {} calls", calls.len()),
        RunEvent::WentBack { refused: Some(why), .. } => format!("could not go back: {}", line(why)),
        RunEvent::TurnSettled { turn } => format!("turn {turn} is done"),
        RunEvent::LimitReached { limit } => format!("reached its limit: {limit}"),
        RunEvent::RunEnded { end, .. } => format!("ended: {end}"),
        RunEvent::DeadLettered => "is kept as a dead letter".to_owned(),
        RunEvent::Requeued { .. } => "was let go on by a person".to_owned(),
        RunEvent::Discarded => "was given up by a person".to_owned(),
        RunEvent::PersonNoted { text } => format!("a person said: {}", line(text)),
        RunEvent::CancelRequested => "was to be cancelled".to_owned(),
        RunEvent::TimeRanOut => "ran out of time".to_owned(),
        _ => String::new(),
    }
}
