//! The states of an agent run and the one table of how they change.
//!
//! Live work and recovery go through the same [`State::apply`], so that a run which is read back from a journal can only
//! be where a live one could have been. It knows nothing of models, tools or time: those decide *which* event happens,
//! never what it leads to. What is not in [`TRANSITIONS`] is refused.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing has happened: tools and limits are being looked up.
    Initializing,
    /// Between two steps: the next one is being chosen.
    Processing,
    /// A request is with the model.
    AwaitingModel,
    /// A call is with a tool.
    AwaitingTool,
    /// A call is with a person.
    AwaitingApproval,
    /// What the model said is being checked, call by call.
    Validating,
    /// A request or a call failed in a way that may pass; it is being waited for.
    Retrying,
    /// The run looks back on what it has: at a limit, or every few steps.
    Reflecting,
    /// End: the task has an answer.
    Completed,
    /// End: there is an answer, and a reason why it is not a whole one.
    Partial,
    /// End: there is no answer, and a reason why.
    Failed,
    /// End: the time was over before there was an answer.
    TimedOut,
    /// End: the caller gave up.
    Cancelled,
    /// End: failed for good and kept with its whole state, for a person to look at.
    DeadLettered,
}

/// What happened to a run. Past tense: an event is a fact, not a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Tools, limits and model are known.
    Initialized,
    /// A request went to the model.
    ModelAsked,
    /// The model answered, with whatever.
    ModelAnswered,
    /// The model failed in a way that may pass, and there are attempts left.
    ModelRetryScheduled,
    /// A requested call was refused before it reached a tool.
    CallRejected,
    /// The model was shown more of what the run has.
    PartShown,
    /// A call went to a tool.
    CallStarted,
    /// A call came back, with whatever outcome.
    CallReturned,
    /// A call failed in a way that may pass, and may be repeated.
    CallRetryScheduled,
    /// A call was handed to a person.
    ApprovalRequested,
    /// The person let the call go ahead.
    ApprovalGranted,
    /// The person refused the call, or none could be reached.
    ApprovalRefused,
    /// Everything the model asked for in one turn has its result.
    TurnSettled,
    /// A limit of the run was reached: what follows is its last answer.
    LimitReached,
    /// The run began to look back on its steps.
    ReflectionStarted,
    /// It is done with that.
    ReflectionEnded,
    /// The answer was accepted as whole.
    Completed,
    /// The answer was accepted as what there is.
    EndedPartial,
    /// There will be no answer.
    Failed,
    /// There was no time for an answer.
    TimedOut,
    /// The caller gave up.
    Cancelled,
    /// The run was kept for a person to look at.
    DeadLettered,
    /// The person lets it go on.
    Requeued,
    /// The person lets it go on with the call that it was waiting for.
    CallRequeued,
    /// The person decided that it stays what it was.
    Discarded,
}

use Event as E;
use State as S;

/// Every allowed transition: from, event, to. The ends that any live state can reach are in [`INTERRUPTIONS`].
pub const TRANSITIONS: [(State, Event, State); 38] = [
    (S::Initializing, E::Initialized, S::Processing),
    // deciding what is next
    (S::Processing, E::ModelAsked, S::AwaitingModel),
    (S::Processing, E::ReflectionStarted, S::Reflecting),
    (S::Processing, E::LimitReached, S::Reflecting),
    (S::Reflecting, E::ModelAsked, S::AwaitingModel),
    (S::Reflecting, E::ReflectionEnded, S::Processing),
    // the model
    (S::AwaitingModel, E::ModelAnswered, S::Validating),
    (S::AwaitingModel, E::ModelRetryScheduled, S::Retrying),
    (S::AwaitingModel, E::LimitReached, S::Reflecting),
    (S::AwaitingModel, E::EndedPartial, S::Partial),
    (S::Retrying, E::ModelAsked, S::AwaitingModel),
    (S::Retrying, E::CallStarted, S::AwaitingTool),
    (S::Retrying, E::CallRejected, S::Validating),
    (S::Retrying, E::LimitReached, S::Reflecting),
    // there is no room to ask once more, and looking back can be left out
    (S::Retrying, E::ReflectionEnded, S::Processing),
    // what it said
    (S::Validating, E::CallRejected, S::Validating),
    (S::Validating, E::PartShown, S::Validating),
    (S::Validating, E::ReflectionEnded, S::Processing),
    (S::Validating, E::CallStarted, S::AwaitingTool),
    (S::Validating, E::ApprovalRequested, S::AwaitingApproval),
    (S::Validating, E::TurnSettled, S::Processing),
    (S::Validating, E::LimitReached, S::Reflecting),
    (S::Validating, E::Completed, S::Completed),
    (S::Validating, E::EndedPartial, S::Partial),
    // the tool
    (S::AwaitingTool, E::CallReturned, S::Validating),
    (S::AwaitingTool, E::CallRetryScheduled, S::Retrying),
    (S::AwaitingTool, E::ApprovalRequested, S::AwaitingApproval),
    // the person
    (S::AwaitingApproval, E::ApprovalGranted, S::AwaitingTool),
    (S::AwaitingApproval, E::ApprovalRefused, S::Validating),
    (S::AwaitingApproval, E::LimitReached, S::Reflecting),
    // without a model's answer there may still be a reduced one
    (S::Processing, E::EndedPartial, S::Partial),
    (S::Reflecting, E::EndedPartial, S::Partial),
    (S::Retrying, E::EndedPartial, S::Partial),
    // what failed for good may be kept
    (S::Failed, E::DeadLettered, S::DeadLettered),
    (S::TimedOut, E::DeadLettered, S::DeadLettered),
    // and what was kept may go on, by the word of a person
    (S::DeadLettered, E::Requeued, S::Processing),
    (S::DeadLettered, E::CallRequeued, S::AwaitingTool),
    (S::DeadLettered, E::Discarded, S::Failed),
];

/// The events that end a run from any live state.
pub const INTERRUPTIONS: [(Event, State); 3] =
    [(E::Failed, S::Failed), (E::TimedOut, S::TimedOut), (E::Cancelled, S::Cancelled)];

/// An event that cannot happen where the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a run that is `{state}` cannot take the event `{event}`")]
pub struct Refused {
    /// Where the run is.
    pub state: State,
    /// What was to be applied.
    pub event: Event,
}

impl State {
    /// Where `event` leads.
    ///
    /// # Errors
    ///
    /// [`Refused`] where the table has no such transition; the state is then what it was.
    pub fn apply(self, event: Event) -> Result<Self, Refused> {
        let listed = TRANSITIONS.iter().find(|(from, happened, _)| (*from, *happened) == (self, event));
        let interrupted = || INTERRUPTIONS.iter().find(|(happened, _)| *happened == event && !self.is_end());
        listed.map(|(_, _, to)| *to).or_else(|| interrupted().map(|(_, to)| *to)).ok_or(Refused { state: self, event })
    }

    /// Whether the run is over.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, S::Completed | S::Partial | S::Failed | S::TimedOut | S::Cancelled | S::DeadLettered)
    }

    /// The word for it, as in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            S::Initializing => "initializing",
            S::Processing => "processing",
            S::AwaitingModel => "awaiting-model",
            S::AwaitingTool => "awaiting-tool",
            S::AwaitingApproval => "awaiting-approval",
            S::Validating => "validating",
            S::Retrying => "retrying",
            S::Reflecting => "reflecting",
            S::Completed => "completed",
            S::Partial => "partial",
            S::Failed => "failed",
            S::TimedOut => "timed-out",
            S::Cancelled => "cancelled",
            S::DeadLettered => "dead-lettered",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 14] = [
        S::Initializing,
        S::Processing,
        S::AwaitingModel,
        S::AwaitingTool,
        S::AwaitingApproval,
        S::Validating,
        S::Retrying,
        S::Reflecting,
        S::Completed,
        S::Partial,
        S::Failed,
        S::TimedOut,
        S::Cancelled,
        S::DeadLettered,
    ];
    const EVENTS: [Event; 25] = [
        E::Initialized,
        E::ModelAsked,
        E::ModelAnswered,
        E::ModelRetryScheduled,
        E::CallRejected,
        E::CallStarted,
        E::CallReturned,
        E::CallRetryScheduled,
        E::ApprovalRequested,
        E::ApprovalGranted,
        E::ApprovalRefused,
        E::TurnSettled,
        E::LimitReached,
        E::ReflectionStarted,
        E::ReflectionEnded,
        E::Completed,
        E::EndedPartial,
        E::Failed,
        E::TimedOut,
        E::Cancelled,
        E::DeadLettered,
        E::Requeued,
        E::CallRequeued,
        E::Discarded,
        E::PartShown,
    ];

    /// The table again as a picture: a row per state, a column per event in the order of `EVENTS`; the letter is where it
    /// leads, a dot is refused. A change of the table has to be drawn here too.
    const PICTURE: [(&str, &str); 14] = [
        //                     I A a r R S C y ? + - t L v ^ . / f o c d q w x p
        ("initializing", "     P . . . . . . . . . . . . . . . . F T X . . . . . "),
        ("processing", "       . M . . . . . . . . . . V V . . / F T X . . . . . "),
        ("awaiting-model", "   . . D Y . . . . . . . . V . . . / F T X . . . . . "),
        ("awaiting-tool", "    . . . . . . D Y Q . . . . . . . . F T X . . . . . "),
        ("awaiting-approval", ". . . . . . . . . W D . V . . . . F T X . . . . . "),
        ("validating", "       . . . . D W . . Q . . P V . P C / F T X . . . . D "),
        ("retrying", "         . M . . D W . . . . . . V . P . / F T X . . . . . "),
        ("reflecting", "       . M . . . . . . . . . . . . P . / F T X . . . . . "),
        ("completed", "        . . . . . . . . . . . . . . . . . . . . . . . . . "),
        ("partial", "          . . . . . . . . . . . . . . . . . . . . . . . . . "),
        ("failed", "           . . . . . . . . . . . . . . . . . . . . L . . . . "),
        ("timed-out", "        . . . . . . . . . . . . . . . . . . . . L . . . . "),
        ("cancelled", "        . . . . . . . . . . . . . . . . . . . . . . . . . "),
        ("dead-lettered", "    . . . . . . . . . . . . . . . . . . . . . P W F . "),
    ];

    fn letter(state: State) -> char {
        match state {
            S::Initializing => 'I',
            S::Processing => 'P',
            S::AwaitingModel => 'M',
            S::AwaitingTool => 'W',
            S::AwaitingApproval => 'Q',
            S::Validating => 'D',
            S::Retrying => 'Y',
            S::Reflecting => 'V',
            S::Completed => 'C',
            S::Partial => '/',
            S::Failed => 'F',
            S::TimedOut => 'T',
            S::Cancelled => 'X',
            S::DeadLettered => 'L',
        }
    }

    #[test]
    fn every_pair_of_state_and_event_does_what_the_picture_shows() {
        for (state, (name, row)) in STATES.into_iter().zip(PICTURE) {
            assert_eq!(state.as_str(), name);
            let expected: Vec<char> = row.split_whitespace().map(|cell| cell.chars().next().unwrap()).collect();
            assert_eq!(expected.len(), EVENTS.len(), "{name}");
            for (event, expected) in EVENTS.into_iter().zip(expected) {
                match state.apply(event) {
                    Ok(to) => assert_eq!(letter(to), expected, "{state} + {event}"),
                    Err(refused) => {
                        assert_eq!(expected, '.', "{refused}");
                        assert_eq!(refused, Refused { state, event });
                    }
                }
            }
        }
    }

    #[test]
    fn no_transition_is_listed_twice() {
        for (index, one) in TRANSITIONS.iter().enumerate() {
            for other in &TRANSITIONS[index + 1..] {
                assert_ne!((one.0, one.1), (other.0, other.1));
            }
        }
    }

    #[test]
    fn a_live_state_can_always_be_left_and_an_end_only_by_a_person() {
        for state in STATES {
            let ways_out: Vec<_> = EVENTS.into_iter().filter(|event| state.apply(*event).is_ok()).collect();
            if state.is_end() {
                let by_a_person = [E::DeadLettered, E::Requeued, E::CallRequeued, E::Discarded];
                assert!(ways_out.iter().all(|event| by_a_person.contains(event)), "{state}");
            } else {
                assert!(ways_out.contains(&E::Cancelled) && ways_out.contains(&E::Failed), "{state}");
            }
        }
    }

    #[test]
    fn every_live_state_is_reachable_and_has_the_name_it_is_stored_under() {
        for state in STATES {
            let named = serde_json::to_value(state).unwrap();
            assert_eq!(named, state.as_str());
            let reached = TRANSITIONS.iter().any(|(_, _, to)| *to == state)
                || INTERRUPTIONS.iter().any(|(_, to)| *to == state)
                || state == S::Initializing;
            assert!(reached, "{state}");
        }
    }
}
