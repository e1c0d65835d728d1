//! Looking back, and going back: all of it or nothing, and never over what another run did.

use super::*;

/// Says one thing after the other, and then the answer.
fn reflecting(texts: &[&'static str], undo: &World) -> Lived {
    let limits = RunLimits { reflect_every: 1, iterations: 30, ..RunLimits::default() };
    let mut lived = Lived { machine: Machine::begin(Start { limits, ..start(1) }), history: Vec::new() };
    let call = |path| World::Calls(vec![("files__write", path)], Finish::ToolCalls);
    let mut worlds = Vec::new();
    for (text, path) in texts.iter().copied().zip([r#"{"path":"a"}"#, r#"{"path":"b"}"#, r#"{"path":"a"}"#]) {
        worlds.extend([call(path), World::Result("1"), World::Text(text, Finish::Stop), undo.clone()]);
    }
    worlds.push(World::Text("done", Finish::Stop));
    let mut worlds = worlds.iter().peekable();
    while !lived.machine.state().is_end() {
        let next = lived.machine.next(Duration::ZERO);
        let is_for = |world: &World| match (&next, world) {
            (Next::Ask(ask), World::Text(..)) => !ask.with_tools || worlds.len() == 1,
            (Next::Ask(ask), World::Calls(..)) => ask.with_tools,
            (Next::Call(_), World::Result(_)) => true,
            (Next::Undo(_), World::Fails(..)) => true,
            _ => false,
        };
        if !matches!(next, Next::Note(_)) {
            let mut rest = worlds.clone();
            while rest.peek().is_some_and(|world| !is_for(world)) {
                rest.next();
            }
            worlds = rest;
        }
        let world = worlds.peek().copied().cloned().unwrap_or(World::Text("done", Finish::Stop));
        for event in act(next.clone(), &world, &lived.machine) {
            lived.take(Duration::ZERO, event);
        }
        if !matches!(next, Next::Note(_)) {
            worlds.next();
        }
    }
    lived
}

const GO_BACK: &str = r#"{"closer":false,"next":"go-back","why":"a dead end"}"#;
const GO_ON: &str = r#"{"closer":true,"next":"go-on","why":"fine"}"#;

fn texts_of(lived: &Lived) -> String {
    serde_json::to_string(lived.machine.messages()).unwrap()
}

#[test]
fn a_model_that_goes_on_is_told_so_and_keeps_its_conversation() {
    let lived = reflecting(&[GO_ON], &World::Result("1"));
    assert_eq!(lived.machine.state(), State::Completed);
    let texts = texts_of(&lived);
    assert!(texts.contains("Look back on your last 1 turns") && texts.contains("Go on with the task"), "{texts}");
    assert_well_formed(lived.machine.messages());
}

#[test]
fn a_run_goes_back_with_its_conversation_and_its_changes_and_does_not_begin_the_same_way_again() {
    let refusal = World::Fails(Class::Host, "x");
    let back = World::Result("1");
    let lived = reflecting(&[GO_BACK], &back);
    let undone =
        lived.history.iter().filter(|happened| matches!(happened.event, RunEvent::WentBack { refused: None, .. }));
    assert_eq!((undone.count(), lived.machine.state()), (1, State::Completed));
    let texts = texts_of(&lived);
    assert!(texts.contains("went back: a dead end") && !texts.contains("files__write"), "{texts}");
    assert_well_formed(lived.machine.messages());
    let tool: crate::id::ToolName = "files.write".parse().unwrap();
    assert!(lived.machine.guard.is_forbidden(&tool, &json!({"path": "a"})));
    assert!(!lived.machine.guard.is_forbidden(&tool, &json!({"path": "b"})));
    // What was sent stays sent: the run stays where it is.
    let lived = reflecting(&[GO_BACK], &refusal);
    let texts = texts_of(&lived);
    assert!(texts.contains("There is no way back: it was sent") && texts.contains("files__write"), "{texts}");
    assert!(!lived.machine.guard.is_forbidden(&tool, &json!({"path": "a"})));
}

/// A run that has made one call and looks back.
fn regretful(failure: Option<FailureSummary>, call: Option<&str>, fresh: bool) -> Lived {
    let limits = RunLimits { reflect_every: 1, ..RunLimits::default() };
    let mut lived = Lived { machine: Machine::begin(Start { limits, ..start(1) }), history: Vec::new() };
    let world = World::Calls(vec![("files__write", "{}")], Finish::ToolCalls);
    loop {
        match lived.machine.next(Duration::ZERO) {
            Next::Call(pending) => {
                lived.take(Duration::ZERO, pending.event());
                let (turn, tool, call) = (pending.turn, pending.tool, call.map(|call| call.parse().unwrap()));
                let call = CallSummary { turn, call, tool, failure: failure.clone(), replayed: false };
                lived.take(
                    Duration::ZERO,
                    RunEvent::CallReturned { call, content: "{}".into(), labels: BTreeSet::new() },
                );
            }
            Next::Note(RunEvent::ReflectionStarted) => break,
            next => act(next, &world, &lived.machine).into_iter().for_each(|event| lived.take(Duration::ZERO, event)),
        }
    }
    if fresh {
        lived.take(Duration::ZERO, RunEvent::RunResumed { models: None, prices: Vec::new(), fresh });
        return lived;
    }
    lived.take(Duration::ZERO, RunEvent::ReflectionStarted);
    let next = lived.machine.next(Duration::ZERO);
    for event in act(next, &World::Text(GO_BACK, Finish::Stop), &lived.machine) {
        lived.take(Duration::ZERO, event);
    }
    let Next::Note(event) = lived.machine.next(Duration::ZERO) else { panic!() };
    lived.take(Duration::ZERO, event);
    lived
}

fn to_undo(lived: &Lived) -> Option<Vec<String>> {
    match lived.machine.next(Duration::ZERO) {
        Next::Undo(calls) => Some(calls.iter().map(ToString::to_string).collect()),
        _ => None,
    }
}

#[test]
fn a_call_that_failed_is_looked_at_too_and_one_that_never_returned_keeps_the_run_where_it_is() {
    let failure = || Some(FailureSummary { class: Class::Tool, code: "c".into(), message: "m".into() });
    assert_eq!(to_undo(&regretful(None, Some("one"), false)), Some(vec!["one".to_owned()]));
    assert_eq!(to_undo(&regretful(failure(), Some("one"), false)), Some(vec!["one".to_owned()]));
    let lost = regretful(failure(), None, false);
    assert_eq!(to_undo(&lost), None);
    assert!(texts_of(&lost).contains("There is no way back: a call never returned here"));
}

#[test]
fn a_fork_cannot_take_back_what_the_other_run_did() {
    let fork = regretful(None, Some("of-the-other-run"), true);
    assert_eq!(fork.machine.to_take_back(), []);
    assert!(!fork.machine.is_to_look_back());
}

/// A run that looks back after a person has said no to its call.
#[test]
fn a_call_that_a_person_refused_was_not_made_and_is_in_nobody_s_way_back() {
    let limits = RunLimits { reflect_every: 1, ..RunLimits::default() };
    let mut lived = Lived { machine: Machine::begin(Start { limits, ..start(1) }), history: Vec::new() };
    let write = World::Calls(vec![("files__write", "{}")], Finish::ToolCalls);
    let go_back = World::Text(GO_BACK, Finish::Stop);
    loop {
        let next = lived.machine.next(Duration::ZERO);
        let world = match &next {
            Next::Call(_) | Next::Await(_) => &World::Asks,
            Next::Ask(ask) if !ask.with_tools => &go_back,
            Next::Undo(calls) => break assert_eq!(*calls, [], "nothing was made"),
            Next::Ask(_) if lived.machine.turns > 1 => panic!("{}", texts_of(&lived)),
            _ => &write,
        };
        act(next, world, &lived.machine).into_iter().for_each(|event| lived.take(Duration::ZERO, event));
    }
    lived.take(Duration::ZERO, RunEvent::WentBack { calls: Vec::new(), refused: None });
    assert!(texts_of(&lived).contains("went back: a dead end"));
    lived.live(&[World::Text("done", Finish::Stop)], Duration::ZERO);
    assert_eq!(lived.machine.state(), State::Completed);
}

#[test]
fn looking_back_can_be_left_out_while_the_model_is_left_alone() {
    let limits = RunLimits { reflect_every: 1, ..RunLimits::default() };
    let mut lived = Lived { machine: Machine::begin(Start { limits, ..start(1) }), history: Vec::new() };
    let read = World::Calls(vec![("files__read", "{}")], Finish::ToolCalls);
    while lived.machine.state() != State::Retrying {
        let next = lived.machine.next(Duration::ZERO);
        let world = if lived.machine.is_looking_back() { &World::ModelFails(Retry::Later) } else { &read };
        act(next, world, &lived.machine).into_iter().for_each(|event| lived.take(Duration::ZERO, event));
    }
    // The quota has no room for another attempt.
    let verdict = crate::run::reflect::Verdict::parse(GO_ON);
    lived.take(Duration::ZERO, RunEvent::ReflectionEnded { verdict });
    assert!(!lived.machine.is_looking_back());
    lived.live(&[World::Text("done", Finish::Stop)], Duration::ZERO);
    assert_eq!(lived.machine.state(), State::Completed);
    assert_well_formed(lived.machine.messages());
}
