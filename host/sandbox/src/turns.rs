//! Whose turn it is: callers take turns, and within one caller its runs do, so that whoever asks most waits longest.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

/// Nobody outside can choose names that meet.
static HASHES: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Who asks for a call. Two that meet by chance share their turns, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Caller {
    client: u64,
    run: u64,
}

impl Caller {
    /// A run of a client.
    #[must_use]
    pub fn new(client: &str, run: &str) -> Self {
        Self { client: HASHES.hash_one(client), run: HASHES.hash_one(run) }
    }
}

/// Items of many callers.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    clients: Ring<Ring<VecDeque<T>>>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { clients: Ring::default() }
    }
}

impl<T> Turns<T> {
    /// Behind what this caller waits for already.
    pub(crate) fn push(&mut self, caller: Caller, item: T) {
        self.clients.of(caller.client).of(caller.run).push_back(item);
    }

    /// The first item of whoever has the turn, which then goes to the next.
    pub(crate) fn next(&mut self) -> Option<T> {
        self.clients.turn(|runs| runs.turn(|items| (items.pop_front(), items.is_empty()))).0
    }

    /// Takes one item out of its place.
    pub(crate) fn remove(&mut self, caller: Caller, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let take = |items: &mut VecDeque<T>| {
            let item = items.iter().position(is_it).and_then(|place| items.remove(place));
            (item, items.is_empty())
        };
        self.clients.within(caller.client, |runs| runs.within(caller.run, take)).0
    }

    /// How many a client waits for.
    pub(crate) fn of(&self, caller: Caller) -> usize {
        self.clients.items.get(&caller.client).map_or(0, waiting)
    }

    /// Takes the newest of the longest run of the client who waits for most, if that is more than `more_than`.
    pub(crate) fn newest_of_most(&mut self, more_than: usize) -> Option<T> {
        let (client, runs) = self.clients.items.iter().max_by_key(|(_, runs)| waiting(runs))?;
        if waiting(runs) <= more_than {
            return None;
        }
        let (client, run) = (*client, *runs.items.iter().max_by_key(|(_, items)| items.len())?.0);
        let take = |items: &mut VecDeque<T>| (items.pop_back(), items.is_empty());
        self.clients.within(client, |runs| runs.within(run, take)).0
    }
}

fn waiting<T>(runs: &Ring<VecDeque<T>>) -> usize {
    runs.items.values().map(VecDeque::len).sum()
}

/// What takes turns. Only those are in it that have something.
#[derive(Debug)]
struct Ring<Q> {
    order: VecDeque<u64>,
    items: HashMap<u64, Q>,
}

impl<Q> Default for Ring<Q> {
    fn default() -> Self {
        Self { order: VecDeque::new(), items: HashMap::new() }
    }
}

impl<Q: Default> Ring<Q> {
    /// The place of `key`, at the end of the round if it is new.
    fn of(&mut self, key: u64) -> &mut Q {
        self.items.entry(key).or_insert_with(|| {
            self.order.push_back(key);
            Q::default()
        })
    }
}

/// Both say too whether nothing is left, as `take` does.
impl<Q> Ring<Q> {
    /// Takes from whoever is first, and puts them last.
    fn turn<T>(&mut self, take: impl FnOnce(&mut Q) -> (Option<T>, bool)) -> (Option<T>, bool) {
        let Some(key) = self.order.pop_front() else { return (None, true) };
        let (item, is_over) = self.items.get_mut(&key).map_or((None, true), take);
        if is_over {
            self.items.remove(&key);
        } else {
            self.order.push_back(key);
        }
        (item, self.order.is_empty())
    }

    /// Takes from `key` out of turn.
    fn within<T>(&mut self, key: u64, take: impl FnOnce(&mut Q) -> (Option<T>, bool)) -> (Option<T>, bool) {
        if let Some(items) = self.items.get_mut(&key) {
            let (item, is_over) = take(items);
            if is_over {
                self.items.remove(&key);
                self.order.retain(|other| *other != key);
            }
            return (item, self.order.is_empty());
        }
        (None, self.order.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(turns: &mut Turns<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| turns.next()).collect()
    }

    #[test]
    fn clients_take_turns_and_within_one_its_runs_do() {
        let (ann, ann_2, bob) = (Caller::new("ann", "1"), Caller::new("ann", "2"), Caller::new("bob", "1"));
        let mut turns = Turns::default();
        for (caller, item) in [(ann, "a1"), (ann, "a2"), (ann, "a3"), (ann_2, "A1"), (bob, "b1"), (bob, "b2")] {
            turns.push(caller, item);
        }
        assert_eq!((turns.of(ann), turns.of(bob)), (4, 2));
        assert_eq!(all(&mut turns), ["a1", "b1", "A1", "b2", "a2", "a3"]);
        assert!(turns.clients.items.is_empty(), "nobody is remembered who waits for nothing");
    }

    #[test]
    fn one_can_leave_and_the_newest_of_whoever_waits_for_most_can_be_sent_away() {
        let (ann, bob) = (Caller::new("ann", "1"), Caller::new("bob", "1"));
        let mut turns = Turns::default();
        for (caller, item) in [(ann, "a1"), (ann, "a2"), (ann, "a3"), (bob, "b1")] {
            turns.push(caller, item);
        }
        assert_eq!(turns.remove(bob, |item| *item == "a1"), None);
        assert_eq!(turns.remove(bob, |item| *item == "b1"), Some("b1"));
        assert_eq!(turns.newest_of_most(3), None, "nobody waits for more than that");
        assert_eq!(turns.newest_of_most(2), Some("a3"));
        assert_eq!(all(&mut turns), ["a1", "a2"]);
    }
}
