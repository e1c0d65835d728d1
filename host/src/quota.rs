//! Quotas that all runs of an agent share: tokens and calls in an hour, over every run of a host.
//!
//! What was used is what the journal has of the last hour, read once; from then on the host that has the journal open is the only
//! one that adds to it. Tokens are reserved before a model is asked, at the most that the turn can come to, and settled with what
//! it came to. A run holds the room for its last answer from its first turn on, so that it can always end with one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use toolhold_core::quota::Hour;
use toolhold_core::run::{Occurrence, RunEvent, RunLimits};

use crate::attempt::Dependencies;
use crate::journal::{Error, Reader, RunFilter};

const HOUR: u64 = 3_600_000_000;

/// What all agents of a host have used. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quotas(Arc<Mutex<Option<BTreeMap<String, Used>>>>);

#[derive(Debug, Clone, Default)]
struct Used {
    tokens: Hour,
    calls: Hour,
}

impl Quotas {
    /// The share of one run of `agent`.
    ///
    /// # Errors
    ///
    /// What was used before cannot be read.
    pub(crate) fn of_run(
        &self,
        agent: &str,
        limits: &RunLimits,
        dependencies: &Dependencies,
        reader: &Reader,
    ) -> Result<RunQuota, Error> {
        let now = dependencies.time().micros();
        let mut known = self.lock();
        if known.is_none() {
            *known = Some(used(reader, now)?);
        }
        drop(known);
        Ok(RunQuota {
            quotas: self.clone(),
            agent: agent.to_owned(),
            tokens: limits.tokens_per_hour,
            calls: limits.calls_per_hour,
            dependencies: dependencies.clone(),
            held: Mutex::default(),
            refused: AtomicBool::new(false),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<BTreeMap<String, Used>>> {
        // A change is complete before anything can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the runs of the last hour used, by agent.
fn used(reader: &Reader, now: u64) -> Result<BTreeMap<String, Used>, Error> {
    let since = now.saturating_sub(HOUR);
    let mut all = BTreeMap::<String, Used>::new();
    let mut runs = reader.runs(&RunFilter { limit: u32::MAX, ..RunFilter::default() })?;
    // Minutes are counted in order.
    runs.retain(|run| run.changed_at >= since && !run.expired);
    let mut happened = Vec::new();
    for run in runs {
        // The first steps of a fork are those of another run.
        let copied = run.origin.as_ref().map_or(0, |origin| origin.step);
        let mut agent = String::new();
        for event in reader.run_events(&run.run)? {
            // What cannot be read is a matter for `audit verify`.
            let Ok(Occurrence { event: what, .. }) = serde_json::from_str(&event.body) else { continue };
            let (tokens, calls) = match what {
                RunEvent::RunStarted(start) => {
                    agent.clone_from(&start.agent);
                    continue;
                }
                RunEvent::ModelAnswered { answer, .. } => (answer.tokens.total(), 0),
                RunEvent::CallStarted { .. } => (0, 1),
                _ => continue,
            };
            if event.step > copied && event.at >= since {
                happened.push((event.at, agent.clone(), tokens, calls));
            }
        }
    }
    happened.sort_unstable_by_key(|(at, ..)| *at);
    for (at, agent, tokens, calls) in happened {
        let used = all.entry(agent).or_default();
        used.tokens.add(tokens, at.min(now));
        used.calls.add(calls, at.min(now));
    }
    Ok(all)
}

/// The share of one run. Dropped, what it has reserved and not used is free again.
#[derive(Debug)]
pub struct RunQuota {
    quotas: Quotas,
    agent: String,
    tokens: u64,
    calls: u64,
    dependencies: Dependencies,
    held: Mutex<u64>,
    /// A call found no room.
    refused: AtomicBool,
}

impl RunQuota {
    /// Makes room for the next turn. A turn that is not the last leaves the room for one more.
    pub(crate) fn ask(&self, tokens: u64, is_last: bool) -> bool {
        let wanted = if is_last { tokens } else { tokens.saturating_mul(2) };
        let now = self.dependencies.time().micros();
        let mut held = self.held();
        let more = wanted.saturating_sub(*held);
        let fits = self.change(|used| used.tokens.reserve(more, self.tokens, now));
        if fits {
            *held = held.saturating_add(more);
        }
        fits
    }

    /// The turn came to so many tokens.
    pub(crate) fn answered(&self, tokens: u64) {
        let now = self.dependencies.time().micros();
        let mut held = self.held();
        let given_back = tokens.min(*held);
        self.change(|used| {
            used.tokens.release(given_back);
            used.tokens.add(tokens, now);
        });
        *held -= given_back;
    }

    /// Takes one call.
    pub(crate) fn call(&self) -> bool {
        let now = self.dependencies.time().micros();
        let fits = self.change(|used| {
            let fits = used.calls.reserve(1, self.calls, now);
            if fits {
                used.calls.release(1);
                used.calls.add(1, now);
            }
            fits
        });
        self.refused.fetch_or(!fits, Ordering::Relaxed);
        fits
    }

    /// Whether a call found no room.
    pub(crate) fn was_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    fn change<R>(&self, change: impl FnOnce(&mut Used) -> R) -> R {
        let mut known = self.quotas.lock();
        change(known.get_or_insert_default().entry(self.agent.clone()).or_default())
    }

    fn held(&self) -> MutexGuard<'_, u64> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RunQuota {
    fn drop(&mut self) {
        let held = *self.held();
        self.change(|used| used.tokens.release(held));
    }
}
