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
const MINUTE: u64 = 60_000_000;

/// What all agents of a host have used. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quotas(Arc<Mutex<Option<Agents>>>);

#[derive(Debug, Default)]
struct Agents {
    used: BTreeMap<String, Used>,
    /// The minute in which it was looked at last who is to be forgotten.
    looked: u64,
}

#[derive(Debug, Clone, Default)]
struct Used {
    tokens: Hour,
    calls: Hour,
}

impl Agents {
    /// What an agent has used. In the place of those that come, others go, once a minute.
    fn of(&mut self, agent: &str, now: u64) -> &mut Used {
        if self.looked != now / MINUTE && !self.used.contains_key(agent) {
            self.looked = now / MINUTE;
            self.used.retain(|_, used| !(used.tokens.is_blank(now) && used.calls.is_blank(now)));
        }
        self.used.entry(agent.to_owned()).or_default()
    }
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
            *known = Some(Agents { used: used(reader, now)?, looked: now / MINUTE });
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

    fn lock(&self) -> MutexGuard<'_, Option<Agents>> {
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
        let now = self.dependencies.time().micros();
        let mut known = self.quotas.lock();
        change(known.get_or_insert_default().of(&self.agent, now))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_that_have_used_nothing_for_an_hour_are_forgotten_and_no_others() {
        let mut agents = Agents::default();
        let (mut reserves, mut most) = (0, 0);
        for minute in 0..1_000 {
            let now = minute * MINUTE;
            agents.of("steady", now).tokens.add(1, now);
            let one = agents.of(&format!("agent-{minute}"), now);
            one.calls.add(1, now);
            if minute % 100 == 0 {
                reserves += u64::from(one.tokens.reserve(1, 1, now));
            }
            most = most.max(agents.used.len());
            assert_eq!(agents.of("steady", now).tokens.used(now), minute.min(60) + 1);
        }
        // Those of an hour and a minute, one that is always there, and those that wait for a model.
        assert!(most <= 62 + 1 + 10, "{most}");
        let later = 1_000 * MINUTE + HOUR + MINUTE;
        let waiting = agents.used.values_mut().map(|used| used.tokens.is_blank(later)).filter(|is_blank| !is_blank);
        assert_eq!((reserves, waiting.count()), (10, 10));
    }
}
