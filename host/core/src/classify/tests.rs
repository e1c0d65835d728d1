//! Every row of the table, by hand and in the documentation.

use std::fmt::Write as _;

use super::*;
use crate::effect::RequestState;
use crate::limit::{Exceeded, Limit};
use crate::outcome::Class;

const CAUSES: [Cause; 6] = [Cause::Done, Cause::Full, Cause::Remote, Cause::Broken, Cause::Own, Cause::Elsewhere];

/// Each trace, and how the documentation calls it.
const TRACES: [(Trace, &str); 8] = [
    (Trace::Nothing, "nothing, or staged changes only (they are thrown away)"),
    (Trace::Looked, "only `GET`, `HEAD`, `OPTIONS`"),
    (Trace::TurnedAway, "requests that ask for a change, each answered with 429"),
    (Trace::WroteInPlace, "perhaps files, in place (`atomic = false`)"),
    (Trace::Answered(Keys::Sent), "a request that asks for a change, with a key; answered"),
    (Trace::Answered(Keys::Missing), "a request that asks for a change; answered"),
    (Trace::Unanswered(Keys::Sent), "a request that asks for a change, with a key; not answered"),
    (Trace::Unanswered(Keys::Missing), "a request that asks for a change; not answered"),
];

fn request(method: &str, state: RequestState) -> Request {
    Request::new(method, "https://example.com/", state)
}

fn answered(method: &str, status: u16) -> Request {
    request(method, RequestState::Answered { status })
}

fn unanswered(method: &str) -> Request {
    Request { fault: true, ..request(method, RequestState::Sent { why: "it broke off".into() }) }
}

fn seen<'a>(failure: Option<&'a Failure>, requests: &'a [Request]) -> Seen<'a> {
    Seen { failure, requests, left_out: 0, may_ask_for_changes: true, writes_in_place: false }
}

fn failed() -> Failure {
    Failure::new(Class::Tool, "failed", "m")
}

/// What a tool without good words for itself gets.
fn verdict(failure: Option<&Failure>, requests: &[Request]) -> Verdict {
    Evidence::of(&seen(failure, requests), Hints::default()).verdict()
}

/// The rows are written out here a second time, so that a change of the table is a change of two places.
#[test]
fn the_whole_table() {
    use Verdict::{Never, Repeat, RepeatWithSameKey, Unknown};
    // Can end differently: declared, not; cannot: declared, not.
    let rows: [[Verdict; 4]; 8] = [
        [Repeat, Repeat, Never, Never],
        [Repeat, Repeat, Never, Never],
        [Repeat, Repeat, Never, Never],
        [Repeat, Never, Never, Never],
        [Repeat, RepeatWithSameKey, Never, Never],
        [Repeat, Never, Never, Never],
        [Repeat, RepeatWithSameKey, Never, Unknown],
        [Repeat, Unknown, Never, Unknown],
    ];
    for ((trace, _), row) in TRACES.iter().zip(rows) {
        for cause in CAUSES.into_iter().filter(|cause| *cause != Cause::Done) {
            let verdicts = [true, false].map(|declared| Evidence { cause, trace: *trace, declared }.verdict());
            let expected = if cause.is_transient() { [row[0], row[1]] } else { [row[2], row[3]] };
            assert_eq!(verdicts, expected, "{cause:?} {trace:?}");
        }
        for declared in [true, false] {
            let done = Evidence { cause: Cause::Done, trace: *trace, declared };
            assert_eq!((done.verdict(), done.is_unknown()), (Never, false), "a success stands: {trace:?}");
        }
    }
}

#[test]
fn what_is_given_up_is_unknown_exactly_where_nobody_knows() {
    for (cause, (trace, _)) in CAUSES.into_iter().flat_map(|cause| TRACES.map(|trace| (cause, trace))) {
        for declared in [true, false] {
            let evidence = Evidence { cause, trace, declared };
            let expected = matches!(trace, Trace::Unanswered(_)) && !declared && cause != Cause::Done;
            assert_eq!(evidence.is_unknown(), expected, "{evidence:?}");
            assert!(evidence.is_unknown() || evidence.verdict() != Verdict::Unknown, "{evidence:?}");
        }
    }
}

fn documented() -> String {
    let word = |verdict| match verdict {
        Verdict::Never => "no",
        Verdict::Repeat => "**yes**",
        Verdict::RepeatWithSameKey => "**yes**, with the same key",
        Verdict::Unknown => "no: parked as unknown",
    };
    let mut table = String::from(
        "| what left the host | it may pass; declared | it may pass; not declared | it stays; declared | it stays; not declared |\n|---|---|---|---|---|\n",
    );
    for (trace, name) in TRACES {
        let cell = |cause, declared| word(Evidence { cause, trace, declared }.verdict());
        writeln!(
            table,
            "| {name} | {} | {} | {} | {} |",
            cell(Cause::Remote, true),
            cell(Cause::Remote, false),
            cell(Cause::Own, true),
            cell(Cause::Own, false)
        )
        .unwrap();
    }
    table
}

#[test]
fn the_documentation_shows_the_same_table() {
    let page = include_str!("../../../../docs/retries.md");
    assert!(page.contains(&documented()), "docs/retries.md must have:\n{}", documented());
}

#[test]
fn a_post_that_was_sent_and_not_answered_is_unknown_and_a_get_is_repeated() {
    assert_eq!(verdict(Some(&failed()), &[unanswered("POST")]), Verdict::Unknown);
    assert_eq!(verdict(Some(&failed()), &[unanswered("GET")]), Verdict::Repeat);
    let keyed = Request { keyed: true, ..unanswered("POST") };
    assert_eq!(verdict(Some(&failed()), &[keyed]), Verdict::RepeatWithSameKey);
}

#[test]
fn one_request_without_a_key_spoils_all_the_keys() {
    let keyed = Request { keyed: true, ..unanswered("POST") };
    assert_eq!(verdict(Some(&failed()), &[answered("PUT", 200), keyed.clone()]), Verdict::Unknown);
    let sure = [answered("GET", 200), answered("POST", 429), keyed];
    assert_eq!(verdict(Some(&failed()), &sure), Verdict::RepeatWithSameKey, "what did nothing needs none");
}

#[test]
fn a_tool_that_declares_itself_harmless_is_believed_for_a_repeat_only() {
    let hints = Hints { read_only: true, ..Hints::default() };
    let post = [unanswered("POST")];
    assert_eq!(Evidence::of(&seen(Some(&failed()), &post), hints).verdict(), Verdict::Repeat);
    let trap = Failure::new(Class::Trap, "trap", "m");
    assert_eq!(Evidence::of(&seen(Some(&trap), &post), hints).verdict(), Verdict::Never);
}

#[test]
fn what_cannot_end_differently_is_never_repeated() {
    let fuel = Exceeded { limit: Limit::Fuel, allowed: 1, used: 2 };
    let failures = [
        Failure::new(Class::UnknownTool, "unknown-tool", "m"),
        Failure::new(Class::InvalidArguments, "invalid-arguments", "m"),
        Failure::new(Class::Denied, "denied", "m"),
        Failure::new(Class::Denied, "tool-denied", "m"),
        Failure::from(fuel),
        Failure::new(Class::Trap, "trap", "m"),
        Failure::new(Class::InvalidOutput, "invalid-output", "m"),
        Failure::new(Class::Conflict, "conflict", "m"),
        Failure::new(Class::Withheld, "withheld", "m"),
        Failure::new(Class::Cancelled, "cancelled", "m"),
        Failure::new(Class::Unavailable, "breaker-open", "m"),
        Failure::new(Class::Host, "host-fault", "m"),
        failed(),
    ];
    for failure in &failures {
        assert_eq!(verdict(Some(failure), &[]), Verdict::Never, "{failure:?}");
        if failure.class != Class::Tool {
            assert_eq!(verdict(Some(failure), &[unanswered("GET")]), Verdict::Never, "{failure:?}");
        }
    }
}

#[test]
fn a_result_that_says_come_back_later_is_tried_again_and_any_other_result_stands() {
    assert_eq!(verdict(None, &[answered("GET", 503)]), Verdict::Repeat);
    assert_eq!(verdict(None, &[answered("POST", 429)]), Verdict::Repeat);
    assert_eq!(verdict(None, &[answered("POST", 503)]), Verdict::Never, "it may have been done all the same");
    for status in [200, 301, 404, 500, 502] {
        assert_eq!(verdict(None, &[answered("GET", status)]), Verdict::Never, "{status}");
    }
    assert_eq!(verdict(None, &[answered("GET", 503), answered("GET", 200)]), Verdict::Never, "the tool did it itself");
}

#[test]
fn a_full_host_has_started_nothing() {
    assert_eq!(verdict(Some(&Failure::new(Class::Busy, "busy", "m")), &[]), Verdict::Repeat);
}

#[test]
fn a_request_that_is_not_written_down_may_have_been_anything() {
    let get = [answered("GET", 200)];
    let failure = failed();
    let flood = Seen { left_out: 1, ..seen(Some(&failure), &get) };
    assert_eq!(Evidence::of(&flood, Hints::default()).trace, Trace::Unanswered(Keys::Missing));
    let reader = Seen { may_ask_for_changes: false, ..flood };
    assert_eq!(Evidence::of(&reader, Hints::default()).trace, Trace::Looked);
}

#[test]
fn a_tools_breaker_hears_of_the_tools_own_faults_only() {
    use breaker::Verdict::{Fault, Nothing, Works};
    let of = |failure: Option<&Failure>, requests: &[Request]| {
        Evidence::of(&seen(failure, requests), Hints::default()).of_tool()
    };
    let time = Failure::from(Exceeded { limit: Limit::Time, allowed: 1, used: 2 });
    let fuel = Failure::from(Exceeded { limit: Limit::Fuel, allowed: 1, used: 2 });
    assert_eq!(of(None, &[]), Works);
    assert_eq!(of(Some(&Failure::new(Class::Denied, "denied", "m")), &[]), Works);
    assert_eq!(of(Some(&Failure::new(Class::Trap, "trap", "m")), &[]), Fault);
    assert_eq!(of(Some(&time), &[]), Fault);
    assert_eq!(of(Some(&time), &[unanswered("GET")]), Nothing, "one dead host is not the tool's fault");
    assert_eq!(of(Some(&failed()), &[unanswered("GET")]), Nothing);
    assert_eq!(of(Some(&fuel), &[]), Nothing);
}

#[test]
fn the_evidence_names_the_request_and_not_the_others() {
    let words = in_words(&[answered("GET", 200), unanswered("POST")], 0);
    assert_eq!(words, "POST https://example.com/ was sent with 0 bytes and not answered: it broke off");
}
