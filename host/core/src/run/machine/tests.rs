//! A run against whatever a model, a tool, a clock and a power cut may do to it.

mod back;
mod cost;
mod taken_up;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::call::Mode;
use crate::outcome::Class;
use crate::run::report::FailureSummary;
use crate::run::turn::{Finish, Kind, Retry, Turn};
use crate::run::{RequestedCall, RunLimits, ToolSpec};

fn start(models: usize) -> Start {
    let tool = |name: &str| ToolSpec {
        name: name.parse().unwrap(),
        description: String::new(),
        input_schema: json!({"type": "object"}),
        digest: None,
    };
    let model = |number| Identity { name: format!("model-{number}"), kind: Kind::Scripted };
    Start {
        version: VERSION,
        run: "run-1".parse().unwrap(),
        agent: "local".into(),
        by: None,
        task: "do it".into(),
        mode: Mode::Live,
        models: (0..models).map(model).collect(),
        tools: vec![tool("files.read"), tool("files.write")],
        limits: RunLimits::default(),
        manifest: None,
        answer_schema: None,
        prices: Vec::new(),
    }
}

/// What the world does next.
#[derive(Debug, Clone)]
enum World {
    Text(&'static str, Finish),
    Calls(Vec<(&'static str, &'static str)>, Finish),
    ModelFails(Retry),
    NoTime,
    Cancel,
    Result(&'static str),
    Fails(Class, &'static str),
    /// A person has to decide first; and says no, if asked again in such a world.
    Asks,
}

/// What is done about `next`, if the world is `world`.
fn act(next: Next, world: &World, machine: &Machine) -> Vec<RunEvent> {
    let turn = |text: &str, calls, finish: &Finish| {
        let (tokens, finish) = (Tokens { input: 10, output: 5, ..Tokens::default() }, finish.clone());
        RunEvent::ModelAnswered { turn: 0, answer: Turn { text: text.into(), calls, finish, tokens, served_by: None } }
    };
    match next {
        Next::Note(event) => vec![event],
        Next::Wait(_) if matches!(world, World::Cancel) => vec![RunEvent::CancelRequested],
        Next::Wait(_) | Next::Over => Vec::new(),
        Next::Await(pending) => vec![match world {
            World::Cancel => RunEvent::CancelRequested,
            World::Asks | World::Fails(..) => pending.refused(not_approved()),
            _ => RunEvent::ApprovalGranted { approval: pending.approval },
        }],
        Next::Undo(calls) => {
            let refused = matches!(world, World::Fails(..)).then(|| "it was sent".to_owned());
            vec![RunEvent::WentBack { calls, refused }]
        }
        Next::Ask(ask) => {
            let came = match world {
                World::Text(text, finish) => turn(text, Vec::new(), finish),
                World::Calls(calls, finish) => {
                    let call = |(index, (tool, arguments)): (usize, &(&str, &str))| RequestedCall {
                        // Every seventh one has the id of another one.
                        id: format!("call-{}", index % 7),
                        name: (*tool).into(),
                        arguments: (*arguments).into(),
                    };
                    turn("", calls.iter().enumerate().map(call).collect(), finish)
                }
                World::ModelFails(retry) => {
                    RunEvent::ModelFailed { code: "c".into(), message: "m".into(), retry: *retry, unpaid: false }
                }
                World::Cancel => RunEvent::CancelRequested,
                _ => RunEvent::TimeRanOut,
            };
            vec![ask.event(), came]
        }
        Next::Call(call) => {
            let mut events = if call.is_started { Vec::new() } else { vec![call.event()] };
            let failure = match world {
                World::Asks => {
                    let (turn, tool, approval) = (call.turn, call.tool, "approval-1".parse().unwrap());
                    events.push(RunEvent::ApprovalRequested { turn, tool, approval });
                    return events;
                }
                World::Fails(class, code) => {
                    Some(FailureSummary { class: *class, code: (*code).into(), message: "m".into() })
                }
                World::Cancel => {
                    events.push(RunEvent::CancelRequested);
                    events.push(machine.abandoned(&call));
                    return events;
                }
                World::NoTime => {
                    events.push(RunEvent::TimeRanOut);
                    None
                }
                _ => None,
            };
            let content = if let World::Result(text) = world { *text } else { "{}" };
            let id = format!("call-{}", machine.steps()).parse().ok();
            let summary =
                CallSummary { turn: call.turn, call: id, tool: call.tool, failure, replayed: call.is_started };
            events.push(RunEvent::CallReturned { call: summary, content: content.into(), labels: BTreeSet::new() });
            events
        }
    }
}

fn not_approved() -> FailureSummary {
    FailureSummary { class: Class::Denied, code: "approval-rejected".into(), message: "not now".into() }
}

/// A run and everything that happened to it.
struct Lived {
    machine: Machine,
    history: Vec<Occurrence>,
}

impl Lived {
    fn begin(models: usize) -> Self {
        Self { machine: Machine::begin(start(models)), history: Vec::new() }
    }

    fn take(&mut self, elapsed: Duration, event: RunEvent) {
        let state = self.machine.after(&event).unwrap();
        self.machine.apply(elapsed, &event).unwrap();
        assert_eq!(self.machine.state(), state);
        self.history.push(Occurrence { elapsed, state, event });
    }

    /// Lives on until the end, in a world that repeats itself. Each step takes `pace`.
    fn live(&mut self, worlds: &[World], pace: Duration) {
        let mut elapsed = self.machine.elapsed();
        let mut world = worlds.iter().cycle().peekable();
        for _ in 0..2000 {
            if self.machine.state().is_end() {
                return;
            }
            let next = self.machine.next(elapsed);
            elapsed += if let Next::Wait(wait) = &next { *wait } else { pace };
            let asks_the_world = matches!(next, Next::Ask(_) | Next::Call(_));
            for event in act(next, world.peek().unwrap(), &self.machine) {
                self.take(elapsed, event);
            }
            if asks_the_world {
                world.next();
            }
        }
        panic!("a run that does not end: {:?}", self.history);
    }
}

fn finish() -> impl Strategy<Value = Finish> {
    prop_oneof![
        4 => Just(Finish::Stop),
        2 => Just(Finish::ToolCalls),
        1 => Just(Finish::Length),
        1 => Just(Finish::ContentFilter),
        1 => Just(Finish::Other("?".into())),
    ]
}

fn world() -> impl Strategy<Value = World> {
    let text = prop_oneof![
        Just(""),
        Just("  "),
        Just("an answer"),
        Just(r#"{"closer":false,"next":"go-back","why":"w"}"#),
        Just(r#"{"closer":true,"next":"go-on","why":"w"}"#)
    ];
    let name = prop_oneof![Just("files__read"), Just("files.write"), Just("nothing"), Just("")];
    let arguments = prop_oneof![Just("{}"), Just(r#"{"path":"a"}"#), Just("[1]"), Just("{\"broken\":"), Just("")];
    let class = prop_oneof![Just(Class::Denied), Just(Class::Tool), Just(Class::InvalidArguments), Just(Class::Trap)];
    let code = prop_oneof![9 => Just("c"), 1 => Just("outcome-unknown")];
    prop_oneof![
        2 => (text, finish()).prop_map(|(text, finish)| World::Text(text, finish)),
        8 => (proptest::collection::vec((name, arguments), 0..20), finish())
            .prop_map(|(calls, finish)| World::Calls(calls, finish)),
        2 => prop_oneof![
            Just(Retry::Never),
            Just(Retry::Later),
            Just(Retry::After(Duration::from_secs(2))),
            Just(Retry::After(Duration::from_secs(9999)))
        ]
        .prop_map(World::ModelFails),
        1 => Just(World::NoTime),
        1 => Just(World::Cancel),
        2 => Just(World::Asks),
        4 => prop_oneof![Just("1"), Just("2"), Just("3")].prop_map(World::Result),
        4 => (class, code).prop_map(|(class, code)| World::Fails(class, code)),
    ]
}

/// What can be seen of a machine.
fn seen(machine: &Machine) -> String {
    let next = machine.next(machine.elapsed());
    format!("{next:?} {:?} {:?} {}", machine.report(), machine.messages(), machine.checkpoint())
}

/// Each call that the model is shown has one result, after it and before anything else.
fn assert_well_formed(messages: &[Message]) {
    let mut open: Vec<&str> = Vec::new();
    let mut used = HashSet::new();
    for message in messages {
        match message {
            Message::Tool { id, .. } => assert_eq!(open.remove(0), id),
            Message::Assistant { calls, .. } => {
                assert!(open.is_empty());
                open.extend(calls.iter().map(|call| call.id.as_str()));
                assert!(open.iter().all(|id| used.insert((*id).to_owned())), "an id twice: {open:?}");
            }
            Message::User(_) | Message::System(_) => assert!(open.is_empty(), "{open:?}"),
        }
    }
}

proptest! {
    #[test]
    fn every_run_ends_and_its_history_tells_where_it_was(
        worlds in proptest::collection::vec(world(), 1..12),
        models in 1_usize..3,
        seconds in 0_u64..30,
        reflect_every in 0_u32..3,
    ) {
        let limits = RunLimits { reflect_every, ..RunLimits::default() };
        let begin = || Machine::begin(Start { limits: limits.clone(), ..start(models) });
        let mut lived = Lived { machine: begin(), history: Vec::new() };
        lived.live(&worlds, Duration::from_secs(seconds));
        let report = lived.machine.report();
        // A reflection may be the turn after the last one, and then there is the last answer.
        prop_assert!(report.turns <= limits.iterations + 2);
        prop_assert!(report.calls.len() <= limits.calls as usize);
        prop_assert!(report.state == State::Completed || report.reason.is_some());
        // As it is stored.
        let stored: Vec<String> = lived.history.iter().map(|happened| serde_json::to_string(happened).unwrap()).collect();
        let read: Vec<Occurrence> = stored.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        prop_assert_eq!(&read, &lived.history);
        let mut live = begin();
        for (index, happened) in lived.history.iter().enumerate() {
            live.apply(happened.elapsed, &happened.event).unwrap();
            let folded = Machine::of(&read[..=index]).unwrap();
            prop_assert_eq!(seen(&folded), seen(&live));
        }
        let is_held = lived.machine.requeue_at() != Some(RequeueAt::Turn);
        if !is_held {
            assert_well_formed(lived.machine.messages());
        }
    }

    #[test]
    fn a_run_that_is_cut_off_anywhere_goes_on_and_makes_no_call_under_another_name(
        worlds in proptest::collection::vec(world(), 1..12),
        seconds in 0_u64..30,
    ) {
        let mut lived = Lived::begin(1);
        lived.live(&worlds, Duration::from_secs(seconds));
        for cut in 1..=lived.history.len() {
            let mut resumed = Lived { machine: Machine::of(&lived.history[..cut]).unwrap(), history: Vec::new() };
            if resumed.machine.state().is_end() {
                continue;
            }
            let waiting = lived.history[..cut].iter().rev().find_map(|happened| match &happened.event {
                RunEvent::CallStarted { key, arguments, .. } => Some(Some((key.clone(), arguments.clone()))),
                RunEvent::CallReturned { .. } | RunEvent::ApprovalRefused { .. } => Some(None),
                _ => None,
            }).flatten();
            resumed.take(resumed.machine.elapsed(), RunEvent::RunResumed { models: None, prices: Vec::new(), fresh: false });
            if let (Some((key, arguments)), Next::Call(call)) = (&waiting, resumed.machine.next(resumed.machine.elapsed())) {
                prop_assert_eq!((key, arguments, call.is_started), (&call.key, &call.arguments, true));
            }
            resumed.live(&worlds, Duration::from_secs(seconds));
            // One key is one call, over both lives.
            let mut keys: HashMap<String, String> = HashMap::new();
            for happened in lived.history[..cut].iter().chain(&resumed.history) {
                if let RunEvent::CallStarted { key: Some(key), arguments, tool, .. } = &happened.event {
                    let call = format!("{tool} {arguments}");
                    prop_assert!(keys.insert(key.to_string(), call).is_none(), "the key {key} is used twice");
                }
            }
        }
    }

    #[test]
    fn a_dead_run_goes_on_with_fresh_budgets(worlds in proptest::collection::vec(world(), 1..12)) {
        let mut lived = Lived::begin(1);
        lived.live(&worlds, Duration::from_secs(1));
        if !matches!(lived.machine.state(), State::Failed | State::TimedOut) {
            return Ok(());
        }
        let elapsed = lived.machine.elapsed();
        lived.take(elapsed, RunEvent::DeadLettered);
        let Some(at) = lived.machine.requeue_at() else { return Ok(()) };
        lived.take(elapsed, RunEvent::Requeued { at });
        lived.live(&[World::Text("an answer", Finish::Stop)], Duration::from_secs(1));
        prop_assert_eq!(lived.machine.state(), State::Completed);
        assert_well_formed(lived.machine.messages());
    }
}

fn calls() -> World {
    World::Calls(vec![("files__write", r#"{"path":"a"}"#), ("files__read", "{}")], Finish::ToolCalls)
}

#[test]
fn the_next_model_of_the_chain_is_asked_where_one_is_given_up_and_kept() {
    let mut lived = Lived::begin(2);
    lived.live(&[World::ModelFails(Retry::Never), World::ModelFails(Retry::Never)], Duration::ZERO);
    assert_eq!(lived.machine.state(), State::Failed);
    let mut lived = Lived::begin(2);
    let never = World::ModelFails(Retry::Never);
    let (one, other) = (World::Result("1"), World::Result("2"));
    lived.live(&[never, calls(), one, other, World::Text("done", Finish::Stop)], Duration::ZERO);
    assert_eq!(lived.machine.state(), State::Completed);
    let asked: Vec<usize> = lived
        .history
        .iter()
        .filter_map(|happened| match happened.event {
            RunEvent::ModelAsked { model, .. } => Some(model),
            _ => None,
        })
        .collect();
    assert_eq!(asked.first(), Some(&0));
    assert!(asked[1..].iter().all(|model| *model == 1), "{asked:?}");
    assert_eq!(lived.machine.report().model.name, "model-1");
}

#[test]
fn a_run_that_is_cut_off_at_one_place_again_and_again_is_given_up() {
    let mut lived = Lived::begin(1);
    let first = lived.machine.next(Duration::ZERO);
    act(first, &World::NoTime, &lived.machine).into_iter().for_each(|event| lived.take(Duration::ZERO, event));
    for _ in 0..=MOST_RESUMES {
        // Asked, and cut off before an answer.
        while !matches!(lived.machine.next(Duration::ZERO), Next::Ask(_)) {
            let Next::Note(event) = lived.machine.next(Duration::ZERO) else { panic!() };
            lived.take(Duration::ZERO, event);
        }
        let Next::Ask(ask) = lived.machine.next(Duration::ZERO) else { panic!() };
        lived.take(Duration::ZERO, ask.event());
        lived.take(Duration::ZERO, RunEvent::RunResumed { models: None, prices: Vec::new(), fresh: false });
    }
    lived.live(&[calls()], Duration::ZERO);
    assert!(matches!(lived.machine.report().reason, Some(Reason::CutOff { .. })));
}

/// A run whose first call waits for a person.
fn awaiting() -> Lived {
    let mut lived = Lived::begin(1);
    let mut worlds = [calls(), World::Asks].into_iter();
    while lived.machine.state() != State::AwaitingApproval {
        let next = lived.machine.next(Duration::ZERO);
        let world = if matches!(next, Next::Note(_)) { World::Asks } else { worlds.next().unwrap() };
        act(next, &world, &lived.machine).into_iter().for_each(|event| lived.take(Duration::ZERO, event));
    }
    lived
}

fn started(lived: &Lived) -> (String, Option<IdempotencyKey>) {
    let found = lived.history.iter().find_map(|happened| match &happened.event {
        RunEvent::CallStarted { arguments, key, .. } => Some((arguments.clone(), key.clone())),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn a_call_that_a_person_lets_be_made_is_the_one_that_was_asked_for_however_often_the_run_is_cut_off() {
    let mut lived = awaiting();
    let asked = started(&lived);
    for _ in 0..2 * MOST_RESUMES {
        let resumed = RunEvent::RunResumed { models: None, prices: Vec::new(), fresh: false };
        lived.take(Duration::ZERO, resumed);
        assert!(matches!(lived.machine.next(Duration::ZERO), Next::Await(_)), "it waits still");
        assert!(lived.machine.open_call().is_none(), "nothing was made");
    }
    lived.take(Duration::ZERO, RunEvent::ApprovalGranted { approval: "approval-1".parse().unwrap() });
    assert_eq!(lived.machine.state(), State::AwaitingTool);
    let Next::Call(call) = lived.machine.next(Duration::ZERO) else { panic!("it is not made") };
    assert_eq!((call.arguments.clone(), call.key.clone()), asked);
    assert!(call.is_started && !call.is_resumed, "nobody has made it");
    lived.live(&[World::Result("1"), World::Result("2"), World::Text("done", Finish::Stop)], Duration::ZERO);
    assert_eq!(lived.machine.state(), State::Completed);
    assert_well_formed(lived.machine.messages());
}

#[test]
fn a_no_is_a_result_that_the_model_hears_and_the_run_goes_on() {
    let mut lived = awaiting();
    let Next::Await(pending) = lived.machine.next(Duration::ZERO) else { panic!("it does not wait") };
    lived.take(Duration::ZERO, pending.refused(not_approved()));
    let heard = |message: &Message| matches!(message, Message::Tool { content, .. } if content.contains("not now"));
    assert!(lived.machine.messages().iter().any(heard));
    lived.live(&[World::Result("2"), World::Text("done", Finish::Stop)], Duration::ZERO);
    assert_eq!(lived.machine.state(), State::Completed);
    assert_well_formed(lived.machine.messages());
}

#[test]
fn a_run_that_waits_for_a_person_can_be_given_up() {
    let mut lived = awaiting();
    lived.take(Duration::ZERO, RunEvent::CancelRequested);
    lived.live(&[World::Text("never", Finish::Stop)], Duration::ZERO);
    assert_eq!(lived.machine.state(), State::Cancelled);
    assert!(lived.machine.report().calls.iter().all(|call| call.failure.is_some()));
}

#[test]
fn an_unknown_outcome_holds_the_run_at_its_call_and_a_requeue_makes_the_same_call() {
    let mut lived = Lived::begin(1);
    lived.live(&[calls(), World::Fails(Class::Host, "outcome-unknown")], Duration::ZERO);
    let report = lived.machine.report();
    assert_eq!(report.state, State::Failed);
    assert!(matches!(report.reason, Some(Reason::Unknown { .. })), "{report:?}");
    let key = |event: &RunEvent| match event {
        RunEvent::CallStarted { key, .. } => key.clone(),
        _ => None,
    };
    let first = lived.history.iter().find_map(|happened| key(&happened.event)).unwrap();
    lived.take(Duration::ZERO, RunEvent::DeadLettered);
    lived.take(Duration::ZERO, RunEvent::Requeued { at: lived.machine.requeue_at().unwrap() });
    let Next::Call(call) = lived.machine.next(Duration::ZERO) else { panic!() };
    assert_eq!((call.key, call.is_started), (Some(first), true));
    lived.live(&[World::Text("done", Finish::Stop)], Duration::ZERO);
    assert_eq!(lived.machine.state(), State::Completed);
    assert_well_formed(lived.machine.messages());
}

#[test]
fn rounds_of_the_same_calls_are_pointed_out_and_then_ended_with_an_answer() {
    let mut lived = Lived::begin(1);
    let one = |tool| World::Calls(vec![(tool, "{}")], Finish::ToolCalls);
    let result = World::Result("1");
    lived.machine = Machine::begin(Start { limits: RunLimits { iterations: 50, ..RunLimits::default() }, ..start(1) });
    lived.live(&[one("files__read"), result.clone(), one("files__write"), result], Duration::ZERO);
    let told = |text: &str| {
        lived
            .machine
            .messages()
            .iter()
            .filter(|message| matches!(message, Message::User(note) if note.contains(text)))
            .count()
    };
    assert_eq!((told("repeat earlier ones"), told("rounds of the same calls")), (1, 1));
    let Some(Reason::Limit { limit: RunLimit::SameResults, .. }) = lived.machine.report().reason else { panic!() };
}

/// A run in the middle of its first call, taken up again by somebody else.
fn cut_off_in_a_call() -> Lived {
    let mut lived = Lived::begin(1);
    while !matches!(lived.machine.next(Duration::ZERO), Next::Call(_)) {
        for event in act(lived.machine.next(Duration::ZERO), &calls(), &lived.machine) {
            lived.take(Duration::ZERO, event);
        }
    }
    let Next::Call(call) = lived.machine.next(Duration::ZERO) else { panic!() };
    lived.take(Duration::ZERO, call.event());
    lived
}

fn resumed() -> RunEvent {
    RunEvent::RunResumed { models: None, prices: Vec::new(), fresh: false }
}

#[test]
fn what_is_refused_after_a_kill_may_have_been_done_before_it() {
    for (class, code, is_unknown) in [
        (Class::Conflict, "key-conflict", true),
        (Class::Conflict, "in-flight", true),
        (Class::Denied, "denied", true),
        (Class::UnknownTool, "unknown-tool", true),
        (Class::InvalidArguments, "invalid-arguments", true),
        (Class::Tool, "no-such-file", false),
        (Class::Conflict, "conflict", false),
    ] {
        let failure = Some(FailureSummary { class, code: code.into(), message: "m".into() });
        let summary = |replayed| CallSummary {
            turn: 1,
            call: None,
            tool: "files.write".into(),
            failure: failure.clone(),
            replayed,
        };
        let returned = |replayed| RunEvent::CallReturned {
            call: summary(replayed),
            content: "{}".into(),
            labels: BTreeSet::new(),
        };
        let is_held = |lived: &Lived| lived.machine.requeue_at() == Some(RequeueAt::Call);
        let mut lived = cut_off_in_a_call();
        lived.take(Duration::ZERO, resumed());
        lived.take(Duration::ZERO, returned(false));
        assert_eq!(is_held(&lived), is_unknown, "{code}");
        // A stored outcome is what became of it, and a live call was not made before.
        let mut lived = cut_off_in_a_call();
        lived.take(Duration::ZERO, resumed());
        lived.take(Duration::ZERO, returned(true));
        assert!(!is_held(&lived), "{code}");
        let mut lived = cut_off_in_a_call();
        lived.take(Duration::ZERO, returned(false));
        assert!(!is_held(&lived), "{code}");
    }
}

#[test]
fn a_call_that_was_given_up_is_not_made_again_after_a_kill() {
    let mut lived = cut_off_in_a_call();
    lived.take(Duration::ZERO, RunEvent::CancelRequested);
    lived.take(Duration::ZERO, resumed());
    lived.live(&[World::Result("1")], Duration::ZERO);
    assert_eq!(lived.machine.state(), State::Cancelled);
    assert!(lived.machine.report().calls.iter().all(|call| call.call.is_none()));
}

#[test]
fn a_call_whose_arguments_lost_a_secret_is_not_made() {
    let write = World::Calls(vec![("files__write", r#"{"text":"[redacted]"}"#)], Finish::ToolCalls);
    let mut lived = Lived::begin(1);
    while !matches!(lived.machine.next(Duration::ZERO), Next::Call(_)) {
        for event in act(lived.machine.next(Duration::ZERO), &write, &lived.machine) {
            lived.take(Duration::ZERO, event);
        }
    }
    lived.take(Duration::ZERO, resumed());
    let Next::Note(RunEvent::CallRejected { failure, .. }) = lived.machine.next(Duration::ZERO) else { panic!() };
    assert_eq!(failure.code, "secret-taken-out");
}

#[test]
fn labels_of_what_the_model_was_not_shown_do_not_count() {
    let label: Label = "untrusted".parse().unwrap();
    let failure = FailureSummary { class: Class::Host, code: "outcome-unknown".into(), message: "m".into() };
    let call = CallSummary { turn: 1, call: None, tool: "a".into(), failure: Some(failure), replayed: false };
    let mut lived = cut_off_in_a_call();
    let labels: BTreeSet<Label> = [label].into();
    lived.take(Duration::ZERO, RunEvent::CallReturned { call, content: String::new(), labels });
    assert!(lived.machine.labels().is_empty());
}

#[test]
fn an_answer_that_is_not_what_was_asked_for_is_asked_for_again_and_then_taken_as_partial() {
    let schema = json!({"type": "object", "required": ["n"]});
    let with_schema = || Machine::begin(Start { answer_schema: Some(schema.clone()), ..start(1) });
    let answer = |text| World::Text(text, Finish::Stop);
    let mut lived = Lived { machine: with_schema(), history: Vec::new() };
    lived.live(&[answer("one"), answer("{}"), answer(r#"{"n":1}"#)], Duration::ZERO);
    assert_eq!((lived.machine.state(), lived.machine.report().turns), (State::Completed, 3));
    let Some(Message::System(rules)) = lived.machine.messages().first() else { panic!() };
    assert!(rules.contains(&schema.to_string()), "{rules}");
    let mut lived = Lived { machine: with_schema(), history: Vec::new() };
    lived.live(&[answer("one")], Duration::ZERO);
    let report = lived.machine.report();
    assert_eq!((report.state, report.answer.as_deref(), report.turns), (State::Partial, Some("one"), 4));
    assert!(matches!(report.reason, Some(Reason::NotAsAsked { .. })), "{report:?}");
    assert_well_formed(lived.machine.messages());
}

#[test]
fn a_history_of_something_else_is_refused() {
    assert!(matches!(Machine::of(&[]), Err(Unreadable::NoStart)));
    let happened = |event| Occurrence { elapsed: Duration::ZERO, state: State::Processing, event };
    let begin = |version| happened(RunEvent::RunStarted(Box::new(Start { version, ..start(1) })));
    assert!(matches!(Machine::of(&[begin(VERSION + 1)]), Err(Unreadable::Newer(2))));
    let settled = happened(RunEvent::CallReturned {
        call: CallSummary { turn: 1, call: None, tool: "a".into(), failure: None, replayed: false },
        content: String::new(),
        labels: BTreeSet::new(),
    });
    assert!(matches!(Machine::of(&[begin(VERSION), settled]), Err(Unreadable::Refused { step: 2, .. })));
}

/// What was written once must be readable for ever: this text is never edited, only added to.
#[test]
fn a_history_of_the_first_version_is_read() {
    let texts = [
        r#"{"milliseconds":0,"state":"processing","event":"run-started","version":1,"run":"r","task":"t","mode":"live","models":[{"name":"scripted:s.toml","kind":"scripted"}],"tools":[{"name":"a.b","description":"d","input_schema":{}}],"limits":{"iterations":10,"time":300000}}"#,
        r#"{"milliseconds":1,"state":"awaiting-model","event":"model-asked","turn":1,"attempt":1,"model":0,"with_tools":true}"#,
        r#"{"milliseconds":2,"state":"awaiting-model","event":"model-failed","code":"c","message":"m","retry":{"after":5}}"#,
        r#"{"milliseconds":2,"state":"retrying","event":"model-retry-scheduled","code":"c","message":"m","wait_milliseconds":5}"#,
        r#"{"milliseconds":7,"state":"retrying","event":"run-resumed"}"#,
        r#"{"milliseconds":7,"state":"awaiting-model","event":"model-asked","turn":1,"attempt":2,"model":0,"with_tools":true}"#,
        r#"{"milliseconds":9,"state":"validating","event":"model-answered","turn":1,"answer":{"text":"","calls":[{"id":"1","name":"a__b","arguments":"{}"},{"id":"2","name":"x","arguments":"{}"}],"finish":"tool-calls","tokens":{"input":1,"output":2,"estimated":false},"served_by":null}}"#,
        r#"{"milliseconds":9,"state":"awaiting-tool","event":"call-started","turn":1,"tool":"a.b","arguments":"{}","key":"run-1"}"#,
        r#"{"milliseconds":9,"state":"validating","event":"call-returned","call":{"turn":1,"call":"c","tool":"a.b","failure":null,"replayed":false},"content":"{\"data\":1}","labels":["private"]}"#,
        r#"{"milliseconds":9,"state":"validating","event":"call-rejected","turn":1,"tool":"x","failure":{"class":"unknown-tool","code":"unknown-tool","message":"m"}}"#,
        r#"{"milliseconds":9,"state":"processing","event":"turn-settled","turn":1}"#,
        r#"{"milliseconds":9,"state":"reflecting","event":"limit-reached","limit":"iterations"}"#,
        r#"{"milliseconds":9,"state":"awaiting-model","event":"model-asked","turn":2,"attempt":1,"with_tools":false}"#,
        r#"{"milliseconds":9,"state":"awaiting-model","event":"time-ran-out"}"#,
        r#"{"milliseconds":9,"state":"failed","event":"run-ended","end":"failed","reason":{"kind":"limit","limit":"iterations","words":"10 turns"}}"#,
        r#"{"milliseconds":9,"state":"dead-lettered","event":"dead-lettered"}"#,
        r#"{"milliseconds":9,"state":"processing","event":"requeued","at":"turn"}"#,
        r#"{"milliseconds":9,"state":"processing","event":"cancel-requested"}"#,
        r#"{"milliseconds":9,"state":"cancelled","event":"run-ended","end":"cancelled","reason":{"kind":"cancelled"}}"#,
    ];
    let history: Vec<Occurrence> = texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let machine = Machine::of(&history).unwrap();
    assert_eq!((machine.state(), machine.report().calls.len()), (State::Cancelled, 1));
    assert_eq!(machine.start().limits, RunLimits::default());
    assert_eq!(machine.labels().iter().map(Label::as_str).collect::<Vec<_>>(), ["private"]);
}
