//! What can be seen of a run from outside: where it is, what was said, what it came to so far.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use super::Machine;
use crate::id::{Label, RunId};
use crate::run::context;
use crate::run::event::RunEvent;
use crate::run::event::Start;
use crate::run::limits::RunLimit;
use crate::run::message::Message;
use crate::run::report::Reason;
use crate::run::report::RunReport;
use crate::run::tool::ToolSpec;
use crate::run::turn::{Identity, Kind};
use crate::state::State;

impl Machine {
    /// Which run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.start.run
    }

    /// What the run began with.
    #[must_use]
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// Where the run is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The conversation as a model is shown it.
    #[must_use]
    pub fn view(&self) -> Cow<'_, [Message]> {
        context::view(&self.messages, self.boundary)
    }

    /// The tools that a model is told of: those of the run, and where it does not see everything the one to see more.
    #[must_use]
    pub fn tools(&self) -> Cow<'_, [ToolSpec]> {
        let more = self.hides_something().then(|| context::spec(&self.start.tools)).flatten();
        match more {
            None => Cow::Borrowed(&self.start.tools),
            Some(spec) => self.start.tools.iter().cloned().chain([spec]).collect(),
        }
    }

    fn hides_something(&self) -> bool {
        self.boundary > 0 || !self.long.is_empty()
    }

    /// Whether what is asked for is the last answer, after which nothing is.
    #[must_use]
    pub fn asks_for_last_answer(&self) -> bool {
        self.last.is_some()
    }

    /// Whether the model is asked to look back.
    #[must_use]
    pub fn is_looking_back(&self) -> bool {
        self.is_reflecting
    }

    /// Tokens that the next turn can come to. A guess, and rather too high.
    #[must_use]
    pub fn tokens_at_most(&self) -> u64 {
        self.read_at_most().saturating_add(u64::from(self.start.limits.tokens_per_turn))
    }

    /// The end of a run that has no room in its quota for a last answer either.
    #[must_use]
    pub fn out_of_quota(&self, limit: RunLimit) -> RunEvent {
        let no_answer = Some("a last answer would not fit into it either".to_owned());
        let reason = Reason::Limit { limit, words: limit.in_words(&self.start.limits), no_answer };
        RunEvent::RunEnded { end: State::Failed, answer: None, reason: Some(reason) }
    }

    /// Whether what is asked for may be the answer to the task.
    #[must_use]
    pub fn asks_for_answer(&self) -> bool {
        !self.is_reflecting
    }

    /// The conversation so far, whole.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// How many events there were.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The last step after which nothing was half done: from here a fork can go another way.
    #[must_use]
    pub fn checkpoint(&self) -> u64 {
        self.checkpoint
    }

    /// What is said of the data that the calls of the run have read.
    #[must_use]
    pub fn labels(&self) -> &BTreeSet<Label> {
        &self.labels
    }

    /// Time that the run has worked.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The turns that the model at this place of the chain has given: how many messages it had been shown for each.
    #[must_use]
    pub fn answers_of(&self, model: usize) -> &[usize] {
        self.answers.get(model).map(Vec::as_slice).unwrap_or_default()
    }

    /// What the run came to so far.
    #[must_use]
    pub fn report(&self) -> RunReport {
        let nobody = || Identity { name: "none".into(), kind: Kind::Scripted };
        RunReport {
            run: self.start.run.clone(),
            state: self.state,
            answer: self.answer.clone(),
            reason: self.reason.clone(),
            model: self.start.models.get(self.model).cloned().unwrap_or_else(nobody),
            served_by: self.served_by.clone(),
            turns: self.turns,
            tokens: self.tokens,
            cost_micro_dollars: self.start.prices.iter().any(Option::is_some).then_some(self.cost),
            calls: self.calls.clone(),
            rejected: self.rejected,
            elapsed: self.elapsed,
        }
    }
}
