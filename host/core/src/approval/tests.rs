//! Rules of approvals: the table with every pair, and what an answer is good for.

use serde_json::json;

use super::*;
use crate::call::{Mode, ValidatedCall};
use crate::describe::{Hints, ToolInfo};
use crate::id::{Digest, RunId};
use crate::manifest::Risk;
use crate::tool::Tool;

use ApprovalState as S;
use ApprovalStep as T;

const STEPS: [ApprovalStep; 7] = [T::Grant, T::Reject, T::Modify, T::Expire, T::Use, T::UseUp, T::Withdraw];

/// The table again as a picture: a row per state, a column per step in the order of `STEPS`; a dot is refused.
const PICTURE: [(&str, &str); 7] = [
    //            G R M E U X W
    ("waiting", "  A R M E . . W"),
    ("approved", " . . . E A U W"),
    ("rejected", " . . . . . . W"),
    ("modified", " . . . E M U W"),
    ("expired", "  . . . . . . ."),
    ("used", "     . . . . . . ."),
    ("withdrawn", ". . . . . . ."),
];

fn letter(state: ApprovalState) -> &'static str {
    match state {
        S::Waiting => "?",
        S::Approved => "A",
        S::Rejected => "R",
        S::Modified => "M",
        S::Expired => "E",
        S::Used => "U",
        S::Withdrawn => "W",
    }
}

#[test]
fn every_pair_of_state_and_step_does_what_the_picture_shows() {
    for (state, (name, row)) in S::ALL.into_iter().zip(PICTURE) {
        assert_eq!((state.as_str(), S::parse(name)), (name, Some(state)));
        let row: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(row.len(), STEPS.len());
        for (step, expected) in STEPS.into_iter().zip(row) {
            let found = state.apply(step).map_or(".", letter);
            assert_eq!(found, expected, "{state} + {step:?}");
        }
    }
    for (index, one) in TRANSITIONS.iter().enumerate() {
        assert!(TRANSITIONS[index + 1..].iter().all(|other| (one.0, one.1) != (other.0, other.1)), "{one:?} twice");
    }
}

fn call(arguments: serde_json::Value) -> ValidatedCall {
    call_of(b"bytes", arguments)
}

fn call_of(bytes: &[u8], arguments: serde_json::Value) -> ValidatedCall {
    let info = ToolInfo {
        name: "write".parse().unwrap(),
        title: String::new(),
        description: String::new(),
        input_schema: json!({ "type": "object" }),
        output_schema: None,
        hints: Hints::default(),
        needs: Vec::new(),
        extra: serde_json::Map::new(),
    };
    let tool = Tool::new(&"files".parse().unwrap(), Digest::of(bytes), info).unwrap();
    tool.validate_value(arguments).unwrap()
}

fn manifest() -> Digest {
    Digest::of(b"manifest")
}

fn asked() -> Approval {
    let call = call(json!({ "path": "/work/a" }));
    Approval {
        id: "a-1".parse().unwrap(),
        call: "c-1".parse().unwrap(),
        run: "r-1".parse().unwrap(),
        client: "local".into(),
        agent: None,
        tool: call.tool().clone(),
        digest: call.digest(),
        manifest: manifest(),
        mode: Mode::Live,
        arguments: call.text().to_string(),
        arguments_digest: call.arguments_digest(),
        binding: binding(&call, manifest(), Mode::Live),
        rule: "ask".into(),
        reason: None,
        risk: Risk::High,
        every_time: false,
        secrets: Vec::new(),
        asked_at: 1_000,
        expires_at: 2_000,
        state: S::Waiting,
        answer: None,
        uses: 0,
    }
}

fn answered(verdict: &Verdict) -> Approval {
    asked().answered(verdict, None, "terminal:me", 1_500).unwrap()
}

fn run(name: &str) -> RunId {
    name.parse().unwrap()
}

fn asker<'a>(client: &'a str, run: &'a RunId) -> Asker<'a> {
    Asker { client, agent: None, run }
}

#[test]
fn nothing_but_a_yes_that_has_not_expired_stands() {
    let own = run("r-1");
    let me = asker("local", &own);
    let once = answered(&Verdict::Approve(ApprovalScope::Once));
    assert!(once.standing(&me, 1_999).is_some());
    assert!(once.standing(&me, 2_000).is_none(), "its time is over");
    assert!(asked().standing(&me, 1_500).is_none(), "nobody has decided");
    let no = answered(&Verdict::Reject("not now".into()));
    assert!(no.standing(&me, 1_500).is_none());
    assert_eq!(no.rejection(&me, 1_999), Some("not now"));
    assert_eq!(no.rejection(&me, 2_000), None);
    for step in [T::UseUp, T::Expire, T::Withdraw] {
        assert!(once.after(step).unwrap().standing(&me, 1_500).is_none(), "{step:?}");
    }
}

#[test]
fn an_answer_is_for_who_asked_and_a_run_s_for_that_run() {
    let (own, other) = (run("r-1"), run("r-2"));
    let once = answered(&Verdict::Approve(ApprovalScope::Once));
    assert!(once.standing(&asker("mcp", &own), 1_500).is_none(), "another client");
    let of_agent = Asker { agent: Some("ops"), ..asker("local", &own) };
    assert!(once.standing(&of_agent, 1_500).is_none(), "another agent");
    assert!(once.standing(&asker("local", &other), 1_500).is_some(), "the next such call of this client");
    let for_run = answered(&Verdict::Approve(ApprovalScope::Run));
    assert!(for_run.standing(&asker("local", &own), 1_500).is_some());
    assert!(for_run.standing(&asker("local", &other), 1_500).is_none(), "another run");
    assert_eq!((once.use_step(), for_run.use_step()), (T::UseUp, T::Use));
    let of_none = Approval { run: RunId::none(), ..for_run };
    assert_eq!(of_none.use_step(), T::UseUp, "calls of no run have no run in common");
}

#[test]
fn an_answer_for_a_time_stands_for_that_time_and_no_longer_than_a_day() {
    let own = run("r-1");
    let long = answered(&Verdict::Approve(ApprovalScope::For(5_000)));
    assert_eq!((long.expires_at, long.use_step()), (6_500, T::Use));
    assert!(long.standing(&asker("local", &own), 6_499).is_some());
    assert_eq!("once".parse(), Ok(ApprovalScope::Once));
    assert_eq!("15m".parse(), Ok(ApprovalScope::For(900_000_000)));
    for text in ["once", "run", "15m", "24h"] {
        let scope: ApprovalScope = text.parse().unwrap();
        assert_eq!(scope.to_string().parse(), Ok(scope), "{text}");
    }
    assert!(matches!("25h".parse::<ApprovalScope>(), Err(ScopeError::Time(_))));
    assert!(matches!("0s".parse::<ApprovalScope>(), Err(ScopeError::Time(_))));
    assert!(matches!("always".parse::<ApprovalScope>(), Err(ScopeError::Unknown(_))));
}

#[test]
fn no_always_is_taken_for_a_rule_that_asks_every_time() {
    let strict = Approval { every_time: true, ..asked() };
    for scope in [ApprovalScope::Run, ApprovalScope::For(1)] {
        let refused = strict.answered(&Verdict::Approve(scope), None, "me", 1_500);
        assert_eq!(refused, Err(Unanswerable::EveryTime("ask".into())));
        let refused = strict.answered(&Verdict::Modify("{}".into(), scope), None, "me", 1_500);
        assert_eq!(refused, Err(Unanswerable::EveryTime("ask".into())));
    }
    assert!(strict.answered(&Verdict::Approve(ApprovalScope::Once), None, "me", 1_500).is_ok());
    let own = run("r-1");
    let wide = answered(&Verdict::Approve(ApprovalScope::Run)).standing(&asker("local", &own), 1_500).unwrap();
    assert!(wide.covers("ask", false) && !wide.covers("ask", true), "whatever the record says");
}

#[test]
fn a_decision_is_made_once() {
    let verdicts = [
        Verdict::Approve(ApprovalScope::Once),
        Verdict::Reject(String::new()),
        Verdict::Modify("{}".into(), ApprovalScope::Once),
    ];
    for first in &verdicts {
        for second in &verdicts {
            let refused = answered(first).answered(second, None, "me", 1_600);
            assert!(matches!(refused, Err(Unanswerable::State(_))), "{first:?} then {second:?}");
        }
    }
}

#[test]
fn an_answer_is_bound_to_arguments_bytes_manifest_and_mode() {
    let own = run("r-1");
    let standing = answered(&Verdict::Approve(ApprovalScope::Once)).standing(&asker("local", &own), 1_500).unwrap();
    let same = call(json!({ "path": "/work/a" }));
    assert!(standing.answers(binding(&same, manifest(), Mode::Live), "ask", false));
    for (other, what) in [
        (binding(&call(json!({ "path": "/work/b" })), manifest(), Mode::Live), "arguments"),
        (binding(&call_of(b"others", json!({ "path": "/work/a" })), manifest(), Mode::Live), "bytes"),
        (binding(&same, Digest::of(b"another"), Mode::Live), "manifest"),
        (binding(&same, manifest(), Mode::Preview), "mode"),
    ] {
        assert!(!standing.answers(other, "ask", false), "{what}");
    }
    assert!(!standing.covers("another rule", false), "a rule that the person was not shown");
}

#[test]
fn other_arguments_are_bound_as_the_person_wrote_them() {
    let own = run("r-1");
    let wanted = call(json!({ "path": "/work/b" }));
    let verdict = Verdict::Modify(r#"{ "path": "/work/b" }"#.into(), ApprovalScope::Once);
    let modified = asked().answered(&verdict, Some(&wanted), "me", 1_500).unwrap();
    let standing = modified.standing(&asker("local", &own), 1_500).unwrap();
    assert_eq!(standing.arguments(), Some(r#"{"path":"/work/b"}"#));
    assert!(standing.answers(binding(&wanted, manifest(), Mode::Live), "another rule", true), "who chose has seen it");
    let verdict = Verdict::Modify(r#"{ "path": "/work/b" }"#.into(), ApprovalScope::Run);
    let wide = asked().answered(&verdict, Some(&wanted), "me", 1_500).unwrap();
    let wide = wide.standing(&asker("local", &own), 1_500).unwrap();
    assert!(
        wide.covers("ask", false) && !wide.covers("another rule", false),
        "more calls than the one that was chosen"
    );
    assert!(!standing.answers(asked().binding, "ask", false), "what was asked for first is not approved");
    let redacted = Verdict::Modify(r#"{"key":"[redacted]"}"#.into(), ApprovalScope::Once);
    assert_eq!(asked().answered(&redacted, None, "me", 1_500), Err(Unanswerable::Redacted));
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let whole = answered(&Verdict::Modify("{}".into(), ApprovalScope::For(60_000_000)));
    let text = serde_json::to_string(&whole).unwrap();
    assert_eq!(serde_json::from_str::<Approval>(&text).unwrap(), whole);
    assert!(!asked().is_redacted());
    assert!(Approval { arguments: r#"{"path":"[redacted]"}"#.into(), ..asked() }.is_redacted());
}
