//! How well tools, models and runs work, by what the journal knows.
//!
//! It reads and tells; it changes nothing. What is left alone because of faults is a matter of [breakers](crate::attempt).

use std::collections::BTreeMap;

use serde::Serialize;
use toolhold_core::health::{Health, Sample, fence};
use toolhold_core::id::RunId;
use toolhold_core::outcome::{Class, Failure};
use toolhold_core::run::{Occurrence, RunEvent};
use toolhold_core::state::State;

use crate::journal::{CallUse, Error, Reader, RunFilter};
use crate::runs::Past;

/// Most calls and runs that are looked at, the latest ones.
const CALLS: u32 = 10_000;
const RUNS: u32 = 500;

/// How well one thing works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Named {
    /// Which: `tool:files.read`, `model:openai:gpt-5`, `runs`.
    pub name: String,
    /// How well.
    #[serde(flatten)]
    pub health: Health,
}

/// A run that is unlike the ones before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unusual {
    /// Which run.
    pub run: RunId,
    /// What is unusual: `turns` or `failed calls`.
    pub what: &'static str,
    /// How many it had.
    pub number: u64,
    /// How many are usual at most.
    pub usual: u64,
}

/// How well everything works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// Tools, models, and runs as a whole, by name.
    pub health: Vec<Named>,
    /// Runs in the window that are unlike the ones before them, the latest first.
    pub unusual: Vec<Unusual>,
    /// How many of the runs that were looked at took so many turns.
    pub turns: BTreeMap<u32, usize>,
}

/// Uses by name, within the window and before it.
#[derive(Default)]
struct Uses(BTreeMap<String, (Vec<Sample>, Vec<Sample>)>);

impl Uses {
    fn add(&mut self, name: String, is_within: bool, sample: Sample) {
        let (within, before) = self.0.entry(name).or_default();
        if is_within { within.push(sample) } else { before.push(sample) }
    }

    fn judged(self) -> Vec<Named> {
        let judge = |(name, (within, before)): (String, (Vec<Sample>, Vec<Sample>))| Named {
            name,
            health: Health::of(&within, &before),
        };
        self.0.into_iter().map(judge).collect()
    }
}

/// A number of a run.
type Measure = fn(&Trajectory) -> u64;

/// What a run took.
struct Trajectory {
    run: RunId,
    is_within: bool,
    turns: u32,
    failed_calls: u64,
}

impl Overview {
    /// From what the journal knows; `since` is where the window begins, in microseconds since 1970.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    pub fn of(reader: &Reader, since: u64) -> Result<Self, Error> {
        let mut uses = Uses::default();
        for call in reader.uses(CALLS)? {
            if let Some(sample) = of_call(&call) {
                uses.add(format!("tool:{}", call.tool), call.admitted_at >= since, sample);
            }
        }
        let mut trajectories = Vec::new();
        for record in reader.runs(&RunFilter { limit: RUNS, ..RunFilter::default() })? {
            // What cannot be read is a matter for `audit verify`.
            let Ok(past) = Past::of(reader, &record.run) else { continue };
            let is_within = record.started_at >= since;
            // The first steps of a fork are those of another run.
            let copied = record.origin.as_ref().map_or(0, |origin| usize::try_from(origin.step).unwrap_or(usize::MAX));
            of_models(&past.history, copied, is_within, &mut uses);
            let Ok(machine) = past.machine() else { continue };
            let report = machine.report();
            if !report.state.is_end() || report.state == State::Cancelled || copied > 0 {
                continue;
            }
            let is_fault = matches!(report.state, State::Failed | State::TimedOut | State::DeadLettered);
            let micros = u64::try_from(report.elapsed.as_micros()).unwrap_or(u64::MAX);
            uses.add("runs".to_owned(), is_within, Sample { is_fault, micros });
            let failed_calls = report.calls.iter().filter(|call| call.failure.is_some()).count() as u64;
            trajectories.push(Trajectory { run: record.run, is_within, turns: report.turns, failed_calls });
        }
        let mut turns = BTreeMap::new();
        trajectories.iter().for_each(|trajectory| *turns.entry(trajectory.turns).or_default() += 1);
        Ok(Self { health: uses.judged(), unusual: unusual(&trajectories), turns })
    }
}

/// What a call says of its tool; `None` where that is nothing.
fn of_call(call: &CallUse) -> Option<Sample> {
    let micros = call.settled_at?.saturating_sub(call.admitted_at);
    let is_fault = match (call.succeeded?, &call.failure) {
        (true, _) => false,
        (false, Some(text)) => is_fault(&serde_json::from_str(text).ok()?)?,
        (false, None) => return None,
    };
    Some(Sample { is_fault, micros })
}

fn is_fault(failure: &Failure) -> Option<bool> {
    match failure.class {
        _ if failure.dependency => Some(true),
        Class::Trap | Class::InvalidOutput | Class::Limit | Class::Unavailable => Some(true),
        Class::Tool | Class::InvalidArguments => Some(false),
        Class::UnknownTool
        | Class::Denied
        | Class::Conflict
        | Class::Withheld
        | Class::Cancelled
        | Class::Busy
        | Class::Host => None,
    }
}

/// What the steps of a run say of its models.
fn of_models(history: &[Occurrence], copied: usize, is_within: bool, uses: &mut Uses) {
    let mut models = Vec::new();
    let mut asked: Option<(usize, std::time::Duration)> = None;
    for (index, happened) in history.iter().enumerate() {
        let is_fault = match &happened.event {
            RunEvent::RunStarted(start) => {
                models.clone_from(&start.models);
                continue;
            }
            RunEvent::RunResumed { models: Some(others), .. } => {
                models.clone_from(others);
                continue;
            }
            RunEvent::ModelAsked { model, .. } => {
                asked = Some((*model, happened.elapsed));
                continue;
            }
            RunEvent::ModelAnswered { .. } => false,
            RunEvent::ModelFailed { .. } => true,
            _ => continue,
        };
        let Some((model, at)) = asked.take().filter(|_| index >= copied) else { continue };
        if let Some(model) = models.get(model) {
            let micros = u64::try_from(happened.elapsed.saturating_sub(at).as_micros()).unwrap_or(u64::MAX);
            uses.add(format!("model:{}", model.name), is_within, Sample { is_fault, micros });
        }
    }
}

fn unusual(trajectories: &[Trajectory]) -> Vec<Unusual> {
    let earlier = |of: Measure| -> Option<u64> {
        fence(&trajectories.iter().filter(|trajectory| !trajectory.is_within).map(of).collect::<Vec<_>>())
    };
    let measures: [(&'static str, Measure); 2] =
        [("turns", |trajectory| u64::from(trajectory.turns)), ("failed calls", |trajectory| trajectory.failed_calls)];
    let mut found = Vec::new();
    for (what, of) in measures {
        let Some(usual) = earlier(of) else { continue };
        let beyond = trajectories.iter().filter(|trajectory| trajectory.is_within && of(trajectory) > usual);
        found.extend(beyond.map(|trajectory| Unusual {
            run: trajectory.run.clone(),
            what,
            number: of(trajectory),
            usual,
        }));
    }
    found
}
