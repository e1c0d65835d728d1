//! What all clients together came to: how long calls took, and what failed that should not have.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;

use crate::measure::Lane;
use crate::table::{count, table};

/// Counted by all clients.
pub(super) struct Tally(Mutex<Counted>);

struct Counted {
    /// Calls since it was looked at last.
    window: Lane,
    /// How often each kind was done, and how often it failed.
    done: BTreeMap<&'static str, Done>,
    failed: u64,
}

#[derive(Default)]
struct Done {
    times: u64,
    failed: u64,
    /// The first and the last failure.
    said: Vec<String>,
}

impl Tally {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(Mutex::new(Counted { window: Lane::new()?, done: BTreeMap::new(), failed: 0 })))
    }

    /// A call has ended.
    pub(super) fn took(&self, time: Duration) -> Result<()> {
        self.counted().window.record(time)
    }

    /// Something was done, and went as it should or did not.
    pub(super) fn came(&self, name: &'static str, result: Result<()>) {
        let mut counted = self.counted();
        counted.failed += u64::from(result.is_err());
        let done = counted.done.entry(name).or_default();
        done.times += 1;
        if let Err(error) = result {
            done.failed += 1;
            done.said.truncate(1);
            done.said.push(format!("{error:#}"));
        }
    }

    /// The calls since this was asked last, and all failures until now.
    pub(super) fn window(&self) -> Result<(Lane, u64)> {
        let mut counted = self.counted();
        Ok((std::mem::replace(&mut counted.window, Lane::new()?), counted.failed))
    }

    /// Prints what was done how often. Returns how much of it failed.
    pub(super) fn print(&self) -> u64 {
        let counted = self.counted();
        let mut rows = table(1, ["what clients did", "times", "failed"]);
        for (name, done) in &counted.done {
            rows.add_row([(*name).to_owned(), count(done.times), count(done.failed)]);
        }
        println!("\n{rows}");
        for (name, done) in &counted.done {
            done.said.iter().for_each(|said| println!("\n{name}: {said}"));
        }
        counted.failed
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
