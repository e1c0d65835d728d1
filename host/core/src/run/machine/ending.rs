//! What ends a run, and what it ends as.

use std::time::Duration;

use super::{Machine, Phase};
use crate::run::event::RunEvent;
use crate::run::limits::RunLimit;
use crate::run::message::Message;
use crate::run::prompt;
use crate::run::report::Reason;
use crate::state::State;

/// What ends the work.
#[derive(Debug, Clone)]
pub(super) enum Stop {
    /// The model answered.
    Answered(String),
    /// The model's answer lacks its end.
    Cut(String),
    /// The model's answer is not what the task asks for, and will not be.
    NotAsAsked(String, String),
    /// The provider withheld the rest of this.
    Filtered(String),
    /// A limit: there will be a last answer.
    Limit(RunLimit),
    /// This is it.
    LastAnswer(RunLimit, String),
    /// There is none, for this reason.
    NoLastAnswer(RunLimit, String),
    /// No model gave a turn.
    Model { code: String, message: String, attempts: u32 },
    /// There is no use in going on.
    Vain(Reason),
    /// The caller gave up.
    Cancelled,
}

/// The run is at a limit, and the model is asked once more.
#[derive(Debug, Clone)]
pub(super) struct LastAnswer {
    pub(super) limit: RunLimit,
    pub(super) deadline: Duration,
}

impl Machine {
    /// Ends the work. What is half done is kept, in case the run goes on.
    pub(super) fn stop(&mut self, stop: Stop) {
        let at_limit = self.last.take();
        let stop = match (stop, at_limit) {
            (Stop::Model { message, .. }, Some(last)) => Stop::NoLastAnswer(last.limit, message),
            (stop, _) => stop,
        };
        if let Phase::Acting(acting) = std::mem::replace(&mut self.phase, Phase::Ending(Box::new(stop))) {
            self.held = Some(acting).filter(|acting| acting.is_half_done());
        }
    }

    pub(super) fn limit_reached(&mut self, limit: RunLimit) {
        let limits = &self.start.limits;
        self.is_reflecting = false;
        self.messages.push(Message::User(prompt::last_answer(limit, limits)));
        self.last = Some(LastAnswer { limit, deadline: self.elapsed + limits.last_answer_time });
        if !self.can_pay() {
            self.last = None;
            return self.stop(Stop::NoLastAnswer(limit, "a last answer would not fit into the budget either".into()));
        }
        self.phase = Phase::Deciding;
    }

    pub(super) fn ended(&mut self, answer: Option<String>, reason: Option<Reason>) {
        (self.answer, self.reason) = (answer, reason);
        if let Phase::Acting(acting) = std::mem::replace(&mut self.phase, Phase::Over) {
            self.held = Some(acting).filter(|acting| acting.is_half_done());
        }
    }

    /// The event that is the end, or leads to it.
    pub(super) fn end(&self, stop: &Stop) -> RunEvent {
        let (end, answer, reason) = match stop.clone() {
            Stop::Limit(limit) => return RunEvent::LimitReached { limit },
            Stop::Answered(text) => (State::Completed, Some(text), None),
            Stop::Cut(text) => {
                let words = RunLimit::TokensPerTurn.in_words(&self.start.limits);
                (State::Partial, Some(text), Some(Reason::Cut { words }))
            }
            Stop::NotAsAsked(text, problem) => (State::Partial, Some(text), Some(Reason::NotAsAsked { problem })),
            Stop::Filtered(text) => (State::Failed, Some(text), Some(Reason::ContentFilter)),
            Stop::LastAnswer(limit, text) => (State::Partial, Some(text), Some(self.limit_reason(limit, None))),
            Stop::NoLastAnswer(limit, why) => {
                let end = if limit == RunLimit::Time { State::TimedOut } else { State::Failed };
                (end, None, Some(self.limit_reason(limit, Some(why))))
            }
            Stop::Model { code, message, attempts } => {
                (State::Failed, None, Some(Reason::Model { code, message, attempts: attempts as usize }))
            }
            Stop::Vain(reason) => (State::Failed, None, Some(reason)),
            Stop::Cancelled => (State::Cancelled, None, Some(Reason::Cancelled)),
        };
        let answer = answer.filter(|answer| !answer.trim().is_empty());
        RunEvent::RunEnded { end, answer, reason }
    }

    fn limit_reason(&self, limit: RunLimit, no_answer: Option<String>) -> Reason {
        Reason::Limit { limit, words: limit.in_words(&self.start.limits), no_answer }
    }
}
