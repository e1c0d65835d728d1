//! Whatever happened, in whatever order, and whenever it is pruned: what is left can be verified, and nothing that is not over is gone.

use std::collections::{BTreeMap, BTreeSet};

use toolhold_core::call::Mode;
use toolhold_core::event::{Effects, Event};
use toolhold_core::id::{Digest, RunId};
use toolhold_core::state::State as RunState;

use super::support::{State, call_id, intent, success, validated};
use crate::journal::{
    Durability, Intent, Journal, Options, PlanKind, PlanState, Planned, Prune, RunHead, RunStep, Settlement,
};

/// The same numbers every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// What a call is at, as the test knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Running(Effects),
    Planned,
    Landed,
    Unknown,
    Over,
}

struct World {
    journal: Journal,
    runtime: tokio::runtime::Runtime,
    dice: Dice,
    now: u64,
    calls: BTreeMap<String, At>,
    runs: BTreeMap<String, (u64, RunState)>,
    expired: BTreeSet<String>,
}

impl World {
    fn new(state: &State, seed: u64) -> Self {
        let options = Options { now: 1, durability: Durability::Normal, ..Options::default() };
        Self {
            journal: Journal::open(&state.path(), &options).unwrap(),
            runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
            dice: Dice(seed),
            now: 1,
            calls: BTreeMap::new(),
            runs: BTreeMap::new(),
            expired: BTreeSet::new(),
        }
    }

    fn act(&mut self) {
        self.now += 1;
        match self.dice.below(10) {
            0..=2 => self.begin(),
            3..=6 => self.go_on(),
            7 => self.run(),
            8 => {
                let text = [u8::try_from(self.dice.below(3)).unwrap()];
                let event = Event::ManifestLoaded { manifest: Digest::of(&text), path: "/m".into() };
                self.runtime.block_on(self.journal.announce(self.now, event)).unwrap();
            }
            _ => self.expire_run(),
        }
    }

    fn begin(&mut self) {
        let name = format!("c{}", self.now);
        let effects = [Effects::None, Effects::Possible, Effects::Staged][usize::try_from(self.dice.below(3)).unwrap()];
        // Of a run of an agent, if there is one that goes on, or of a client.
        let live = self.runs.iter().find(|(_, (_, state))| *state == RunState::Processing);
        let run: RunId = live.map_or("client", |(run, _)| run.as_str()).parse().unwrap();
        let checked = validated("component", "write", "{}");
        let begun = Intent::new(call_id(&name), run, &checked, Mode::Live, effects, self.now);
        self.journal.admit_blocking(begun).unwrap();
        self.calls.insert(name, At::Running(effects));
    }

    /// Some call gets further.
    fn go_on(&mut self) {
        let open: Vec<(String, At)> =
            self.calls.iter().filter(|(_, at)| **at != At::Over).map(|(name, at)| (name.clone(), *at)).collect();
        if open.is_empty() {
            return;
        }
        let (name, at) = open[usize::try_from(self.dice.below(open.len() as u64)).unwrap()].clone();
        let call = call_id(&name);
        let settled = |effects, now| Settlement { at: now, ..success("1", effects) };
        let next = match (at, self.dice.below(4)) {
            (At::Running(Effects::Possible), 0) => {
                self.journal.park_blocking(&call, "nobody knows".into(), self.now).unwrap();
                At::Unknown
            }
            (At::Running(Effects::Staged), 0..=1) => {
                let (plan, effects, outcome) = ("{}".into(), "{}".into(), "1".into());
                let kind = PlanKind::Commit;
                let planned = Planned { call, kind, plan, effects, outcome, kept_bytes: 1, at: self.now };
                self.journal.plan_blocking(planned).unwrap();
                At::Planned
            }
            (At::Running(effects), 1) => {
                let nothing = Settlement::nothing("it did nothing", effects, self.now);
                self.journal.settle_blocking(&call, nothing).unwrap();
                At::Over
            }
            (At::Running(effects), _) => {
                self.journal.settle_blocking(&call, settled(effects, self.now)).unwrap();
                At::Over
            }
            (At::Planned, _) => {
                let landed = settled(Effects::Staged, self.now).landed("{}".into());
                self.journal.settle_blocking(&call, landed).unwrap();
                At::Landed
            }
            (At::Landed, 0) => {
                self.journal.flush_blocking().unwrap();
                self.runtime.block_on(self.journal.expire(&call, PlanState::Landed, self.now)).unwrap();
                At::Over
            }
            (At::Unknown, 0) => {
                self.runtime.block_on(self.journal.resolve(&call, None, self.now)).unwrap();
                At::Over
            }
            (at, _) => at,
        };
        self.calls.insert(name, next);
    }

    /// A run begins, or gets further.
    fn run(&mut self) {
        let open = self.runs.iter().find(|(_, (_, state))| !state.is_end()).map(|(run, at)| (run.clone(), at.0));
        let (name, step) = open.unwrap_or_else(|| (format!("r{}", self.now), 0));
        let run: RunId = name.parse().unwrap();
        let state = match (step, self.dice.below(3)) {
            (0, _) | (_, 0) => RunState::Processing,
            (_, 1) => RunState::Completed,
            _ => RunState::DeadLettered,
        };
        let begun = Event::RunStarted { run: run.clone(), front: "test".into(), manifest: None };
        let end = state.to_string();
        let ended = Event::RunEnded { run: run.clone(), end, reason: None, steps: None, history: None };
        let head = RunHead { task: "a task".into(), mode: Mode::Live, origin: None };
        let step = RunStep {
            run,
            step: step + 1,
            state,
            body: "{}".into(),
            head: (step == 0).then_some(head),
            event: if step == 0 { Some(begun) } else { state.is_end().then_some(ended) },
            waits: true,
            durable: false,
            at: self.now,
        };
        self.runs.insert(name, (step.step, state));
        self.runtime.block_on(self.journal.run_step(step)).unwrap();
    }

    fn expire_run(&mut self) {
        let over =
            self.runs.iter().find(|(name, (_, state))| *state == RunState::Completed && !self.expired.contains(*name));
        if let Some(name) = over.map(|(name, _)| name.clone()) {
            self.runtime.block_on(self.journal.expire_run(&name.parse().unwrap(), self.now)).unwrap();
            self.expired.insert(name);
        }
    }

    fn prune(&mut self, before: u64) -> u64 {
        self.journal.flush_blocking().unwrap();
        let prune = Prune { before, by: "test".into(), at: self.now };
        let foreseen = self.journal.reader().unwrap().prunable(before, &BTreeSet::new()).unwrap();
        let removed = self.runtime.block_on(self.journal.prune(prune)).unwrap();
        assert_eq!(removed, foreseen);
        let reader = self.journal.reader().unwrap();
        reader.verify(None).unwrap();
        for (name, at) in self.calls.iter().filter(|(_, at)| **at != At::Over) {
            assert!(reader.get(&call_id(name)).unwrap().is_some(), "{name} {at:?}");
        }
        for (name, (steps, _)) in self.runs.iter().filter(|(name, _)| !self.expired.contains(*name)) {
            let run = name.parse().unwrap();
            assert_eq!(reader.run_events(&run).unwrap().len() as u64, *steps, "{name}");
        }
        removed.entries
    }
}

#[test]
fn what_is_left_holds_after_any_history() {
    for seed in 0..12 {
        let state = State::new();
        let mut world = World::new(&state, seed);
        for _ in 0..8 {
            (0..15).for_each(|_| world.act());
            // Some of it, at any place: between the entries of a call, too.
            let before = world.dice.below(world.now + 1);
            world.prune(before);
        }
        // Whatever was said again is old as well.
        for _ in 0..3 {
            world.now += 1;
            world.prune(world.now);
        }
        let over = world.calls.values().filter(|at| **at == At::Over).count();
        drop(world);
        let journal = state.open();
        journal.reader().unwrap().verify(None).unwrap();
        assert!(over > 0, "seed {seed} says nothing");
        journal.admit_blocking(intent("after", Effects::None)).unwrap();
    }
}
