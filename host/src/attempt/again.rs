//! Attempts at one call: run, look at what was seen, wait, decide anew, run again.
//!
//! Each attempt is authorized by a decision of its own, in a scope that only got narrower: what is left of the call's time. What
//! an attempt staged is thrown away before the next one.

use toolhold_core::call::{AuthorizedCall, Mode, ToolCall};
use toolhold_core::classify::{Cause, Evidence, Seen, Verdict};
use toolhold_core::effect::{Request, RequestState, Touch};
use toolhold_core::event::Event;
use toolhold_core::grant::HttpGrant;
use toolhold_core::id::CallId;
use toolhold_core::limit::Limit;
use toolhold_core::outcome::Failure;
use toolhold_core::retry::{GaveUp, Next, Standing};
use toolhold_core::tape::Tape;
use toolhold_sandbox::{Recorder, Reel, RunOptions, RunReport};

use super::turnstile::LetThrough;
use crate::clock;
use crate::effects::wrote_in_place;
use crate::host::{CallOptions, Checked, Entry, Host};
use crate::telemetry::Stage;

/// The last attempt at a call.
pub(crate) struct Attempted {
    pub(crate) checked: Box<Checked>,
    pub(crate) run: RunReport,
    /// How many there were.
    pub(crate) attempts: u32,
    /// Why there is no further one, where one would have been allowed.
    pub(crate) gave_up: Option<GaveUp>,
    /// What each of them was given from outside, if that is to be kept.
    pub(crate) tapes: Vec<Tape>,
}

/// A next attempt.
struct Again {
    wait: u64,
    same_key: bool,
    failure: Option<Failure>,
}

impl Host {
    /// Runs a call until it succeeded or there is no point in another attempt.
    pub(crate) async fn attempts(
        &self,
        id: &CallId,
        call: &ToolCall,
        checked: Box<Checked>,
        through: &LetThrough,
        (options, settings): (&CallOptions, RunOptions),
    ) -> Attempted {
        let time = self.0.dependencies.time();
        let ends_at = time.micros().saturating_add(checked.call.limits().get(Limit::Time));
        let room = self.0.policy.manifest().host().replay_bytes;
        let is_taped = options.taped && checked.call.mode() == Mode::Live;
        let recorder = || is_taped.then(|| Recorder::new(room));
        let mut taped = recorder();
        let reel = taped.clone().map(Reel::Recorded);
        let first = self.act(&checked.call, RunOptions { reel, ..settings.clone() });
        let run = self.0.telemetry.stage_of(Stage::Run, first).await;
        let tapes = taped.iter().map(Recorder::take).collect();
        let mut last = Attempted { checked, run, attempts: 1, gave_up: None, tapes };
        self.0.dependencies.pay_in(through.name(), through.retry().budget);
        loop {
            let left = ends_at.saturating_sub(time.micros());
            let again = match self.again(&last, through, left) {
                Ok(Some(again)) => again,
                Ok(None) => return last,
                Err(gave_up) => return Attempted { gave_up: Some(gave_up), ..last },
            };
            if self.tell_attempt(id, &last, &again).await.is_err() {
                // What cannot be recorded is not done.
                return last;
            }
            tokio::select! {
                () = time.sleep(again.wait) => {}
                () = options.cancel.cancelled() => return last,
            }
            let left = ends_at.saturating_sub(time.micros()).max(1);
            let scope = (*options.scope).clone().at_most(Limit::Time, left);
            let standing = last.checked.standing.as_ref();
            let Ok(Entry::Checked(checked)) = self.check_in(call, options, &scope, standing) else { return last };
            let name = Some(format!("{id}-{}", last.attempts.saturating_add(1)));
            // Here, and not before: who gives up while waiting is told how the last attempt ended.
            drop(last.run.staged.take());
            taped = recorder();
            let reel = taped.clone().map(Reel::Recorded);
            let next = self.act(&checked.call, RunOptions { name, reel, ..settings.clone() });
            let mut run = self.0.telemetry.stage_of(Stage::Run, next).await;
            let mut tapes = last.tapes;
            tapes.extend(taped.iter().map(Recorder::take));
            remember(&mut run, last.run, &last.checked.call);
            last = Attempted { checked, run, attempts: last.attempts.saturating_add(1), gave_up: None, tapes };
        }
    }

    /// Whether and when there is another attempt.
    fn again(&self, last: &Attempted, through: &LetThrough, left: u64) -> Result<Option<Again>, GaveUp> {
        let failure = last.run.outcome.as_ref().err().map(|failure| Failure::from(failure.clone()));
        let evidence = evidence(&last.checked, &last.run, failure.as_ref());
        let same_key = match evidence.verdict() {
            _ if last.checked.call.mode() == Mode::Preview => return Ok(None),
            Verdict::Never | Verdict::Unknown => return Ok(None),
            Verdict::Repeat => false,
            Verdict::RepeatWithSameKey => true,
        };
        let asked = last.run.requests.last().and_then(|request| request.retry_after);
        let asked = asked.filter(|_| evidence.cause == Cause::Remote);
        let (made, random) = (u64::from(last.attempts), self.0.dependencies.time().random());
        match through.retry().next(Standing { made, asked, left, random }) {
            Next::GiveUp(gave_up) => Err(gave_up),
            Next::After(_) if !self.0.dependencies.take_retry(through.name()) => Err(GaveUp::Budget),
            Next::After(wait) => Ok(Some(Again { wait, same_key, failure })),
        }
    }

    async fn tell_attempt(&self, id: &CallId, last: &Attempted, again: &Again) -> Result<(), crate::journal::Error> {
        let event = Event::AttemptFailed {
            call: id.clone(),
            attempt: last.attempts,
            failure: again.failure.as_ref().map(|failure| failure.class),
            code: again.failure.as_ref().map(|failure| failure.code.clone()),
            wait: again.wait,
            same_key: again.same_key,
        };
        self.0.journal.record(clock::micros(), event).await
    }
}

/// What an earlier attempt sent, read and wrote in place, it has, whatever a later one came to.
fn remember(run: &mut RunReport, earlier: RunReport, call: &AuthorizedCall) {
    let later = std::mem::replace(&mut run.requests, earlier.requests);
    run.requests.extend(later);
    run.requests_left_out = run.requests_left_out.saturating_add(earlier.requests_left_out);
    run.files.sources.extend(earlier.files.sources);
    let mut touches = earlier.files.touches;
    touches.retain(|touch| is_in_place(call, touch));
    touches.append(&mut run.files.touches);
    run.files.touches = touches;
    run.files.left_out = run.files.left_out.saturating_add(earlier.files.left_out);
    run.labels.extend(earlier.labels);
    run.returned.extend(earlier.returned);
}

/// What was seen of an attempt and those before it, weighed.
pub(crate) fn evidence(checked: &Checked, run: &RunReport, failure: Option<&Failure>) -> Evidence {
    let grants = checked.call.grants();
    let seen = Seen {
        failure,
        requests: &run.requests,
        left_out: run.requests_left_out,
        may_ask_for_changes: grants.http.iter().any(HttpGrant::may_change),
        writes_in_place: grants.directories.iter().any(|grant| !grant.write.is_empty() && !grant.atomic),
    };
    Evidence::of(&seen, checked.tool.info().hints)
}

/// Whether what was touched is in a directory that is written in place.
fn is_in_place(call: &AuthorizedCall, touch: &Touch) -> bool {
    call.grants().directories.iter().any(|grant| !grant.atomic && grant.guest == touch.grant)
}

/// Whether a request has left that may have changed something. One that was turned away with 429 has not.
fn has_asked_for_a_change(requests: &[Request], left_out: u64) -> bool {
    let may_change = |request: &Request| {
        let is_safe = matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        let has_left = match &request.state {
            RequestState::Answered { status } => *status != 429,
            RequestState::Sent { .. } => true,
            _ => false,
        };
        !is_safe && has_left
    };
    left_out > 0 || requests.iter().any(may_change)
}

/// A failure with what is known of its cause: whose doing it was, when it may pass, why it was not tried again, and whether
/// something was changed before.
pub(crate) fn told(
    failure: Failure,
    (checked, run): (&Checked, &RunReport),
    evidence: Evidence,
    gave_up: Option<GaveUp>,
) -> Failure {
    let is_remote = evidence.cause == Cause::Remote;
    let retry_after = run.requests.last().and_then(|request| request.retry_after).filter(|_| is_remote);
    let dependency = is_remote || evidence.cause == Cause::Broken;
    let failure = match gave_up {
        Some(gave_up) => failure.and_detail(format!("not tried again: {}", gave_up.as_str())),
        None => failure,
    };
    Failure { retry_after, dependency, acted: acted(checked, run), ..failure }
}

/// Whether something may be changed that does not land with what was staged, and is not thrown away with it.
pub(crate) fn acted(checked: &Checked, run: &RunReport) -> bool {
    // Of a server's tool it is the operator who says so.
    let changes_nothing = checked.call.grants().server.as_ref().is_some_and(|server| server.reads_only);
    let asked = !changes_nothing && has_asked_for_a_change(&run.requests, run.requests_left_out);
    asked || wrote_in_place(&checked.call, &run.files).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_may_have_been_made_is_asked_for_no_second_time() {
        let sent = || RequestState::Sent { why: String::new() };
        let not_sent = || RequestState::NotSent { why: String::new() };
        for (method, state, asked) in [
            ("POST", sent(), true),
            ("POST", RequestState::Answered { status: 200 }, true),
            ("DELETE", RequestState::Answered { status: 503 }, true),
            ("POST", RequestState::Answered { status: 429 }, false),
            ("POST", not_sent(), false),
            ("GET", sent(), false),
            ("GET", RequestState::Answered { status: 500 }, false),
        ] {
            let requests =
                vec![Request::new("GET", "https://a/", not_sent()), Request::new(method, "https://a/", state)];
            assert_eq!(has_asked_for_a_change(&requests, 0), asked, "{requests:?}");
        }
        assert!(has_asked_for_a_change(&[], 1), "what is not known may be one");
    }
}
