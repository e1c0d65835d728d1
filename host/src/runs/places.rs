//! Places for runs that are worked on at the same time. Whoever waits for a person lends its place to others.
//!
//! A run that waits for a person costs memory and nothing else, and a person may take hours. With the answer it takes a place again, before
//! runs that have not begun: what was approved for it has a time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::poll;
use tokio::sync::oneshot;

/// The places. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub(super) struct Places(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    free: usize,
    /// Runs that had a place, in their order.
    back: VecDeque<oneshot::Sender<Place>>,
    /// Runs that had none.
    new: VecDeque<oneshot::Sender<Place>>,
    /// How many are lent.
    lent: usize,
}

/// One place. Dropped, it is the next one's.
struct Place(Places);

/// A place of a run, which it may lend.
pub struct Seat {
    places: Places,
    place: Mutex<Option<Place>>,
}

impl Places {
    pub(super) fn new(number: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: number, ..State::default() })))
    }

    /// Takes a place, behind those who had one and those who came before.
    pub(super) async fn take(&self) -> Seat {
        let place = self.place(|state| &mut state.new).await;
        Seat { places: self.clone(), place: Mutex::new(place) }
    }

    /// How many runs have lent theirs.
    pub(super) fn lent(&self) -> usize {
        self.state().lent
    }

    /// `None` would be that nobody gives places any more, and places give themselves.
    async fn place(&self, queue: impl FnOnce(&mut State) -> &mut VecDeque<oneshot::Sender<Place>>) -> Option<Place> {
        let receiver = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Some(Place(self.clone()));
            }
            let (sender, receiver) = oneshot::channel();
            let queue = queue(&mut state);
            // Of those who went away, nothing is kept.
            queue.retain(|waiting| !waiting.is_closed());
            queue.push_back(sender);
            receiver
        };
        receiver.await.ok()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.state();
            let next = state.back.pop_front().or_else(|| state.new.pop_front());
            if next.is_none() {
                state.free += 1;
            }
            next
        };
        // Whoever does not wait any more drops it, and it goes on to the one behind.
        drop(next.map(|next| next.send(Self(self.0.clone()))));
    }
}

impl Seat {
    /// Lends the place for as long as `wait` takes, if that is not over at once.
    pub(super) async fn lend<R>(&self, wait: impl Future<Output = R>) -> R {
        let mut wait = std::pin::pin!(wait);
        if let std::task::Poll::Ready(over) = poll!(wait.as_mut()) {
            return over;
        }
        let over = {
            let _lent = Lent::new(&self.places);
            drop(self.held().take());
            wait.await
        };
        let place = self.places.place(|state| &mut state.back).await;
        *self.held() = place;
        over
    }

    fn held(&self) -> MutexGuard<'_, Option<Place>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts as lent until it is dropped.
struct Lent<'a>(&'a Places);

impl<'a> Lent<'a> {
    fn new(places: &'a Places) -> Self {
        places.state().lent += 1;
        Self(places)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.lent = state.lent.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_place_that_is_lent_is_another_s_and_comes_back_before_new_ones() {
        let places = Places::new(1);
        let first = places.take().now_or_never().unwrap();
        assert!(places.take().now_or_never().is_none(), "it is taken");
        let (decide, decided) = oneshot::channel::<()>();
        let mut lending = Box::pin(first.lend(decided));
        assert!(lending.as_mut().now_or_never().is_none());
        assert_eq!(places.lent(), 1);
        let second = places.take().now_or_never().unwrap();
        let mut third = Box::pin(places.take());
        assert!(third.as_mut().now_or_never().is_none());
        decide.send(()).unwrap();
        assert!(lending.as_mut().now_or_never().is_none(), "it is lent to the second");
        assert_eq!(places.lent(), 0);
        drop(second);
        lending.now_or_never().unwrap().unwrap();
        assert!(third.as_mut().now_or_never().is_none(), "the first has it again");
        drop(first);
        assert!(third.now_or_never().is_some());
    }

    #[test]
    fn no_place_is_lost_with_who_waits_for_one() {
        let places = Places::new(1);
        let first = places.take().now_or_never().unwrap();
        let mut gone = Box::pin(places.take());
        assert!(gone.as_mut().now_or_never().is_none());
        let mut stays = Box::pin(places.take());
        assert!(stays.as_mut().now_or_never().is_none());
        drop(gone);
        drop(first);
        let second = stays.now_or_never().unwrap();
        {
            let mut lending = Box::pin(second.lend(std::future::pending::<()>()));
            assert!(lending.as_mut().now_or_never().is_none());
        }
        assert_eq!(places.lent(), 0, "who was cancelled waits for nobody");
        let third = places.take().now_or_never().unwrap();
        assert_eq!(second.lend(ready(7)).now_or_never(), Some(7), "what is over at once lends nothing");
        drop((second, third));
        assert!(places.take().now_or_never().is_some());
    }
}
