//! A run that waits for a person: its clock stands still, the call is made once, a no is heard.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use toolhold_core::state::State;

use super::support::{Does, FakeTools, ListModel, ManualClock, TestClock, calls, text};
use crate::agent::{Agent, Message, Occurrence, RunEvent, RunLimits, RunReport, Task};

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
