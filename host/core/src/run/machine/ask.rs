//! Asking a model for one turn: attempts, pauses between them, the next model of the chain; and what a turn is.
//!
//! Only what can pass is tried again, a bounded number of times, with growing pauses that no two runs share. A pause that a
//! provider asks for is kept; one that does not fit into the run ends the attempts at this model at once. A model that was
//! given up stays so for the rest of the run.

use std::borrow::Cow;
use std::time::Duration;

use super::act::Acting;
use super::ending::Stop;
use super::{Ask, Machine, Phase};
use crate::cost::Prices;
use crate::id::Digest;
use crate::outcome::Class;
use crate::run::event::RunEvent;
use crate::run::limits::RunLimit;
use crate::run::message::Message;
use crate::run::milliseconds::whole as whole_milliseconds;
use crate::run::names::Names;
use crate::run::reflect::Verdict;
use crate::run::report::FailureSummary;
use crate::run::turn::{Finish, Retry, Turn};
use crate::run::{answer, context, prompt};

/// The first pause between attempts. The next ones double; each grows by up to its own length again, at random.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Fewer than most texts have: a turn is rather taken for too dear than for too cheap.
const BYTES_PER_TOKEN: usize = 2;
/// The longest pause that is our own choice, before it grows at random.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Machine {
    /// The request to be sent. The first attempt is a turn of its own.
    pub(super) fn ask(&self, attempt: u32) -> Ask {
        let is_new = attempt == 1 && !matches!(self.phase, Phase::Pausing(_) | Phase::Asking);
        let deadline = self.last.as_ref().map_or_else(|| self.deadline(), |last| last.deadline);
        let turn = self.turns + u32::from(is_new);
        Ask { turn, attempt, model: self.model, with_tools: self.last.is_none() && !self.is_reflecting, deadline }
    }

    pub(super) fn asked(&mut self, turn: u32, attempt: u32, model: usize) {
        (self.turns, self.attempt, self.model) = (turn, attempt, model);
        self.boundary = context::boundary(&self.messages, self.boundary, self.start.limits.context_bytes);
        self.phase = Phase::Asking;
    }

    pub(super) fn failed(&mut self, code: &str, message: &str, retry: Retry) {
        let (code, message) = (code.to_owned(), message.to_owned());
        if let Some(wait) = self.pause(retry) {
            self.note(RunEvent::ModelRetryScheduled { code, message, wait });
        } else if self.model + 1 < self.start.models.len() {
            self.note(RunEvent::ModelFellBack { from: self.model, to: self.model + 1, code, message });
        } else {
            self.stop(Stop::Model { code, message, attempts: self.attempt });
        }
    }

    pub(super) fn fell_back(&mut self, to: usize) {
        (self.model, self.attempt) = (to, 0);
        self.phase = Phase::Pausing(self.elapsed);
    }

    /// How long to wait before the same model is asked again; `None` where it is not.
    fn pause(&self, retry: Retry) -> Option<Duration> {
        let limits = &self.start.limits;
        let attempt = self.attempt;
        if attempt as usize >= limits.attempts {
            return None;
        }
        let own = pause(self.start.run.as_str(), self.turns, attempt);
        let wait = match retry {
            Retry::Never => return None,
            Retry::Later => own,
            Retry::After(wanted) => own.max(wanted),
        };
        let deadline = self.ask(attempt).deadline;
        (wait <= limits.longest_wait && self.elapsed + wait < deadline).then_some(wait)
    }

    fn prices(&self) -> Option<Prices> {
        self.start.prices.get(self.model).copied().flatten()
    }

    /// Whether the next turn fits into the budget, at the most that it can cost; and a last answer after it, where there will
    /// be one.
    pub(super) fn can_pay(&self) -> bool {
        let Some(prices) = self.prices() else { return true };
        let next = prices.cost(self.read_at_most(), u64::from(self.start.limits.tokens_per_turn), 0);
        let turns = if self.last.is_some() { 1 } else { 2 };
        let spent = self.cost.saturating_sub(self.since.cost);
        spent.saturating_add(next.saturating_mul(turns)) <= self.start.limits.cost
    }

    /// Tokens that the next request has. A guess, and rather too high.
    pub(super) fn read_at_most(&self) -> u64 {
        let tools: usize =
            self.tools().iter().map(|tool| tool.input_schema.to_string().len() + tool.description.len()).sum();
        let bytes = context::bytes(&self.messages, self.boundary).saturating_add(tools);
        u64::try_from(bytes / BYTES_PER_TOKEN).unwrap_or(u64::MAX)
    }

    /// A request that brought no turn may have been read, and be paid for.
    pub(super) fn pay_for_nothing(&mut self) {
        let cost = self.prices().map_or(0, |prices| prices.cost(self.read_at_most(), 0, 0));
        self.cost = self.cost.saturating_add(cost);
    }

    pub(super) fn no_time_for_an_answer(&mut self) {
        match self.last.take() {
            Some(last) => self.stop(Stop::NoLastAnswer(last.limit, "the model gave no last answer in time".into())),
            None => self.stop(Stop::Limit(RunLimit::Time)),
        }
    }

    /// Decides what a turn is.
    pub(super) fn answered(&mut self, turn: &Turn) {
        self.resumes = 0;
        self.tokens = self.tokens.plus(turn.tokens);
        let tokens = turn.tokens;
        let cost = self.prices().map_or(0, |prices| prices.cost(tokens.input, tokens.output, tokens.cached));
        self.cost = self.cost.saturating_add(cost);
        self.served_by = turn.served_by.clone().or(self.served_by.take());
        if let (None, Some(answers)) = (&self.last, self.answers.get_mut(self.model)) {
            answers.push(self.messages.len());
        }
        let text = turn.text.clone();
        let is_empty = text.trim().is_empty();
        if self.is_reflecting {
            let verdict = Verdict::parse(&text);
            self.messages.push(Message::Assistant { text, calls: Vec::new() });
            return self.note(RunEvent::ReflectionEnded { verdict });
        }
        if let Some(last) = self.last.take() {
            // Calls in it are not looked at: there are no tools any more.
            let is_usable = turn.finish != Finish::ContentFilter && !is_empty;
            let none = || "the model was asked for a last answer and gave no text".to_owned();
            let stop =
                if is_usable { Stop::LastAnswer(last.limit, text) } else { Stop::NoLastAnswer(last.limit, none()) };
            return self.stop(stop);
        }
        match &turn.finish {
            Finish::ContentFilter => self.stop(Stop::Filtered(text)),
            _ if !turn.calls.is_empty() => self.act(turn),
            _ if is_empty => self.unusable(text, "empty-turn", prompt::EMPTY),
            Finish::Length => self.stop(Stop::Cut(text)),
            Finish::ToolCalls => self.unusable(text, "missing-call", prompt::NO_CALL),
            Finish::Stop | Finish::Other(_) => self.answer(text),
        }
    }

    /// Takes an answer, if it is what the task asks for. A model that cannot give that is asked a few times, and then its answer is
    /// taken as what there is.
    fn answer(&mut self, text: String) {
        let Some(problem) = self.start.answer_schema.as_ref().and_then(|schema| answer::problem(schema, &text)) else {
            return self.stop(Stop::Answered(text));
        };
        if self.guard.is_last_useless_turn(self.start.limits.repairs) {
            return self.stop(Stop::NotAsAsked(text, problem));
        }
        let note = prompt::not_as_asked(&problem);
        self.unusable(text, "answer-schema", &note);
    }

    fn act(&mut self, turn: &Turn) {
        let names = match self.tools() {
            Cow::Borrowed(_) => Cow::Borrowed(&self.names),
            Cow::Owned(tools) => Cow::Owned(Names::of(&tools)),
        };
        let (checked, dropped) = self.intake.check(turn, self.turns, &names, &self.start.limits);
        let calls = checked.iter().map(|call| call.history.clone()).collect();
        self.messages.push(Message::Assistant { text: turn.text.clone(), calls });
        self.phase = Phase::Acting(Box::new(Acting::of(checked, dropped)));
        self.prepare();
    }

    /// Tells the model that its turn was of no use.
    fn unusable(&mut self, text: String, code: &str, note: &str) {
        if !text.trim().is_empty() {
            self.messages.push(Message::Assistant { text, calls: Vec::new() });
        }
        self.messages.push(Message::User(note.into()));
        let failure = FailureSummary { class: Class::InvalidArguments, code: code.into(), message: note.into() };
        self.note(RunEvent::CallRejected { turn: self.turns, tool: String::new(), failure });
    }
}

/// The pause after the attempt with this number. Its randomness comes from run, turn and attempt: a run can be repeated.
fn pause(run: &str, turn: u32, attempt: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
    let base = doubled.min(LONGEST_PAUSE);
    let digest = Digest::of_parts(&[run.as_bytes(), &turn.to_be_bytes(), &attempt.to_be_bytes()]);
    let [first, second, ..] = *digest.as_bytes();
    let grown = base + base * u32::from(u16::from_be_bytes([first, second])) / u32::from(u16::MAX);
    whole_milliseconds(grown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_are_bounded_and_differ_between_runs() {
        let pauses = |run: &str| (1..=40).map(|attempt| pause(run, 1, attempt)).collect::<Vec<_>>();
        for (index, pause) in pauses("run-1").iter().enumerate() {
            let least = FIRST_PAUSE.saturating_mul(1 << index.min(20)).min(LONGEST_PAUSE);
            assert!(*pause >= least && *pause <= least * 2, "{index}: {pause:?}");
        }
        assert_eq!(pauses("run-1"), pauses("run-1"));
        assert_ne!(pauses("run-1"), pauses("run-2"));
    }
}
