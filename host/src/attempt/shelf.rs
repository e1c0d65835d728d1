//! States of one kind by the name of the dependency, and which of them have to be written down.
//!
//! Bounded: names of remote hosts are a tool's choice. What is full forgets what matters least, and of that what was not used for
//! longest. Each component has a bound of its own too, so that none can make the host forget what it knows for another.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toolhold_core::breaker::{self, Breaker};
use toolhold_core::rate::Bucket;
use toolhold_core::retry::Budget;

use crate::journal::{Kind, Remembered};

/// Most states of one kind.
const MOST: usize = 4_096;

/// Most remote hosts of one component.
const MOST_OF_ONE: usize = 256;

/// A state that outlives its host.
pub(super) trait State: Clone + Default + PartialEq + Serialize + DeserializeOwned {
    /// What the journal calls it.
    const KIND: Kind;

    /// Whether it says nothing that a new one would not say.
    fn is_blank(&self) -> bool;

    /// Whether something else would happen if it were forgotten now.
    fn matters(&self) -> bool {
        false
    }
}

impl State for Breaker {
    const KIND: Kind = Kind::Breaker;

    fn is_blank(&self) -> bool {
        self.is_spotless()
    }

    fn matters(&self) -> bool {
        self.state() != breaker::State::Closed
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
            writes.extend(self.make_room_for(name));
            self.states.insert(name.to_owned(), (T::default(), now));
        }
        let Some((state, at)) = self.states.get_mut(name) else { return (change(&mut T::default()), writes) };
        let before = state.clone();
        let result = change(state);
        *at = now;
        let text = match (before.is_blank(), state.is_blank()) {
            (true, true) => return (result, writes),
            _ if *state == before => return (result, writes),
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

    /// Forgets something, if there are too many states of the same component, or in all.
    fn make_room_for(&mut self, name: &str) -> Option<Write> {
        let own = component(name).filter(|own| self.of(own).count() >= MOST_OF_ONE);
        let forgotten = match own {
            Some(own) => least(self.of(own))?,
            None if self.states.len() >= MOST => least(self.states.iter())?,
            None => return None,
        };
        let (state, _) = self.states.remove(&forgotten)?;
        (!state.is_blank()).then_some(Write { name: forgotten, state: None })
    }

    /// The states whose names begin so.
    fn of<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a String, &'a (T, u64))> {
        self.states.range(prefix.to_owned()..).take_while(move |(name, _)| name.starts_with(prefix))
    }
}

/// The begin of the names of all remote hosts of the component that asks this one.
fn component(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("host:")?;
    let end = rest.find(':')?;
    name.get(..name.len() - rest.len() + end + 1)
}

/// First of all what says nothing, last what is left alone.
fn least<'a, T: State + 'a>(states: impl Iterator<Item = (&'a String, &'a (T, u64))>) -> Option<String> {
    let weight = |(_, (state, at)): &(&String, &(T, u64))| (!state.is_blank(), state.matters(), *at);
    states.min_by_key(weight).map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use toolhold_core::breaker::{BreakerSettings, Verdict};

    use super::*;

    fn told(shelf: &mut Shelf<Breaker>, name: &str, now: u64, verdict: Verdict) -> Vec<Write> {
        let settings = BreakerSettings::default();
        let change = |breaker: &mut Breaker| {
            let Ok((pass, _)) = breaker.admit(&settings, now) else { return None };
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
            told(&mut shelf, &format!("client:{number}"), number, Verdict::Fault);
        }
        let writes = told(&mut shelf, "client:new", MOST as u64, Verdict::Fault);
        assert_eq!(writes[0], Write { name: "client:0".into(), state: None });
        assert_eq!(shelf.iter().count(), MOST);
    }

    fn open(shelf: &mut Shelf<Breaker>, name: &str, now: u64) {
        (0..5).for_each(|_| drop(told(shelf, name, now, Verdict::Fault)));
    }

    fn names(shelf: &Shelf<Breaker>, prefix: &str) -> Vec<String> {
        shelf.iter().map(|(name, _)| name.to_owned()).filter(|name| name.starts_with(prefix)).collect()
    }

    #[test]
    fn a_component_that_asks_for_ever_new_hosts_forgets_its_own_and_first_those_that_are_not_left_alone() {
        let mut shelf = Shelf::new(Vec::new());
        open(&mut shelf, "host:modest:http://a", 0);
        open(&mut shelf, "host:greedy:http://open", 0);
        for number in 1..1_000 {
            told(&mut shelf, &format!("host:greedy:http://{number}"), number, Verdict::Fault);
        }
        let greedy = names(&shelf, "host:greedy:");
        assert_eq!(greedy.len(), MOST_OF_ONE);
        assert!(greedy.contains(&"host:greedy:http://open".into()), "the oldest, but it is left alone");
        assert!(greedy.contains(&"host:greedy:http://999".into()) && !greedy.contains(&"host:greedy:http://1".into()));
        for number in 1_000..2_000 {
            open(&mut shelf, &format!("host:greedy:http://{number}"), number);
        }
        assert_eq!(names(&shelf, "host:modest:"), ["host:modest:http://a"]);
        assert_eq!(names(&shelf, "host:greedy:").len(), MOST_OF_ONE);
    }

    #[test]
    fn what_does_not_change_is_not_written_again() {
        let mut shelf = Shelf::new(Vec::new());
        open(&mut shelf, "a", 1);
        let settings = BreakerSettings::default();
        let refused = shelf.change("a", 2, |breaker| breaker.admit(&settings, 2).is_err());
        assert_eq!(refused, (true, Vec::new()), "it is open before and after");
        let pass = {
            let mut closed = Breaker::default();
            closed.admit(&settings, 0).unwrap().0
        };
        let late = shelf.change("a", 3, |breaker| breaker.record(&settings, pass, Verdict::Fault, 3));
        assert_eq!(late, (None, Vec::new()), "what was on its way says nothing");
    }

    #[test]
    fn what_cannot_be_read_begins_anew() {
        let damaged = Remembered { name: "a".into(), state: "{".into(), at: 1 };
        assert_eq!(Shelf::<Bucket>::new(vec![damaged]).iter().count(), 0);
    }
}
