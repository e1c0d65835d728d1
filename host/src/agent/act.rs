//! Acts on the calls of one turn, in the order in which the model wrote them.
//!
//! One after the other, because a model that asks for a write and a read means them in that order. A call that cannot be
//! run does not stop the others; what ends the run does, and the model's history still gets a result for each.

use std::pin::pin;

use serde_json::Value;
use toolhold_core::call::ToolCall;
use toolhold_core::id::ToolName;
use toolhold_core::outcome::{CallReport, Class};

use super::event::RunEvent;
use super::guard::is_repairable;
use super::intake::Sound;
use super::limits::RunLimit;
use super::message::Message;
use super::model::Turn;
use super::prompt;
use super::report::{CallSummary, FailureSummary, Reason};
use super::result;
use super::run::{Run, Stop};
use super::tools::Tools;

/// What the calls of a turn came to so far.
#[derive(Default)]
struct Tally {
    /// Something usable came of one.
    useful: bool,
    /// What the model was told last.
    last_error: String,
    /// What ends the run after this turn.
    stop: Option<Stop>,
}

impl<T: Tools> Run<'_, T> {
    /// Makes the calls of `turn` and gives the model their results.
    pub(super) async fn act(&mut self, turn: Turn) -> Result<(), Stop> {
        let (checked, dropped) = self.intake.check(&turn, self.turns, &self.names, &self.agent.limits);
        let history = checked.iter().map(|call| call.history.clone()).collect();
        self.messages.push(Message::Assistant { text: turn.text, calls: history });
        let mut tally = Tally::default();
        for call in checked {
            let verdict = match call.verdict {
                _ if tally.stop.is_some() => Err(not_run()),
                Ok(_) if self.has_no_calls_left() => {
                    tally.stop = Some(Stop::Limit(RunLimit::Calls));
                    Err(not_run())
                }
                verdict => verdict,
            };
            let content = match verdict {
                Ok(sound) => self.call(sound, &mut tally).await?,
                Err(failure) => self.turned_down(call.spelled, failure, &mut tally)?,
            };
            self.messages.push(Message::Tool { id: call.history.id, content });
        }
        if dropped > 0 {
            self.messages.push(Message::User(prompt::dropped(dropped, &self.agent.limits)));
        }
        match tally {
            Tally { stop: Some(stop), .. } => Err(stop),
            Tally { useful: true, .. } => {
                self.guard.useful_turn();
                Ok(())
            }
            Tally { last_error, .. } => self.useless_turn(&last_error),
        }
    }

    fn has_no_calls_left(&self) -> bool {
        self.calls.len() >= self.agent.limits.calls as usize
    }

    fn turned_down(&mut self, spelled: String, failure: FailureSummary, tally: &mut Tally) -> Result<String, Stop> {
        let content = result::of_failure(&failure, self.agent.limits.result_bytes);
        tally.last_error.clone_from(&failure.message);
        self.reject(spelled, failure)?;
        Ok(content)
    }

    async fn call(&mut self, sound: Sound, tally: &mut Tally) -> Result<String, Stop> {
        let Sound { tool, arguments } = sound;
        let text = arguments.to_string();
        self.record(RunEvent::CallStarted { turn: self.turns, tool: tool.to_string(), arguments: text.clone() })?;
        let (report, stop) = self.until_it_returns(&tool, text).await;
        tally.stop = stop;
        let most_bytes = self.agent.limits.result_bytes;
        let (summary, content) = match &report {
            Some(report) => (CallSummary::of(self.turns, report), result::of_call(report, self.task.mode, most_bytes)),
            None => {
                let summary = abandoned(self.turns, &tool);
                let content = summary.failure.as_ref().map(|failure| result::of_failure(failure, most_bytes));
                (summary, content.unwrap_or_default())
            }
        };
        self.returned(summary, &tool, &arguments, tally)?;
        Ok(content)
    }

    fn returned(
        &mut self,
        summary: CallSummary,
        tool: &ToolName,
        arguments: &Value,
        tally: &mut Tally,
    ) -> Result<(), Stop> {
        self.calls.push(summary.clone());
        let failure = summary.failure.clone();
        self.record(RunEvent::CallReturned { call: summary })?;
        let Some(failure) = failure.filter(|failure| is_repairable(failure.class)) else {
            tally.useful = true;
            return Ok(());
        };
        if failure.class == Class::Denied {
            let times = self.guard.denied(tool, arguments);
            if times >= self.agent.limits.same_denials {
                let (tool, message) = (tool.to_string(), failure.message.clone());
                tally.stop.get_or_insert(Stop::Vain(Reason::Denied { times, tool, message }));
            }
        }
        tally.last_error = failure.message;
        Ok(())
    }

    /// Makes a call and stays with it: a run that ends asks the call to end, and waits for what became of it.
    async fn until_it_returns(&self, tool: &ToolName, arguments: String) -> (Option<CallReport>, Option<Stop>) {
        let agent = self.agent;
        let remaining = agent.limits.time.saturating_sub(self.elapsed());
        let (run, mode) = (self.task.run.clone(), self.task.mode);
        let token = agent.cancel.child_token();
        let call = ToolCall { run, tool: tool.to_string(), arguments, key: None, mode };
        let mut call = pin!(agent.tools.call(call, token.clone()));
        let stop = tokio::select! {
            biased;
            report = &mut call => return (Some(report), None),
            () = agent.cancel.cancelled() => Stop::Cancelled,
            () = agent.clock.sleep(remaining) => Stop::Limit(RunLimit::Time),
        };
        token.cancel();
        tokio::select! {
            biased;
            report = &mut call => (Some(report), Some(stop)),
            () = agent.clock.sleep(agent.limits.cancel_grace) => (None, Some(stop)),
        }
    }
}

fn not_run() -> FailureSummary {
    let message = "this call was not run: the run is at its end".into();
    FailureSummary { class: Class::Cancelled, code: "not-run".into(), message }
}

fn abandoned(turn: u32, tool: &ToolName) -> CallSummary {
    let message = "the call did not return in time; what it did is not known".into();
    let failure = FailureSummary { class: Class::Cancelled, code: "abandoned".into(), message };
    CallSummary { turn, call: None, tool: tool.to_string(), failure: Some(failure), replayed: false }
}
