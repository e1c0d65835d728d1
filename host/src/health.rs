//! How well tools, models and runs work, by what the journal knows.
//!
//! It reads and tells; it changes nothing. What is left alone because of faults is a matter of [breakers](crate::attempt).

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use toolhold_core::health::{Confidence, Ending, Health, LEAST_SAMPLES, Sample, fence};
use toolhold_core::id::{Digest, RunId};
use toolhold_core::outcome::{Class, Failure};
use toolhold_core::run::{Identity, Occurrence, RunEvent, ToolSpec};
use toolhold_core::state::State;

use crate::journal::{CallUse, Error, Reader, RunFilter};
use crate::runs::Past;

/// Most calls and runs that are looked at, the latest ones.
const CALLS: u32 = 10_000;
const RUNS: u32 = 500;

/// How many of the latest runs with a set of tools say what may be expected of it.
const TRUSTED: usize = 50;

/// How long a first choice may fail, in microseconds: 15 minutes.
const LONG_AWAY: u64 = 15 * 60 * 1_000_000;

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

/// How well runs went with one set of tools: the same tools of the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolSet {
    /// The digest of the tools and their bytes.
    pub digest: Digest,
    /// When the first of its runs began, in microseconds since 1970.
    pub since: u64,
    /// What its runs let one expect.
    #[serde(flatten)]
    pub confidence: Confidence,
}

/// A model that is the first choice, and has not answered for long although it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Away {
    /// The model.
    pub model: String,
    /// When it failed first since it has answered last, in microseconds since 1970.
    pub since: u64,
    /// How often it was asked in vain since then.
    pub failures: u64,
}

/// How well everything works.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// Tools, models, agents, and runs as a whole, by name.
    pub health: Vec<Named>,
    /// The sets of tools that runs had, the latest first.
    pub tool_sets: Vec<ToolSet>,
    /// The earlier set of tools with which runs went clearly better than with the present one.
    pub better_before: Option<ToolSet>,
    /// First choices that are away for long.
    pub away: Vec<Away>,
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
        let mut sets: Vec<(Digest, u64, Vec<Ending>)> = Vec::new();
        let mut asked = Vec::new();
        for record in reader.runs(&RunFilter { limit: RUNS, ..RunFilter::default() })? {
            // What cannot be read is a matter for `audit verify`.
            let Ok(past) = Past::of(reader, &record.run) else { continue };
            let is_within = record.started_at >= since;
            // The first steps of a fork are those of another run.
            let copied = record.origin.as_ref().map_or(0, |origin| usize::try_from(origin.step).unwrap_or(usize::MAX));
            of_models(&past.history, copied, is_within, &mut uses);
            first_choice(&past, copied, &mut asked);
            let Ok(machine) = past.machine() else { continue };
            let report = machine.report();
            if !report.state.is_end() || report.state == State::Cancelled || copied > 0 {
                continue;
            }
            let is_fault = matches!(report.state, State::Failed | State::TimedOut | State::DeadLettered);
            let micros = u64::try_from(report.elapsed.as_micros()).unwrap_or(u64::MAX);
            uses.add("runs".to_owned(), is_within, Sample { is_fault, micros });
            uses.add(format!("agent:{}", machine.start().agent), is_within, Sample { is_fault, micros });
            let set = tool_set(&machine.start().tools);
            let ending = match report.state {
                State::Completed => Ending::Whole,
                State::Partial => Ending::Partial,
                _ => Ending::Nothing,
            };
            match sets.iter_mut().find(|(known, ..)| *known == set) {
                // The latest run comes first.
                Some((_, since, endings)) => {
                    *since = record.started_at;
                    endings.push(ending);
                }
                None => sets.push((set, record.started_at, vec![ending])),
            }
            let failed_calls = report.calls.iter().filter(|call| call.failure.is_some()).count() as u64;
            trajectories.push(Trajectory { run: record.run, is_within, turns: report.turns, failed_calls });
        }
        let mut turns = BTreeMap::new();
        trajectories.iter().for_each(|trajectory| *turns.entry(trajectory.turns).or_default() += 1);
        let set = |(digest, since, endings): (Digest, u64, Vec<Ending>)| {
            let latest: Vec<_> = endings.into_iter().take(TRUSTED).collect();
            ToolSet { digest, since, confidence: Confidence::of(&latest) }
        };
        let tool_sets: Vec<ToolSet> = sets.into_iter().map(set).collect();
        let better_before = better_before(&tool_sets);
        let (health, unusual) = (uses.judged(), unusual(&trajectories));
        Ok(Self { health, tool_sets, better_before, away: away(asked, since), unusual, turns })
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
        | Class::AwaitingApproval
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

/// The tools of a run and their bytes, in one digest. Tools of which the bytes are not known count by their name.
fn tool_set(tools: &[ToolSpec]) -> Digest {
    let bytes = |tool: &ToolSpec| tool.digest.map(|digest| digest.to_string()).unwrap_or_default();
    let set: BTreeSet<String> = tools.iter().map(|tool| format!("{}={}", tool.name, bytes(tool))).collect();
    let parts: Vec<&[u8]> = set.iter().map(String::as_bytes).collect();
    Digest::of_parts(&parts)
}

/// The last set of tools before the present one that enough is known of, if runs went clearly better with it.
fn better_before(sets: &[ToolSet]) -> Option<ToolSet> {
    let (present, earlier) = sets.split_first()?;
    let before = earlier.iter().find(|set| set.confidence.runs >= LEAST_SAMPLES)?;
    present.confidence.is_clearly_below(&before.confidence).then(|| before.clone())
}

/// What came of asking the first choice of a run that has a second one.
fn first_choice(past: &Past, copied: usize, asked: &mut Vec<(u64, String, bool)>) {
    let mut primary: Option<String> = None;
    let mut model_asked = 0;
    let of = |models: &[Identity]| models.first().filter(|_| models.len() > 1).map(|model| model.name.clone());
    for (index, (happened, at)) in past.history.iter().zip(&past.times).enumerate() {
        match &happened.event {
            RunEvent::RunStarted(start) => primary = of(&start.models),
            RunEvent::RunResumed { models: Some(others), .. } => primary = of(others),
            RunEvent::ModelAsked { model, .. } => model_asked = *model,
            event @ (RunEvent::ModelAnswered { .. } | RunEvent::ModelFailed { .. })
                if model_asked == 0 && index >= copied =>
            {
                let answered = matches!(event, RunEvent::ModelAnswered { .. });
                asked.extend(primary.clone().map(|model| (*at, model, answered)));
            }
            _ => {}
        }
    }
}

/// Those that have failed for long without an answer between, and lately.
fn away(mut asked: Vec<(u64, String, bool)>, since: u64) -> Vec<Away> {
    asked.sort_unstable();
    let mut failing: BTreeMap<String, (u64, u64, u64)> = BTreeMap::new();
    for (at, model, answered) in asked {
        if answered {
            failing.remove(&model);
            continue;
        }
        let (_, last, failures) = failing.entry(model).or_insert((at, at, 0));
        (*last, *failures) = (at, *failures + 1);
    }
    let is_long = |(first, last): (u64, u64)| last >= since && last.saturating_sub(first) >= LONG_AWAY;
    let long = failing.into_iter().filter(|(_, (first, last, _))| is_long((*first, *last)));
    long.map(|(model, (since, _, failures))| Away { model, since, failures }).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000;

    #[test]
    fn a_first_choice_that_fails_for_long_is_away_until_it_answers() {
        let asked = |list: &[(u64, &str, bool)]| -> Vec<(u64, String, bool)> {
            list.iter().map(|(at, model, answered)| (at * MINUTE, (*model).to_owned(), *answered)).collect()
        };
        let found = away(asked(&[(20, "a", false), (1, "a", true), (2, "a", false), (10, "b", false)]), 0);
        assert_eq!(found, [Away { model: "a".into(), since: 2 * MINUTE, failures: 2 }]);
        assert_eq!(away(asked(&[(1, "a", false), (20, "a", false), (21, "a", true)]), 0), [], "it is back");
        assert_eq!(away(asked(&[(1, "a", false), (10, "a", false)]), 0), [], "not for long");
        assert_eq!(away(asked(&[(1, "a", false), (20, "a", false)]), 60 * MINUTE), [], "nobody has asked it since");
    }

    #[test]
    fn a_set_of_tools_is_its_tools_and_their_bytes_in_any_order() {
        let tool = |name: &str, bytes: &[u8]| ToolSpec {
            name: name.parse().unwrap(),
            description: String::new(),
            input_schema: serde_json::json!({}),
            digest: Some(Digest::of(bytes)),
        };
        let (one, two) = (tool("a.one", b"1"), tool("b.two", b"2"));
        assert_eq!(tool_set(&[one.clone(), two.clone()]), tool_set(&[two.clone(), one.clone()]));
        assert_ne!(tool_set(&[one.clone(), two]), tool_set(&[one, tool("b.two", b"3")]));
    }

    #[test]
    fn the_present_set_is_compared_with_the_last_one_of_which_enough_is_known() {
        let set = |name: &[u8], whole: usize, nothing: usize| {
            let endings = [vec![Ending::Whole; whole], vec![Ending::Nothing; nothing]].concat();
            ToolSet { digest: Digest::of(name), since: 0, confidence: Confidence::of(&endings) }
        };
        let (bad, few, good, other) = (set(b"1", 1, 9), set(b"2", 1, 0), set(b"3", 20, 0), set(b"4", 0, 20));
        let sets = [bad.clone(), few.clone(), good.clone(), other];
        assert_eq!(better_before(&sets), Some(good.clone()));
        assert_eq!(better_before(&[good, bad]), None);
        assert_eq!(better_before(&[few]), None);
        assert_eq!(better_before(&[]), None);
    }
}
