//! The calls of one turn, in the order in which the model wrote them.
//!
//! One after the other, because a model that asks for a write and a read means them in that order. A call that cannot be
//! run does not stop the others; what ends the run does, and the model's history still gets a result for each.

use std::collections::BTreeSet;

use super::ending::Stop;
use super::{Machine, Next, PendingApproval, PendingCall, Phase};
use crate::call::{Mode, canonical};
use crate::id::{ApprovalId, Digest, IdempotencyKey};
use crate::outcome::Class;
use crate::redact::REDACTED;
use crate::run::event::RunEvent;
use crate::run::guard::is_repairable;
use crate::run::intake::{Checked, Sound};
use crate::run::limits::RunLimit;
use crate::run::message::Message;
use crate::run::report::{CallSummary, FailureSummary, Reason};
use crate::run::{context, prompt, result};

/// The code of a call of which nobody knows what it did.
pub(super) const UNKNOWN: &str = "outcome-unknown";
/// Codes of a call in whose place another one stands.
const ANOTHER: [&str; 2] = ["key-conflict", "in-flight"];
/// The code of a call that is not made because what is left of its arguments is not what was asked for.
const TAKEN_OUT: &str = "secret-taken-out";

/// The calls of a turn, and what they came to so far.
#[derive(Debug, Clone)]
pub(super) struct Acting {
    calls: Vec<Checked>,
    /// The one that is next.
    at: usize,
    /// It was started, under this key.
    started: Option<Option<IdempotencyKey>>,
    /// A person decides whether it is made.
    awaits: Option<ApprovalId>,
    /// It was started by somebody who was stopped: it may have done everything.
    is_resumed: bool,
    /// How many calls were not looked at.
    dropped: usize,
    /// Something usable came of one.
    is_useful: bool,
    /// What the model was told last.
    last_error: String,
    /// What ends the run after this turn.
    stop: Option<Stop>,
}

impl Acting {
    pub(super) fn of(calls: Vec<Checked>, dropped: usize) -> Self {
        Self {
            calls,
            at: 0,
            started: None,
            awaits: None,
            is_resumed: false,
            dropped,
            is_useful: false,
            last_error: String::new(),
            stop: None,
        }
    }

    pub(super) fn is_started(&self) -> bool {
        self.started.is_some()
    }

    /// Whether a person decides on the next one.
    pub(super) fn is_awaiting(&self) -> bool {
        self.awaits.is_some()
    }

    /// The first reason counts, but giving up counts more.
    pub(super) fn stop_with(&mut self, stop: Stop) {
        if self.stop.is_none() || matches!(stop, Stop::Cancelled) {
            self.stop = Some(stop);
        }
    }

    /// Whether there are calls without a result.
    pub(super) fn is_half_done(&self) -> bool {
        self.at < self.calls.len()
    }

    /// The run goes on after an end.
    pub(super) fn go_on(&mut self) {
        self.stop = None;
        // It is asked about again, or the answer is there.
        self.awaits = None;
        self.resume();
    }

    /// Somebody else goes on with the calls.
    pub(super) fn resume(&mut self) {
        self.is_resumed = self.is_started() && !self.is_awaiting();
    }
}

impl Machine {
    pub(super) fn action(&self, acting: &Acting) -> Next {
        let Some(call) = acting.calls.get(acting.at) else {
            return Next::Note(RunEvent::TurnSettled { turn: self.turns });
        };
        match (&call.verdict, &acting.stop) {
            (Ok(sound), stop) if acting.is_awaiting() => self.awaiting(acting, sound, stop.is_some()),
            // Given up, and cut off while it was waited for: it is not made again.
            (Ok(sound), Some(Stop::Cancelled)) if acting.is_started() => {
                Next::Note(self.abandoned(&self.pending(acting, sound)))
            }
            // Whoever has the journal asks it first: without it, nobody knows.
            (Ok(sound), _) if acting.is_started() && self.lacks_a_secret(sound) => Next::Note(self.not_known(sound)),
            (Ok(sound), _) if acting.is_started() => Next::Call(self.pending(acting, sound)),
            (_, Some(_)) => self.rejection(call, not_run()),
            (Ok(sound), None) if self.is_for_a_part(sound) => self.part(call, sound),
            (Ok(sound), None) if self.guard.is_forbidden(&sound.tool, &sound.arguments) => {
                self.rejection(call, forbidden())
            }
            (Ok(sound), None) if self.lacks_a_secret(sound) => self.rejection(call, without_secret()),
            (Ok(sound), None) => Next::Call(self.pending(acting, sound)),
            (Err(failure), None) => self.rejection(call, failure.clone()),
        }
    }

    /// A person is waited for, unless the run is at its end.
    fn awaiting(&self, acting: &Acting, sound: &Sound, is_over: bool) -> Next {
        let Some(approval) = acting.awaits.clone() else { return Next::Call(self.pending(acting, sound)) };
        let pending = PendingApproval { turn: self.turns, tool: sound.tool.to_string(), approval };
        match is_over {
            true => Next::Note(pending.refused(not_run())),
            // A yes would be one to something else.
            false if self.lacks_a_secret(sound) => Next::Note(pending.refused(without_secret())),
            false => Next::Await(pending),
        }
    }

    /// A person decides on the call that was started, or has.
    pub(super) fn awaits(&mut self, approval: Option<ApprovalId>) {
        let Phase::Acting(acting) = &mut self.phase else { return };
        acting.awaits = approval;
        // It was not made: the host said so.
        acting.is_resumed = false;
        self.resumes = 0;
    }

    /// The call that was started is not made.
    pub(super) fn not_approved(&mut self, turn: u32, tool: &str, failure: &FailureSummary) {
        self.awaits(None);
        let content = result::of_failure(failure, self.start.limits.result_bytes);
        let (tool, failure) = (tool.to_owned(), Some(failure.clone()));
        // It was not made, so there is nothing of it that could be lost.
        self.returned(&CallSummary { turn, call: None, tool, failure, replayed: false }, &content);
    }

    /// What was stored of the call is not what the model asked for.
    fn lacks_a_secret(&self, sound: &Sound) -> bool {
        self.was_resumed && sound.arguments.to_string().contains(REDACTED)
    }

    /// A tool of the run that has the same name counts more.
    fn is_for_a_part(&self, sound: &Sound) -> bool {
        sound.tool.as_str() == context::PART && context::spec(&self.start.tools).is_some()
    }

    fn part(&self, call: &Checked, sound: &Sound) -> Next {
        let refused = |code: &str, message: &str| {
            let (code, message) = (code.to_owned(), message.to_owned());
            self.rejection(call, FailureSummary { class: Class::InvalidArguments, code, message })
        };
        match context::asked(&sound.arguments) {
            None => refused("invalid-part", "give `id`, a text, and `start`, a number of bytes, if any"),
            Some((id, _)) if self.whole(&id).is_none() => {
                refused("unknown-part", "no result has that id; use one that stands where a result is cut or omitted")
            }
            Some((id, start)) => Next::Note(RunEvent::PartShown { turn: self.turns, id, start }),
        }
    }

    /// The whole result of the call with this id.
    fn whole(&self, id: &str) -> Option<&str> {
        let of_message = || {
            self.messages.iter().find_map(|message| match message {
                Message::Tool { id: known, content } if known == id => Some(content.as_str()),
                _ => None,
            })
        };
        self.long.get(id).map(String::as_str).or_else(of_message)
    }

    pub(super) fn part_shown(&mut self, of: &str, start: u64) {
        let content = self.whole(of).map(|whole| context::part(of, whole, start, self.start.limits.result_bytes));
        let content = content.unwrap_or_default();
        let Phase::Acting(acting) = &mut self.phase else { return };
        let Some(call) = acting.calls.get(acting.at) else { return };
        let id = call.history.id.clone();
        if let Ok(Sound { tool, arguments }) = &call.verdict {
            self.guard.result(tool, arguments, &content);
        }
        (acting.is_useful, acting.at) = (true, acting.at + 1);
        self.messages.push(Message::Tool { id, content });
        self.prepare();
    }

    fn rejection(&self, call: &Checked, failure: FailureSummary) -> Next {
        Next::Note(RunEvent::CallRejected { turn: self.turns, tool: call.spelled.clone(), failure })
    }

    fn pending(&self, acting: &Acting, sound: &Sound) -> PendingCall {
        let key = acting.started.clone().unwrap_or_else(|| self.key(acting.at, sound));
        PendingCall {
            turn: self.turns,
            tool: sound.tool.to_string(),
            arguments: sound.arguments.to_string(),
            key,
            is_started: acting.is_started(),
            is_resumed: acting.is_resumed,
            deadline: self.deadline(),
        }
    }

    /// Whoever makes this call of this run again makes the same call. A dry run leaves nothing that could be repeated.
    fn key(&self, index: usize, sound: &Sound) -> Option<IdempotencyKey> {
        if self.start.mode == Mode::Preview {
            return None;
        }
        let tool = self.start.tools.iter().find(|spec| spec.name == sound.tool);
        let bytes = tool.and_then(|tool| tool.digest).map(|digest| digest.to_string()).unwrap_or_default();
        let digest = Digest::of_parts(&[
            self.start.run.as_str().as_bytes(),
            &self.turns.to_be_bytes(),
            &(index as u64).to_be_bytes(),
            sound.tool.as_str().as_bytes(),
            bytes.as_bytes(),
            canonical(&sound.arguments).as_bytes(),
        ]);
        format!("run-{}", digest.hex()).parse().ok()
    }

    fn is_part_next(&self) -> bool {
        let Phase::Acting(acting) = &self.phase else { return false };
        let next = acting.calls.get(acting.at).and_then(|call| call.verdict.as_ref().ok());
        next.is_some_and(|sound| self.is_for_a_part(sound))
    }

    /// Looks at the call that is next, and ends the turn where there is none.
    pub(super) fn prepare(&mut self) {
        let has_no_calls_left = self.has_no_calls_left() && !self.is_part_next();
        let Phase::Acting(acting) = &mut self.phase else { return };
        match acting.calls.get(acting.at) {
            Some(call) if has_no_calls_left && call.verdict.is_ok() => {
                acting.stop_with(Stop::Limit(RunLimit::Calls));
                return;
            }
            Some(_) => return,
            None => {}
        }
        let (rounds, same_results) = (self.guard.turn_is_over(), self.start.limits.same_results);
        if rounds.is_some_and(|rounds| rounds >= same_results.saturating_mul(2)) {
            acting.stop.get_or_insert(Stop::Limit(RunLimit::SameResults));
        }
        let (dropped, is_useful) = (acting.dropped, acting.is_useful);
        let (stop, last_error) = (acting.stop.take(), std::mem::take(&mut acting.last_error));
        if dropped > 0 {
            self.messages.push(Message::User(prompt::dropped(dropped, &self.start.limits)));
        }
        if rounds == Some(same_results) {
            self.messages.push(Message::User(prompt::REPEATED.into()));
        }
        match stop {
            Some(stop) => self.stop(stop),
            None if is_useful => {
                self.guard.useful_turn();
                self.settle();
            }
            None => self.useless_turn(last_error),
        }
    }

    fn settle(&mut self) {
        self.note(RunEvent::TurnSettled { turn: self.turns });
    }

    /// Counts a turn that brought nothing, and ends the run when there were too many in a row.
    fn useless_turn(&mut self, last: String) {
        let turns = self.guard.useless_turn();
        if turns > self.start.limits.repairs {
            self.stop(Stop::Vain(Reason::Unrepaired { turns, last }));
        } else {
            self.settle();
        }
    }

    pub(super) fn rejected(&mut self, failure: &FailureSummary) {
        self.rejected = self.rejected.saturating_add(1);
        let content = result::of_failure(failure, self.start.limits.result_bytes);
        let Phase::Acting(acting) = &mut self.phase else {
            // A whole turn was of no use.
            return self.useless_turn(failure.message.clone());
        };
        acting.last_error.clone_from(&failure.message);
        let id = acting.calls.get(acting.at).map(|call| call.history.id.clone()).unwrap_or_default();
        acting.at += 1;
        self.messages.push(Message::Tool { id, content });
        self.prepare();
    }

    pub(super) fn call_started(&mut self, key: Option<IdempotencyKey>) {
        let Phase::Acting(acting) = &mut self.phase else { return };
        acting.started = Some(key);
        let made = acting.calls.get(acting.at).and_then(|call| call.verdict.as_ref().ok()).cloned();
        if let Some(Sound { tool, arguments }) = made {
            self.take_way(&tool, &arguments);
        }
    }

    pub(super) fn call_returned(&mut self, summary: &CallSummary, content: &str) {
        if !was_not_made(summary) {
            self.take_made(summary);
        }
        self.returned(summary, content);
    }

    fn returned(&mut self, summary: &CallSummary, content: &str) {
        self.calls.push(summary.clone());
        let Phase::Acting(acting) = &mut self.phase else { return };
        let failure = summary.failure.clone();
        // It was made before by somebody who was stopped, and what is refused now may have been done then.
        let is_refused_now = |failure: &FailureSummary| {
            acting.is_resumed
                && !summary.replayed
                && !was_not_made(summary)
                && (ANOTHER.contains(&failure.code.as_str()) || is_repairable(failure.class))
        };
        if let Some(failure) = failure.as_ref().filter(|failure| failure.code == UNKNOWN || is_refused_now(failure)) {
            let (tool, message) = (summary.tool.clone(), failure.message.clone());
            return self.stop(Stop::Vain(Reason::Unknown { tool, message }));
        }
        self.resumes = 0;
        let Some(call) = acting.calls.get(acting.at) else { return };
        let (id, limits) = (call.history.id.clone(), &self.start.limits);
        if let Ok(Sound { tool, arguments }) = &call.verdict {
            self.guard.result(tool, arguments, content);
            if failure.as_ref().is_some_and(|failure| failure.class == Class::Denied) {
                let times = self.guard.denied(tool, arguments);
                let message = failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
                if times >= limits.same_denials {
                    let denied = Reason::Denied { times, tool: tool.to_string(), message };
                    acting.stop.get_or_insert(Stop::Vain(denied));
                }
            }
        }
        match failure.filter(|failure| is_repairable(failure.class)) {
            None => acting.is_useful = true,
            Some(failure) => acting.last_error = failure.message,
        }
        (acting.started, acting.is_resumed, acting.at) = (None, false, acting.at + 1);
        let (shown, is_cut) = context::shown(&id, content, limits.result_bytes);
        if is_cut {
            self.long.insert(id.clone(), content.to_owned());
        }
        self.messages.push(Message::Tool { id, content: shown });
        self.prepare();
    }

    /// The call that was started and has not come back. Not one that a person decides on: that was not made.
    #[must_use]
    pub fn open_call(&self) -> Option<PendingCall> {
        let Phase::Acting(acting) = &self.phase else { return None };
        let sound = acting.calls.get(acting.at).and_then(|call| call.verdict.as_ref().ok())?;
        (acting.is_started() && !acting.is_awaiting()).then(|| self.pending(acting, sound))
    }

    /// Whether the run ends with the turn that it is at, because whoever asked for it gave up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(&self.phase, Phase::Acting(acting) if matches!(acting.stop, Some(Stop::Cancelled)))
    }

    /// What a call came to of which the journal knows that it was never made, where it cannot be made any more because its
    /// arguments have lost a secret.
    #[must_use]
    pub fn not_made(&self, call: &PendingCall) -> RunEvent {
        let failure = without_secret();
        let content = result::of_failure(&failure, self.start.limits.result_bytes);
        let (turn, tool, failure) = (call.turn, call.tool.clone(), Some(failure));
        let call = CallSummary { turn, call: None, tool, failure, replayed: false };
        RunEvent::CallReturned { call, content, labels: BTreeSet::new() }
    }

    /// What a call comes to that cannot be made again, and of which nobody knows.
    fn not_known(&self, sound: &Sound) -> RunEvent {
        let message = "it may have been made before, and a secret was taken out of its arguments when they were stored: see \
                       `toolhold history`";
        let failure = FailureSummary { class: Class::Host, code: UNKNOWN.into(), message: message.into() };
        let (tool, failure) = (sound.tool.to_string(), Some(failure));
        let call = CallSummary { turn: self.turns, call: None, tool, failure, replayed: false };
        RunEvent::CallReturned { call, content: String::new(), labels: BTreeSet::new() }
    }

    /// What a call came to that never returned, and what the model is shown of it.
    #[must_use]
    pub fn abandoned(&self, call: &PendingCall) -> RunEvent {
        let (call, content) = result::abandoned(call.turn, &call.tool, self.start.limits.result_bytes);
        RunEvent::CallReturned { call, content, labels: BTreeSet::new() }
    }
}

fn forbidden() -> FailureSummary {
    let message = "a way that began with this call led nowhere, and you went back: try another one".into();
    FailureSummary { class: Class::InvalidArguments, code: "path-forbidden".into(), message }
}

/// Whether that is what [`Machine::not_made`] says of a call. Nothing that was made has no name and that code.
fn was_not_made(summary: &CallSummary) -> bool {
    summary.call.is_none() && summary.failure.as_ref().is_some_and(|failure| failure.code == TAKEN_OUT)
}

fn without_secret() -> FailureSummary {
    let message = "a secret was taken out of the arguments of this call when it was stored, and it was not made; ask for it \
                   again without the secret";
    FailureSummary { class: Class::InvalidArguments, code: TAKEN_OUT.into(), message: message.into() }
}

fn not_run() -> FailureSummary {
    let message = "this call was not run: the run is at its end".into();
    FailureSummary { class: Class::Cancelled, code: "not-run".into(), message }
}
