//! Looking back every few turns, and going back to where the run was when it did so last.
//!
//! Going back means the whole run: the conversation, and what the calls since then changed. What cannot be taken back (a
//! request that was sent, a file that somebody else changed since) keeps the run where it is, and the model is told. What was
//! spent stays spent. The calls with which the abandoned way began are not made again.

use serde_json::Value;

use super::{Machine, Phase};
use crate::call::Mode;
use crate::id::{CallId, ToolName};
use crate::run::message::Message;
use crate::run::prompt;
use crate::run::reflect::{Next, Verdict};
use crate::run::report::CallSummary;

/// Where the run was when the model looked back last, or began.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mark {
    messages: usize,
    calls: usize,
    turns: u32,
    /// Of a call since then it is not known well enough what it did.
    has_lost_a_call: bool,
}

impl Machine {
    pub(super) fn set_mark(&mut self) {
        self.way.clear();
        let (messages, calls, turns) = (self.messages.len(), self.calls.len(), self.turns);
        self.mark = Mark { messages, calls, turns, has_lost_a_call: false };
    }

    /// Takes a call that may have been made: without a name, or as a repeat of an earlier one, it cannot be taken back.
    pub(super) fn take_made(&mut self, call: &CallSummary) {
        self.mark.has_lost_a_call |= call.call.is_none() || call.replayed;
    }

    /// Takes a call that is made; those of the first turn after the mark are how a way begins.
    pub(super) fn take_way(&mut self, tool: &ToolName, arguments: &Value) {
        if self.way.is_empty() {
            self.way_turn = self.turns;
        }
        if self.way_turn == self.turns {
            self.way.push((tool.clone(), arguments.clone()));
        }
    }

    pub(super) fn is_to_look_back(&self) -> bool {
        let every = self.start.limits.reflect_every;
        every > 0 && self.last.is_none() && self.turns.saturating_sub(self.mark.turns) >= every
    }

    pub(super) fn reflection_started(&mut self) {
        let turns = self.turns.saturating_sub(self.mark.turns);
        let may_go_back = self.start.mode == Mode::Live;
        self.messages.push(Message::User(prompt::look_back(turns, may_go_back)));
        self.is_reflecting = true;
        self.phase = Phase::Deciding;
    }

    pub(super) fn reflection_ended(&mut self, verdict: &Verdict) {
        self.is_reflecting = false;
        match verdict.next {
            Next::GoBack if self.mark.has_lost_a_call => {
                self.say_and_go_on(prompt::cannot_go_back(
                    "a call never returned here, and what it did is not known well enough",
                ));
            }
            Next::GoBack if self.start.mode == Mode::Live => {
                self.regret.clone_from(&verdict.why);
                self.phase = Phase::GoingBack;
            }
            Next::GoBack => self.say_and_go_on(prompt::cannot_go_back("this is a dry run")),
            Next::GoOn => self.say_and_go_on(prompt::GO_ON.into()),
            Next::Answer => self.say_and_go_on(prompt::ANSWER.into()),
        }
    }

    /// The calls since the mark, the latest first. Those that failed too: they may have acted before they did.
    pub(super) fn to_take_back(&self) -> Vec<CallId> {
        self.calls.iter().skip(self.mark.calls).rev().filter_map(|call| call.call.clone()).collect()
    }

    pub(super) fn went_back(&mut self, refused: Option<&str>) {
        let regret = std::mem::take(&mut self.regret);
        if let Some(why) = refused {
            return self.say_and_go_on(prompt::cannot_go_back(why));
        }
        self.messages.truncate(self.mark.messages);
        for (tool, arguments) in std::mem::take(&mut self.way) {
            self.guard.forbid(&tool, &arguments);
        }
        self.boundary = self.boundary.min(self.messages.len());
        self.say_and_go_on(prompt::went_back(&regret));
    }

    fn say_and_go_on(&mut self, note: String) {
        self.messages.push(Message::User(note));
        self.set_mark();
        self.decide();
    }
}
