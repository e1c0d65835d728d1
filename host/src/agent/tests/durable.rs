//! What a run does when what happens to it cannot be recorded: nothing more.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use toolhold_core::state::State;

use super::support::{FakeTools, ListModel, ManualClock, TestClock, calls, table, text};
use crate::agent::model::Model;
use crate::agent::{Act, Agent, Engine, Machine, Occurrence, RunEvent, RunLimits, Task, Unrecorded};

/// Keeps steps, up to a number of them; then the disk is full.
#[derive(Default)]
struct Disk {
    kept: Vec<Occurrence>,
    room: usize,
}

impl Engine for Disk {
    fn once<'a>(&'a mut self, machine: &'a Machine, act: Act<'a>) -> BoxFuture<'a, Result<Occurrence, Unrecorded>> {
        Box::pin(async move {
            let (elapsed, event) = act.await;
            let happened = machine.place(elapsed, event)?;
            if self.kept.len() >= self.room {
                return Err(Unrecorded::Failed("the disk is full".into()));
            }
            self.kept.push(happened.clone());
            Ok(happened)
        })
    }
}

struct World {
    tools: FakeTools,
    clock: TestClock,
}

impl World {
    fn new() -> Self {
        let clock = TestClock(Arc::new(ManualClock::hurried()));
        let cancel = CancellationToken::new();
        let tools = FakeTools { does: table(), asked: std::sync::Mutex::default(), clock: clock.clone(), cancel };
        Self { tools, clock }
    }

    /// Works on a run, new or on record; what was observed of it.
    async fn work(&self, disk: &mut Disk) -> (Machine, Vec<RunEvent>, bool) {
        let turns = vec![Ok(calls(&[("files__read", "{}"), ("web__get", "{}")])), Ok(text("done"))];
        let mut list = ListModel::new(self.clock.clone(), turns);
        let agent = Agent {
            tools: &self.tools,
            limits: RunLimits::default(),
            clock: Arc::new(self.clock.clone()),
            cancel: CancellationToken::new(),
            quota: None,
        };
        let mut models: [Box<dyn Model + '_>; 1] = [Box::new(&mut list)];
        let task = Task::new("run-1".parse().unwrap(), "do it");
        let mut machine = match Machine::of(&disk.kept) {
            Ok(machine) => machine,
            Err(_) => Machine::begin(agent.start(&models, task)),
        };
        if machine.steps() > 0 {
            let happened = machine
                .place(machine.elapsed(), RunEvent::RunResumed { models: None, prices: Vec::new(), fresh: false })
                .unwrap();
            machine.apply(happened.elapsed, &happened.event).unwrap();
            disk.kept.push(happened);
        }
        let mut seen = Vec::new();
        let mut observe = |happened: &Occurrence| seen.push(happened.event.clone());
        let stopped = agent.carry_on(&mut machine, &mut models, disk, &mut observe).await.is_err();
        seen.retain(RunEvent::is_kept);
        (machine, seen, stopped)
    }

    fn reached(&self) -> usize {
        self.tools.asked.lock().unwrap().len()
    }
}

#[tokio::test]
async fn nothing_is_done_and_nobody_hears_of_what_is_not_on_record() {
    for room in 0..13 {
        let world = World::new();
        let mut disk = Disk { room, ..Disk::default() };
        let (machine, seen, stopped) = world.work(&mut disk).await;
        let recorded: Vec<_> = disk.kept.iter().map(|happened| happened.event.clone()).collect();
        assert_eq!(seen, recorded, "{room}");
        assert_eq!(machine.steps(), recorded.len() as u64, "{room}");
        let started = recorded.iter().filter(|event| matches!(event, RunEvent::CallStarted { .. })).count();
        assert_eq!(world.reached(), started, "{room}: a call that is not on record was made");
        assert_eq!(stopped, !machine.state().is_end(), "{room}");
    }
}

#[tokio::test]
async fn a_run_that_was_stopped_goes_on_as_if_it_had_not_been() {
    let world = World::new();
    let mut whole = Disk { room: usize::MAX, ..Disk::default() };
    let (undisturbed, ..) = world.work(&mut whole).await;
    assert_eq!(undisturbed.state(), State::Completed);
    for room in 1..whole.kept.len() {
        let world = World::new();
        let mut disk = Disk { room, ..Disk::default() };
        world.work(&mut disk).await;
        disk.room = usize::MAX;
        // Asked again where its answer is not on record: the list gives its first turn to whoever asks first.
        let answered = disk.kept.iter().any(|happened| matches!(happened.event, RunEvent::ModelAnswered { .. }));
        if answered {
            continue;
        }
        let (machine, ..) = world.work(&mut disk).await;
        assert_eq!(machine.state(), State::Completed, "{room}");
        assert_eq!(machine.messages(), undisturbed.messages(), "{room}");
    }
}
