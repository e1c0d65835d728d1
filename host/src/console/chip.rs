//! A state in a word and a sign: what it is can be told without its colour.

use askama::Template;
use toolhold_core::health::Verdict as Health;
use toolhold_core::manifest::Verdict;
use toolhold_core::state::State;

use super::html::Html;
use crate::journal;

/// A state, as people are shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Template)]
#[template(
    ext = "html",
    source = r#"<span class="chip {{ tone }}"><span class="sign" aria-hidden="true">{{ sign }}</span>{{ word }}</span>"#
)]
pub(super) struct Chip {
    tone: &'static str,
    sign: &'static str,
    word: &'static str,
}

const fn chip(tone: &'static str, sign: &'static str, word: &'static str) -> Chip {
    Chip { tone, sign, word }
}

impl Chip {
    /// Went well.
    pub(super) const fn good(word: &'static str) -> Self {
        chip("good", "✓", word)
    }

    /// Went wrong.
    pub(super) const fn bad(word: &'static str) -> Self {
        chip("bad", "✕", word)
    }

    /// Wants to be looked at.
    pub(super) const fn notice(word: &'static str) -> Self {
        chip("notice", "!", word)
    }

    /// Waits for a person.
    pub(super) const fn asks(word: &'static str) -> Self {
        chip("asks", "?", word)
    }

    /// Nothing follows from it.
    pub(super) const fn plain(word: &'static str) -> Self {
        chip("plain", "–", word)
    }

    /// Is under way.
    pub(super) const fn busy(word: &'static str) -> Self {
        chip("busy", "…", word)
    }

    /// The markup.
    pub(super) fn html(self) -> Html {
        Html::of(&self)
    }
}

/// Where a run is.
pub(super) fn of_run(state: State) -> Chip {
    match state {
        State::Initializing
        | State::Processing
        | State::AwaitingModel
        | State::AwaitingTool
        | State::Validating
        | State::Reflecting => Chip::busy(state.as_str()),
        State::Retrying => Chip::notice(state.as_str()),
        State::AwaitingApproval => Chip::asks(state.as_str()),
        State::Completed => Chip::good(state.as_str()),
        State::Partial => Chip::notice(state.as_str()),
        State::Failed | State::TimedOut | State::DeadLettered => Chip::bad(state.as_str()),
        State::Cancelled => Chip::plain(state.as_str()),
    }
}

/// How far a call came.
pub(super) fn of_call(state: journal::State, succeeded: Option<bool>) -> Chip {
    match (state, succeeded) {
        (journal::State::Admitted, _) => Chip::busy("running"),
        (journal::State::Settled, Some(true)) => Chip::good("succeeded"),
        (journal::State::Settled, _) => Chip::bad("failed"),
        (journal::State::Abandoned, _) => Chip::plain("did nothing"),
        (journal::State::Unknown, _) => Chip::asks("unknown"),
    }
}

/// How far the changes of a call came.
pub(super) fn of_plan(state: journal::PlanState) -> Chip {
    use journal::PlanState;
    match state {
        PlanState::Preview => Chip::plain("preview, can be applied"),
        PlanState::Applied => Chip::plain("preview, applied"),
        PlanState::Ready => Chip::busy("about to land"),
        PlanState::Landed => Chip::good("landed"),
        PlanState::Refused => Chip::bad("did not land"),
        PlanState::Undoing => Chip::busy("being taken back"),
        PlanState::Undone => Chip::plain("taken back"),
        PlanState::Expired => Chip::plain("cannot be undone any more"),
    }
}

/// What a rule says.
pub(super) fn of_rule(verdict: Verdict) -> Chip {
    match verdict {
        Verdict::Allow => Chip::good("allow"),
        Verdict::Preview => Chip::notice("preview"),
        Verdict::Ask => Chip::asks("ask"),
        Verdict::Deny => Chip::bad("deny"),
    }
}

/// How well something works.
pub(super) fn of_health(verdict: Health) -> Chip {
    match verdict {
        Health::Healthy => Chip::good(verdict.as_str()),
        Health::Slow | Health::Degraded => Chip::notice(verdict.as_str()),
        Health::Critical => Chip::bad(verdict.as_str()),
        Health::Unknown => Chip::plain(verdict.as_str()),
    }
}
