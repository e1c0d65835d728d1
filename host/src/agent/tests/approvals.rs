//! A run that waits for a person: its clock stands still, the call is made once, a no is heard.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use toolhold_core::call::ToolCall;
use toolhold_core::id::ApprovalId;
use toolhold_core::outcome::{CallReport, Class, Failure, Outcome};
use toolhold_core::run::{FailureSummary, Machine, Next, Reason};
use toolhold_core::state::State;

use super::support::{Does, FakeTools, ListModel, ManualClock, TestClock, calls, text};
use crate::agent::engine::Forgetful;
use crate::agent::model::Model;
use crate::agent::{Agent, Message, Occurrence, RunEvent, RunLimits, RunReport, Task, ToolSpec, Tools};

/// A run of one call, about which a person is asked who takes a day to say this.
async fn played(says: Result<(), &'static str>) -> (RunReport, Vec<Occurrence>, usize, Vec<Message>) {
    let clock = TestClock(Arc::new(ManualClock::hurried()));
    let cancel = CancellationToken::new();
    let does = HashMap::from([("files.move", Does::Asks(says))]);
    let tools = FakeTools { does, asked: Mutex::default(), clock: clock.clone(), cancel: cancel.clone() };
    let turns = vec![Ok(calls(&[("files__move", "{}")])), Ok(text("done"))];
    let mut model = ListModel::new(clock.clone(), turns);
    let agent = Agent { tools: &tools, limits: RunLimits::default(), clock: Arc::new(clock), cancel, quota: None };
    let mut events = Vec::new();
    let task = Task::new("run-1".parse().unwrap(), "do it");
    let report = agent.run(&mut model, task, &mut |occurrence| events.push(occurrence.clone())).await;
    let asked = tools.asked.lock().unwrap().len();
    (report, events, asked, model.seen.last().unwrap().0.clone())
}

#[tokio::test]
async fn a_day_of_waiting_for_a_person_is_no_time_of_the_run() {
    let (report, events, asked, _) = played(Ok(())).await;
    assert_eq!((report.state, report.calls.len(), asked), (State::Completed, 1, 2), "{report:?}");
    assert!(report.calls[0].failure.is_none() && report.elapsed < Duration::from_secs(60), "{report:?}");
    let waited = events.iter().any(|happened| happened.state == State::AwaitingApproval);
    let started = events.iter().filter(|happened| matches!(happened.event, RunEvent::CallStarted { .. })).count();
    assert!(waited && started == 1, "it is one call of the run: {events:?}");
}

#[tokio::test]
async fn a_no_is_heard_by_the_model_and_the_call_is_not_made() {
    let (report, _, asked, heard) = played(Err("it is precious")).await;
    assert_eq!((report.state, asked), (State::Completed, 1), "{report:?}");
    let heard =
        heard.iter().any(|message| matches!(message, Message::Tool { content, .. } if content.contains("precious")));
    assert!(heard && report.calls[0].failure.is_some(), "{report:?}");
}

/// Tools of which a person is asked, and which know whether the call was made before.
struct Asked {
    tools: FakeTools,
    refusal: Failure,
    made: bool,
}

impl Tools for Asked {
    fn specs(&self) -> Vec<ToolSpec> {
        self.tools.specs()
    }

    async fn call(&self, call: ToolCall, cancel: CancellationToken) -> CallReport {
        CallReport { outcome: Outcome::Failure(self.refusal.clone()), ..self.tools.call(call, cancel).await }
    }

    async fn decided(&self, approval: &ApprovalId) -> Result<(), FailureSummary> {
        self.tools.decided(approval).await
    }

    async fn may_have_made(&self, _call: &ToolCall) -> bool {
        self.made
    }
}

/// A run that was cut off in its call, and is taken up where a person has to decide on it, who says no.
async fn taken_up(refusal: Failure, made: bool) -> (RunReport, Vec<Occurrence>) {
    let clock = TestClock(Arc::new(ManualClock::hurried()));
    let cancel = CancellationToken::new();
    let does = HashMap::from([("files.move", Does::Asks(Err("it is precious")))]);
    let tools = FakeTools { does, asked: Mutex::default(), clock: clock.clone(), cancel: cancel.clone() };
    let tools = Asked { tools, refusal, made };
    let mut list = ListModel::new(clock.clone(), vec![Ok(text("done"))]);
    let agent = Agent { tools: &tools, limits: RunLimits::default(), clock: Arc::new(clock), cancel, quota: None };
    let mut models: [Box<dyn Model + '_>; 1] = [Box::new(&mut list)];
    let mut machine = Machine::begin(agent.start(&models, Task::new("run-1".parse().unwrap(), "do it")));
    while machine.open_call().is_none() {
        let events = match machine.next(Duration::ZERO) {
            Next::Note(event) => vec![event],
            Next::Ask(ask) => {
                let answer = calls(&[("files__move", "{}")]);
                vec![ask.event(), RunEvent::ModelAnswered { turn: 1, answer }]
            }
            Next::Call(call) => vec![call.event()],
            next => panic!("{next:?}"),
        };
        events.iter().for_each(|event| machine.apply(Duration::ZERO, event).unwrap());
    }
    let resumed = RunEvent::RunResumed { models: None, prices: Vec::new(), fresh: false };
    machine.apply(Duration::ZERO, &resumed).unwrap();
    let mut events = Vec::new();
    let mut observe = |happened: &Occurrence| events.push(happened.clone());
    agent.carry_on(&mut machine, &mut models, &mut Forgetful, &mut observe).await.unwrap();
    (machine.report(), events)
}

#[tokio::test]
async fn what_a_person_is_asked_about_after_a_kill_may_have_been_done_before_it() {
    let awaiting = Failure::new(Class::AwaitingApproval, "awaiting-approval", "later");
    let awaiting = Failure { approval: "approval-1".parse().ok(), ..awaiting };
    let full = Failure::new(Class::Unavailable, "approvals-full", "too many");
    let limited = Failure::new(Class::Unavailable, "prompts-limited", "too often");
    for refusal in [awaiting, full, limited] {
        let code = refusal.code.clone();
        let (report, events) = taken_up(refusal.clone(), true).await;
        assert!(matches!(report.reason, Some(Reason::Unknown { .. })), "{code}: {report:?}");
        let asks = events.iter().any(|happened| matches!(happened.event, RunEvent::ApprovalRequested { .. }));
        assert!(!asks, "{code}: a no would be one to what was done");
        let (report, _) = taken_up(refusal, false).await;
        assert_eq!(report.state, State::Completed, "{code}: it was not made, and that is known");
        assert!(report.calls[0].failure.is_some());
    }
}
