//! A run as it was: its steps, and what it was after each of them.

use toolhold_core::id::RunId;
use toolhold_core::run::{Machine, Occurrence};

use super::error::Error;
use crate::journal::{Reader, RunRecord};

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
