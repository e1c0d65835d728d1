//! States of one kind by the name of the dependency, and which of them have to be written down.
//!
//! Bounded: names of remote hosts are a tool's choice. What is full forgets what has not changed for longest.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toolhold_core::breaker::Breaker;
use toolhold_core::rate::Bucket;
use toolhold_core::retry::Budget;

use crate::journal::{Kind, Remembered};

/// Most states of one kind.
const MOST: usize = 4_096;

/// A state that outlives its host.
pub(super) trait State: Default + Serialize + DeserializeOwned {
    /// What the journal calls it.
    const KIND: Kind;

    /// Whether it says nothing that a new one would not say.
    fn is_blank(&self) -> bool;
}

impl State for Breaker {
    const KIND: Kind = Kind::Breaker;

    fn is_blank(&self) -> bool {
        self.is_spotless()
    }
}

impl State for Bucket {
    const KIND: Kind = Kind::Rate;

    fn is_blank(&self) -> bool {
        *self == Self::default()
    }
}

impl State for Budget {
    const KIND: Kind = Kind::RetryBudget;

    fn is_blank(&self) -> bool {
        self.is_full()
    }
}

/// The states of one kind.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    states: BTreeMap<String, (T, u64)>,
}

/// A state that is to be written down after a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Write {
    /// Of which dependency.
    pub(super) name: String,
    /// JSON; `None` where it says nothing any more.
    pub(super) state: Option<String>,
}

impl<T: State> Shelf<T> {
    /// What the journal remembers. What cannot be read is as if it were not there, and said.
    pub(super) fn new(remembered: Vec<Remembered>) -> Self {
        let read = |one: Remembered| match serde_json::from_str(&one.state) {
            Ok(state) => Some((one.name, (state, one.at))),
            Err(error) => {
                tracing::warn!(%error, name = %one.name, "what is remembered of a dependency cannot be read; it begins anew");
                None
            }
        };
        Self { states: remembered.into_iter().filter_map(read).collect() }
    }

    /// Changes one state.
    pub(super) fn change<R>(&mut self, name: &str, now: u64, change: impl FnOnce(&mut T) -> R) -> (R, Vec<Write>) {
        let mut writes = Vec::new();
        if !self.states.contains_key(name) {
            writes.extend(self.make_room());
            self.states.insert(name.to_owned(), (T::default(), now));
        }
        let Some((state, at)) = self.states.get_mut(name) else { return (change(&mut T::default()), writes) };
        let was_blank = state.is_blank();
        let result = change(state);
        *at = now;
        let text = match (was_blank, state.is_blank()) {
            (true, true) => return (result, writes),
            (_, false) => serde_json::to_string(state).ok(),
            (false, true) => None,
        };
        writes.push(Write { name: name.to_owned(), state: text });
        (result, writes)
    }

    /// All states that say something.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.states.iter().filter(|(_, (state, _))| !state.is_blank()).map(|(name, (state, _))| (name.as_str(), state))
    }

    /// Forgets what has not changed for longest, if there are too many; first of all what says nothing.
    fn make_room(&mut self) -> Option<Write> {
        if self.states.len() < MOST {
            return None;
        }
        let age = |(_, (state, at)): &(&String, &(T, u64))| (!state.is_blank(), *at);
        let oldest = self.states.iter().min_by_key(age).map(|(name, _)| name.clone())?;
        let (state, _) = self.states.remove(&oldest)?;
        (!state.is_blank()).then_some(Write { name: oldest, state: None })
    }
}

#[cfg(test)]
mod tests {
    use toolhold_core::breaker::{BreakerSettings, Verdict};

    use super::*;

    fn told(shelf: &mut Shelf<Breaker>, name: &str, now: u64, verdict: Verdict) -> Vec<Write> {
        let settings = BreakerSettings::default();
        let change = |breaker: &mut Breaker| {
            let (pass, _) = breaker.admit(&settings, now).unwrap();
            breaker.record(&settings, pass, verdict, now)
        };
        shelf.change(name, now, change).1
    }

    #[test]
    fn what_works_is_not_written_down_and_what_works_again_is_forgotten() {
        let mut shelf = Shelf::new(Vec::new());
        assert_eq!(told(&mut shelf, "a", 1, Verdict::Works), []);
        let [Write { state: Some(text), .. }] = &told(&mut shelf, "a", 2, Verdict::Fault)[..] else {
            panic!("not written")
        };
        let remembered = Remembered { name: "a".into(), state: text.clone(), at: 2 };
        let mut again = Shelf::<Breaker>::new(vec![remembered]);
        assert_eq!(again.iter().map(|(name, breaker)| (name, breaker.faults_in_row())).collect::<Vec<_>>(), [("a", 1)]);
        let later = BreakerSettings::default().window * 2;
        assert_eq!(told(&mut again, "a", later, Verdict::Works), [Write { name: "a".into(), state: None }]);
    }

    #[test]
    fn a_flood_of_names_forgets_the_oldest() {
        let mut shelf = Shelf::new(Vec::new());
        for number in 0..MOST as u64 {
            told(&mut shelf, &format!("host:{number}"), number, Verdict::Fault);
        }
        let writes = told(&mut shelf, "host:new", MOST as u64, Verdict::Fault);
        assert_eq!(writes[0], Write { name: "host:0".into(), state: None });
        assert_eq!(shelf.iter().count(), MOST);
    }

    #[test]
    fn what_cannot_be_read_begins_anew() {
        let damaged = Remembered { name: "a".into(), state: "{".into(), at: 1 };
        assert_eq!(Shelf::<Bucket>::new(vec![damaged]).iter().count(), 0);
    }
}
