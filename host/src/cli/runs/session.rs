//! A run on a terminal: what happens, as it happens, and how it ended.
//!
//! Everything in an event may come from a model or a tool.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use toolhold_core::call::Mode;
use toolhold_core::cost::in_dollars;
use toolhold_core::effect::EffectReport;
use toolhold_core::escape;
use toolhold_core::outcome::{CallReport, Outcome};
use toolhold_core::state::State;

use crate::agent::{Occurrence, Reason, RunEvent, RunReport};
use crate::cli::effects::{self, Landing};
use crate::cli::failure::CommandResult;
use crate::cli::report;
use crate::cli::ui::{Tone, Ui, paint};
use crate::control::Holding;
use crate::exit_code::ExitCode;
use crate::runs::Ended;
use crate::{Host, PreviewSession};

/// The host of one run, and what the operator was not shown yet.
pub(super) struct Session {
    host: Host,
    /// Others reach the run's process meanwhile.
    _holding: Holding,
    /// Where changes are staged, if this is a dry run.
    preview: Option<Arc<PreviewSession>>,
    /// A call changed something.
    changed: AtomicBool,
    last: Mutex<Option<CallReport>>,
    ui: Ui,
}

impl Session {
    pub(super) fn new(host: Host, is_dry: bool, ui: Ui) -> Self {
        let preview = is_dry.then(Arc::default);
        let _holding = crate::serve::hold(&host.clone().into());
        Self { host, _holding, preview, changed: AtomicBool::new(false), last: Mutex::default(), ui }
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn preview(&self) -> Option<Arc<PreviewSession>> {
        self.preview.clone()
    }

    /// Takes the report of a call, with what only the operator may see.
    pub(super) fn note(&self, done: &CallReport) {
        if report::landing(done) == Landing::Landed && !done.effects.changes.is_empty() {
            self.changed.store(true, Ordering::Relaxed);
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(done.clone());
    }

    /// Tells what happened.
    pub(super) fn show(&self, occurrence: &Occurrence) {
        let ui = self.ui;
        match &occurrence.event {
            RunEvent::RunStarted(start) => {
                let models: Vec<_> = start.models.iter().map(|model| escape::line(&model.name)).collect();
                ui.say(&format!("{} with {} tools", models.join(", then "), start.tools.len()));
                ui.say(&format!("run {}", start.run));
            }
            RunEvent::RunResumed { .. } => ui.say("the run goes on"),
            RunEvent::ModelAnswered { turn, answer } if !answer.text.is_empty() => {
                let number = paint(Tone::Strong, &format!("{turn}."));
                ui.say(&format!("\n{number} {}", escape::block(&answer.text)));
            }
            RunEvent::ModelRetryScheduled { message, .. } => {
                ui.say(&format!("   the model failed: {}; trying again", escape::line(message)));
            }
            RunEvent::ModelFellBack { to, message, .. } => {
                let why = escape::line(message);
                ui.say(&format!(
                    "   the model failed: {why}; model number {} of the chain is asked from here on",
                    to + 1
                ));
            }
            RunEvent::CallRejected { tool, failure, .. } => {
                ui.say(&format!("   {} {}", paint(Tone::Bad, "✗"), escape::line(tool)));
                ui.say(&format!("     {}: {}", escape::line(&failure.code), escape::block(&failure.message)));
            }
            RunEvent::CallStarted { tool, arguments, .. } => {
                ui.say(&format!("   {} {}", paint(Tone::Faint, "→"), paint(Tone::Strong, &escape::line(tool))));
                ui.say(&format!("     {}", paint(Tone::Faint, &escape::line(&short(arguments)))));
            }
            RunEvent::CallReturned { .. } => self.returned(),
            RunEvent::ApprovalRequested { approval, .. } => {
                ui.say(&format!("     {} a person has to decide: approval {approval}", paint(Tone::Notice, "?")));
                ui.say(&format!("       look and decide with:  toolhold approvals show {approval}"));
            }
            RunEvent::ApprovalGranted { .. } => ui.say(&format!("     {} approved", paint(Tone::Good, "✓"))),
            RunEvent::ApprovalRefused { failure, .. } => {
                let text = format!("{}: {}", escape::line(&failure.code), escape::block(&failure.message));
                ui.say(&format!("     {} {text}", paint(Tone::Bad, "✗")));
            }
            RunEvent::ReflectionEnded { verdict } => {
                ui.say(&format!("   the model looked back: {}", escape::line(&verdict.why)));
            }
            RunEvent::WentBack { refused: None, .. } => {
                ui.say("   the run went back; what its calls changed was taken back");
            }
            RunEvent::WentBack { refused: Some(why), .. } => {
                ui.say(&format!("   the run could not go back: {}", escape::line(why)));
            }
            RunEvent::LimitReached { limit } => {
                ui.say(&format!("   the run reached its limit: {limit}"));
            }
            _ => {}
        }
    }

    /// The last call, with what only the operator may see.
    fn returned(&self) {
        let Some(done) = self.last.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        match &done.outcome {
            Outcome::Success(value) => {
                let text = escape::line(&short(&value.to_string())).into_owned();
                self.ui.say(&format!("     {} {text}", paint(Tone::Good, "✓")));
            }
            Outcome::Failure(failure) => {
                let text = report::failure_text(failure);
                self.ui.say(&format!("     {} {}", paint(Tone::Bad, "✗"), text.replace('\n', "\n     ")));
                report::refusals(&done).iter().for_each(|line| self.ui.say(&format!("     {line}")));
            }
        }
        self.changed(&done);
    }

    /// What the call changed, or would, and what can be done about it.
    fn changed(&self, done: &CallReport) {
        if done.effects.is_empty() || done.replayed {
            return;
        }
        if done.mode == Mode::Preview && self.preview.is_none() {
            self.ui.say("       a rule of the manifest lets this call run as a preview only");
        }
        let total = effects::total(&done.effects, report::landing(done));
        let command = self.host.journal().reader().ok().and_then(|reader| report::next(done, &reader));
        let command = command.map(|command| format!("; {command}"));
        self.ui.say(&format!("       {}", paint(Tone::Faint, &format!("{total}{}", command.unwrap_or_default()))));
    }

    /// Prints the answer and what it took, and says how it ended.
    pub(super) fn conclude(&self, ended: &Ended) -> CommandResult {
        let (ui, done) = (self.ui, &ended.report);
        ui.say("");
        let answer = done.answer.as_deref().map(|answer| escape::block(answer).into_owned()).unwrap_or_default();
        match &self.preview {
            None if answer.is_empty() && !ui.is_json() => {}
            None => ui.result(done, |_| answer)?,
            Some(preview) => {
                ui.say(&format!("{answer}\n"));
                let mut effects = preview.effects();
                // A file may hold what a server sent back.
                self.host.redactor().pass().effects(&mut effects);
                ui.result(&with_effects(done, &effects), |_| effects::whole(&effects, Landing::Previewed))?;
            }
        }
        let (total, failed) = (done.calls.len(), done.calls.iter().filter(|call| call.failure.is_some()).count());
        let reason =
            done.reason.as_ref().map_or(String::new(), |reason| format!(": {}", escape::line(&reason.to_string())));
        let ending = format!("\n{}{reason}", paint(Tone::Strong, done.state.as_str()));
        // Why there is no whole answer is said even to who wants to hear nothing else; JSON has it.
        if done.state == State::Completed || ui.is_json() {
            ui.say(&ending)
        } else {
            ui.say_always(&ending)
        }
        ui.say(&format!(
            "{} turns, {total} calls reached the host, {failed} of them refused or failed{}, run {}",
            done.turns,
            done.cost_micro_dollars.map(|cost| format!(", {} dollars", in_dollars(cost))).unwrap_or_default(),
            done.run
        ));
        if self.preview.is_some() {
            ui.say(&paint(Tone::Strong, "this was a dry run: nothing was changed"));
        } else if self.changed.load(Ordering::Relaxed) {
            ui.say(&format!("take all of it back with:  toolhold undo --run {}", done.run));
        }
        if let Some(Reason::Unknown { .. }) = done.reason {
            ui.say("find out what it did (`toolhold unknown list`), say so with `toolhold unknown resolve`, and only then:");
        }
        if ended.is_kept {
            ui.say(&format!("it is kept with everything that it knew; go on with:  toolhold dlq requeue {}", done.run));
        }
        if !done.called_a_model() {
            ui.say("no model was called: a script or a recording played one");
        }
        Ok(exit_code(done))
    }
}

/// The beginning of a text, for a line of a terminal.
pub(super) fn short(text: &str) -> String {
    const SHOWN: usize = 160;
    if text.chars().count() <= SHOWN { text.to_owned() } else { text.chars().take(SHOWN).chain(['…']).collect() }
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
        (_, Some(Reason::Model { .. } | Reason::ContentFilter)) => ExitCode::Model,
        _ => ExitCode::Failure,
    }
}
