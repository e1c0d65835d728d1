//! What a call came to, in the form in which the sandbox tells it of its own.

use std::collections::BTreeSet;

use toolhold_core::effect::{Notes, Request, RequestState};
use toolhold_core::limit::{Exceeded, Limit};
use toolhold_sandbox::{RunFailure, RunReport, ToolError};

use super::call::Trail;
use super::link::{Answer, Kind, NoAnswer};
use super::message;
use super::result;

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum Ended {
    /// The caller gave up.
    Cancelled,
    /// A limit was crossed.
    Exceeded(Exceeded),
    /// The server did not answer.
    NoAnswer(NoAnswer),
}

/// What a call came to.
pub(super) fn of(trail: &Trail, made: Result<Answer, Ended>) -> RunReport {
    match made {
        Ok(Err(error)) if error.code == message::TOO_LONG => {
            let exceeded = RunFailure::Exceeded(trail.meter.exceeded(Limit::Output));
            report(trail, Err(exceeded), trail.request(RequestState::Answered { status: 200 }))
        }
        Ok(answer) => {
            let outcome = result::of(&answer).map_err(RunFailure::Tool);
            let outcome = outcome.and_then(|text| {
                trail.meter.charge(Limit::Output, text.len() as u64).map_err(RunFailure::Exceeded)?;
                Ok(text)
            });
            report(trail, outcome, trail.request(RequestState::Answered { status: 200 }))
        }
        Err(Ended::Cancelled) => {
            let state = trail.how_far("the call was cancelled before it was answered");
            report(trail, Err(RunFailure::Cancelled), trail.request(state))
        }
        Err(Ended::Exceeded(exceeded)) => {
            let state = trail.how_far(&format!("no answer came before a limit was crossed: {exceeded}"));
            let fault = exceeded.limit == Limit::Time;
            report(trail, Err(RunFailure::Exceeded(exceeded)), Request { fault, ..trail.request(state) })
        }
        Err(Ended::NoAnswer(no_answer)) => {
            let failure = Err(RunFailure::Tool(words(&no_answer)));
            let NoAnswer { state, fault, retry_after, .. } = no_answer;
            report(trail, failure, Request { fault, retry_after, ..trail.request(state) })
        }
    }
}

/// A call that was not sent because it may change something, and nothing may change.
pub(super) fn withheld(trail: &Trail) -> RunReport {
    report(trail, Err(RunFailure::Withheld), trail.request(RequestState::Withheld))
}

/// A call of a run that is narrowed to other places, or to calls that change nothing.
pub(super) fn outside_of_run(trail: &Trail) -> RunReport {
    let message = "this run is narrowed, and does not reach the server of this tool; nothing was sent";
    let why = "the run is narrowed to other origins, or to calls that change nothing".to_owned();
    let failure = RunFailure::Tool(ToolError::Denied(message.to_owned()));
    report(trail, Err(failure), trail.request(RequestState::Refused { why }))
}

/// Nothing was started.
pub(super) fn not_started(why: &str) -> Ended {
    Ended::NoAnswer(NoAnswer::not_sent(why))
}

/// Whoever made the call is gone, and what became of it is known as far as it left a trail.
pub(super) fn broke_off(trail: &Trail) -> Ended {
    Ended::NoAnswer(NoAnswer::new(trail.how_far("the calling task ended early"), false))
}

/// What the model is told of a server that does not answer. Not why: that names addresses.
fn words(no_answer: &NoAnswer) -> ToolError {
    let other = |code: &str, message: String| ToolError::Other { code: code.to_owned(), message };
    match (&no_answer.state, no_answer.kind) {
        (_, Kind::Changed) => ToolError::Denied(
            "the server of this tool says something else of its tools than what a person accepted, so it is not called. Nothing \
             was sent; do not repeat it. A person has to look"
                .to_owned(),
        ),
        (RequestState::Refused { .. }, _) => ToolError::Denied(
            "the server of this tool may not be called as it is; nothing was sent. A person has to look".to_owned(),
        ),
        (RequestState::Answered { status }, _) => {
            other("server-error", format!("the server of this tool answered with HTTP status {status} instead of a result"))
        }
        (RequestState::Sent { .. }, _) => {
            other("no-answer", "the server of this tool was asked, and did not answer".to_owned())
        }
        (RequestState::NotSent { .. } | RequestState::Withheld, _) => {
            let wait = no_answer.retry_after.map_or(String::new(), |seconds| format!(" in {seconds} s"));
            let message = format!(
                "the server of this tool is not there; nothing was sent. Use another tool, or try again later{wait}"
            );
            other("server-unavailable", message)
        }
    }
}

fn report(trail: &Trail, outcome: Result<String, RunFailure>, request: Request) -> RunReport {
    let answered = matches!(request.state, RequestState::Answered { .. });
    let labels = trail.grant().filter(|_| answered).map(|grant| grant.labels.iter().cloned().collect::<BTreeSet<_>>());
    RunReport {
        outcome,
        usage: trail.meter.usage(),
        output: trail.output(),
        files: Notes::default(),
        staged: None,
        requests: vec![request],
        requests_left_out: 0,
        labels: labels.unwrap_or_default(),
        returned: trail.returned(),
    }
}
