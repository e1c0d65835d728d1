//! A run as it was: its steps, and what it was after each of them.

use toolhold_core::call::Mode;
use toolhold_core::id::RunId;
use toolhold_core::run::{Machine, Occurrence, RunEvent};
use toolhold_core::state::State;

use super::error::Error;
use crate::journal::{self, Reader, RunFilter, RunRecord};

/// Where a run is that is not over.
pub const OPEN: [State; 8] = [
    State::Initializing,
    State::Processing,
    State::AwaitingModel,
    State::AwaitingTool,
    State::AwaitingApproval,
    State::Validating,
    State::Retrying,
    State::Reflecting,
];

/// How many runs are read at once where some of them are looked for.
const PAGE: u32 = 1_000;

/// A run as the journal has it.
#[derive(Debug, Clone)]
pub struct Past {
    /// What it is.
    pub record: RunRecord,
    /// Everything that happened to it, in order.
    pub history: Vec<Occurrence>,
    /// When each of it happened, in microseconds since 1970.
    pub times: Vec<u64>,
}

impl Past {
    /// Reads a run.
    ///
    /// # Errors
    ///
    /// There is none, or nothing is left of it, or it cannot be read.
    pub fn of(reader: &Reader, run: &RunId) -> Result<Self, Error> {
        let record = reader.run(run)?.ok_or_else(|| Error::NoSuchRun(run.clone()))?;
        if record.expired {
            return Err(Error::Expired(run.clone()));
        }
        let events = reader.run_events(run)?;
        let times = events.iter().map(|event| event.at).collect();
        let parse = |event: &crate::journal::RunEventRecord| {
            let damaged = |error: serde_json::Error| Error::Damaged {
                run: run.clone(),
                step: event.step,
                why: error.to_string(),
            };
            serde_json::from_str(&event.body).map_err(damaged)
        };
        let history = events.iter().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { record, history, times })
    }

    /// The dead letters, newest first. A run whose host was stopped between its end and its becoming one is one as well.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    pub fn dead(reader: &Reader, limit: u32) -> Result<Vec<RunRecord>, journal::Error> {
        let states = vec![State::DeadLettered, State::Failed, State::TimedOut];
        let (mut dead, mut before) = (Vec::new(), None);
        // A listing is bounded, and most of one may be runs that are none: discarded ones, dry runs.
        loop {
            let page = reader.runs(&RunFilter { states: states.clone(), limit: PAGE, before })?;
            let Some(last) = page.last() else { return Ok(dead) };
            before = Some(last.run.clone());
            for record in page {
                if dead.len() >= limit as usize {
                    return Ok(dead);
                }
                if is_dead(reader, &record)? {
                    dead.push(RunRecord { state: State::DeadLettered, ..record });
                }
            }
        }
    }

    /// The run after its last step.
    ///
    /// # Errors
    ///
    /// Its steps do not follow on each other.
    pub fn machine(&self) -> Result<Machine, Error> {
        self.folded(&self.history)
    }

    /// The run after the step with this number, from 1.
    ///
    /// # Errors
    ///
    /// There is no such step, or the steps do not follow on each other.
    pub fn machine_at(&self, step: u64) -> Result<Machine, Error> {
        let steps = self.history.len() as u64;
        let none = || Error::NoSuchStep { run: self.record.run.clone(), steps };
        let until = usize::try_from(step).ok().filter(|until| (1..=self.history.len()).contains(until));
        let history = until.and_then(|until| self.history.get(..until)).ok_or_else(none)?;
        self.folded(history)
    }

    fn folded(&self, history: &[Occurrence]) -> Result<Machine, Error> {
        Machine::of(history).map_err(|why| Error::Unreadable { run: self.record.run.clone(), why })
    }
}

/// Whether the run is a dead letter, or would be if whoever worked on it had not been stopped. What a person decided counts:
/// a discarded run has another last step.
pub(super) fn is_dead(reader: &Reader, record: &RunRecord) -> Result<bool, journal::Error> {
    match record.state {
        State::DeadLettered => Ok(true),
        State::Failed | State::TimedOut if record.mode == Mode::Live && !record.expired => {
            let last = reader.last_run_event(&record.run)?;
            let event = last.and_then(|last| serde_json::from_str::<Occurrence>(&last.body).ok());
            Ok(event.is_some_and(|happened| matches!(happened.event, RunEvent::RunEnded { .. })))
        }
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use toolhold_core::run::event::VERSION;
    use toolhold_core::run::{RunLimits, Start};

    use super::*;
    use crate::agent::Engine as _;
    use crate::journal::{Journal, Options};
    use crate::runs::JournalEngine;

    fn start(run: &str, mode: Mode) -> Start {
        Start {
            version: VERSION,
            run: run.parse().unwrap(),
            agent: "local".into(),
            by: None,
            task: "t".into(),
            mode,
            models: Vec::new(),
            prices: Vec::new(),
            tools: Vec::new(),
            limits: RunLimits::default(),
            manifest: None,
            answer_schema: None,
        }
    }

    async fn take(journal: &Journal, machine: &mut Machine, event: RunEvent) {
        let act = Box::pin(std::future::ready((Duration::ZERO, event)));
        let happened = JournalEngine::new(journal, "test").once(machine, act).await.unwrap();
        machine.apply(Duration::ZERO, &happened.event).unwrap();
        journal.flush().await.unwrap();
    }

    #[tokio::test]
    async fn a_dead_letter_is_found_behind_more_failures_than_one_listing_has() {
        let state = tempfile::tempdir().unwrap();
        let journal = Journal::open(&state.path().join("state"), &Options::default()).unwrap();
        let start = start("live", Mode::Live);
        let mut machine = Machine::begin(start.clone());
        take(&journal, &mut machine, RunEvent::RunStarted(Box::new(start))).await;
        let ended = RunEvent::RunEnded { end: State::Failed, answer: None, reason: None };
        take(&journal, &mut machine, ended).await;
        take(&journal, &mut machine, RunEvent::DeadLettered).await;
        // Dry runs: nobody keeps them.
        let sql = "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 10001) \
                   INSERT INTO runs (run, task, mode, state, steps, history, started_at, changed_at) \
                   SELECT 'dry-' || n, 't', 'preview', 'failed', 1, zeroblob(32), 1, 1 FROM counted";
        let file = rusqlite::Connection::open(state.path().join("state/journal.db")).unwrap();
        assert_eq!(file.execute(sql, []).unwrap(), 10_001);
        let dead = |limit| Past::dead(&journal.reader().unwrap(), limit).unwrap().len();
        assert_eq!((dead(10), dead(0)), (1, 0));
    }

    #[tokio::test]
    async fn a_run_that_was_cut_off_between_its_end_and_its_burial_is_a_dead_letter_until_a_person_decides() {
        let state = tempfile::tempdir().unwrap();
        let journal = Journal::open(&state.path().join("state"), &Options::default()).unwrap();
        for (run, mode) in [("live", Mode::Live), ("dry", Mode::Preview)] {
            let start = start(run, mode);
            let mut machine = Machine::begin(start.clone());
            let dead = || Past::dead(&journal.reader().unwrap(), 10).unwrap();
            take(&journal, &mut machine, RunEvent::RunStarted(Box::new(start))).await;
            assert_eq!(dead().len(), 0);
            let ended = RunEvent::RunEnded { end: State::Failed, answer: None, reason: None };
            take(&journal, &mut machine, ended).await;
            let expected = usize::from(mode == Mode::Live);
            assert_eq!(dead().len(), expected, "{run}");
            assert!(dead().iter().all(|record| record.state == State::DeadLettered));
            if mode == Mode::Live {
                take(&journal, &mut machine, RunEvent::DeadLettered).await;
                assert_eq!(dead().len(), 1);
                take(&journal, &mut machine, RunEvent::Discarded).await;
                assert_eq!(dead().len(), 0, "it stays dead");
            }
        }
    }
}
