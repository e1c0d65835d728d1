//! What is known of everything that calls depend on: breakers, rates and retry budgets, by name, written down as they change.
//!
//! Names are `tool:NAME`, `host:COMPONENT:ORIGIN`, `model:NAME` and `client:NAME`. A remote host has a breaker for each component
//! that asks it, so that no component can close a host to another one by asking it for what fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde::Serialize;
use toolhold_core::breaker::{Breaker, BreakerSettings, Pass, Refused, State, Turned, Verdict};
use toolhold_core::event::Event;
use toolhold_core::rate::{Bucket, Rate};
use toolhold_core::retry::Budget;

use super::shelf::{self, Shelf, Write};
use super::time::Time;
use crate::journal::{self, Journal, Kind, Reader, Remember};

/// What is known of dependencies. Cheap to clone; all clones know the same.
#[derive(Debug, Clone)]
pub struct Dependencies(Arc<Inner>);

/// The same, for whoever must not keep the journal open: what still sends when its host is gone.
#[derive(Debug, Clone)]
pub(crate) struct WeakDependencies(Weak<Inner>);

impl WeakDependencies {
    /// What is known, while there is a host that knows it.
    pub(crate) fn upgrade(&self) -> Option<Dependencies> {
        self.0.upgrade().map(Dependencies)
    }
}

#[derive(Debug)]
struct Inner {
    journal: Journal,
    time: Arc<dyn Time>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    breakers: Shelf<Breaker>,
    rates: Shelf<Bucket>,
    budgets: Shelf<Budget>,
}

/// The breaker of one dependency, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DependencyState {
    /// Which dependency.
    pub name: String,
    /// Whether calls are let through.
    #[serde(flatten)]
    pub state: State,
    /// Faults since the last success.
    pub faults_in_row: u64,
}

impl Dependencies {
    /// What the journal remembers.
    pub(crate) fn open(journal: &Journal, time: Arc<dyn Time>) -> Result<Self, journal::Error> {
        let reader = journal.reader()?;
        let known = Known {
            breakers: Shelf::new(reader.remembered(Kind::Breaker)?),
            rates: Shelf::new(reader.remembered(Kind::Rate)?),
            budgets: Shelf::new(reader.remembered(Kind::RetryBudget)?),
        };
        Ok(Self(Arc::new(Inner { journal: journal.clone(), time, known: Mutex::new(known) })))
    }

    /// Whether a call of the dependency goes through now. What came of it must be told with [`Dependencies::tell`].
    ///
    /// # Errors
    ///
    /// [`Refused`]: it is left alone for a while.
    pub fn admit(&self, name: &str, settings: &BreakerSettings) -> Result<Pass, Refused> {
        let now = self.0.time.micros();
        let mut known = self.lock();
        let (admitted, writes) = known.breakers.change(name, now, |breaker| breaker.admit(settings, now));
        let (pass, turned) = admitted?;
        self.write::<Breaker>(writes, turned.map(|turned| turned_event(name, turned)), now);
        Ok(pass)
    }

    /// What a call that was let through said of the dependency.
    pub fn tell(&self, name: &str, settings: &BreakerSettings, pass: Pass, verdict: Verdict) {
        let now = self.0.time.micros();
        let mut known = self.lock();
        let (turned, writes) = known.breakers.change(name, now, |breaker| breaker.record(settings, pass, verdict, now));
        if turned == Some(Turned::Opened) {
            tracing::warn!(dependency = name, "failed too often and is left alone for a while");
        }
        self.write::<Breaker>(writes, turned.map(|turned| turned_event(name, turned)), now);
    }

    /// Takes one call out of a rate.
    ///
    /// # Errors
    ///
    /// In how many microseconds there is one again.
    pub fn take(&self, name: &str, rate: Rate) -> Result<(), u64> {
        let now = self.0.time.micros();
        let mut known = self.lock();
        let (taken, writes) = known.rates.change(name, now, |bucket| bucket.take(rate, now));
        self.write::<Bucket>(writes, None, now);
        taken
    }

    /// Gives one call back that was taken and not made.
    pub fn give_back(&self, name: &str, rate: Rate) {
        let now = self.0.time.micros();
        let mut known = self.lock();
        let ((), writes) = known.rates.change(name, now, |bucket| bucket.give_back(rate));
        self.write::<Bucket>(writes, None, now);
    }

    /// A call was made; `percent` retries are allowed in a hundred.
    pub(crate) fn pay_in(&self, name: &str, percent: u64) {
        let now = self.0.time.micros();
        let mut known = self.lock();
        let ((), writes) = known.budgets.change(name, now, |budget| budget.pay_in(percent));
        self.write::<Budget>(writes, None, now);
    }

    /// Takes one retry out of the budget. `false` where none is left.
    pub(crate) fn take_retry(&self, name: &str) -> bool {
        let now = self.0.time.micros();
        let mut known = self.lock();
        let (taken, writes) = known.budgets.change(name, now, Budget::take);
        self.write::<Budget>(writes, None, now);
        taken
    }

    /// The breakers that remember a fault, by name.
    #[must_use]
    pub fn breakers(&self) -> Vec<DependencyState> {
        listed(&self.lock().breakers)
    }

    /// Closes a breaker. `false` where none of that name remembers a fault.
    pub fn reset(&self, name: &str) -> bool {
        let now = self.0.time.micros();
        let mut known = self.lock();
        let is_known = known.breakers.iter().any(|(known, _)| known == name);
        if is_known {
            let ((), writes) = known.breakers.change(name, now, Breaker::reset);
            self.write::<Breaker>(writes, Some(Event::BreakerReset { dependency: name.to_owned() }), now);
        }
        is_known
    }

    /// The same, without keeping it.
    pub(crate) fn downgrade(&self) -> WeakDependencies {
        WeakDependencies(Arc::downgrade(&self.0))
    }

    /// The clock, the sleep and the dice.
    pub(crate) fn time(&self) -> &dyn Time {
        &*self.0.time
    }

    /// The same, for what outlives a borrow.
    pub(crate) fn shared_time(&self) -> Arc<dyn Time> {
        Arc::clone(&self.0.time)
    }

    /// While the lock is held, so that what is written last is what is known last.
    fn write<T: shelf::State>(&self, writes: Vec<Write>, mut event: Option<Event>, at: u64) {
        // The last one is the dependency's own; others made room for it.
        for Write { name, state } in writes.into_iter().rev() {
            self.0.journal.remember(Remember { kind: T::KIND, name, state, event: event.take(), at });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // A change is complete before anything can panic.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The breakers that a journal remembers, for whoever only reads it.
///
/// # Errors
///
/// The journal cannot be read.
pub(crate) fn remembered(reader: &Reader) -> Result<Vec<DependencyState>, journal::Error> {
    Ok(listed(&Shelf::new(reader.remembered(Kind::Breaker)?)))
}

fn listed(breakers: &Shelf<Breaker>) -> Vec<DependencyState> {
    let one = |(name, breaker): (&str, &Breaker)| DependencyState {
        name: name.to_owned(),
        state: breaker.state(),
        faults_in_row: breaker.faults_in_row(),
    };
    breakers.iter().map(one).collect()
}

fn turned_event(name: &str, turned: Turned) -> Event {
    Event::BreakerTurned { dependency: name.to_owned(), turned }
}
