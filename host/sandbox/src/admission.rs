//! How many calls run and wait, and in which order those that wait get in.
//!
//! Callers take turns ([`crate::turns`]). One call more than may wait is not taken: a queue without an end is a host without one.
//! Who is sent away then is the newest call of whoever waits for most, so that no caller can fill the queue before others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::call::RunFailure;
use crate::component::Lane;
use crate::turns::{Caller, Turns};
use crate::workers::Workers;

const FULL: RunFailure = RunFailure::Busy("too many calls wait already");

/// The door of the sandbox.
#[derive(Debug)]
pub(crate) struct Admission {
    state: Mutex<State>,
    max_queue: usize,
}

#[derive(Debug)]
struct State {
    /// Calls that may still begin.
    room: usize,
    /// Engines that are nobody's. The last one given back is the next one taken: its caches are warm.
    seats: Vec<usize>,
    compute: Turns<Waiter>,
    wait: Turns<Waiter>,
    waiting: usize,
    next: u64,
}

/// Somebody who waits.
#[derive(Debug)]
struct Waiter {
    number: u64,
    door: oneshot::Sender<Result<Ticket, RunFailure>>,
}

/// A call that may run. Dropping it makes room for the next.
#[derive(Debug)]
pub(crate) struct Ticket {
    admission: Arc<Admission>,
    /// The engine that is this call's alone while it runs. `None` on the lane that shares one.
    pub(crate) seat: Option<usize>,
}

impl State {
    /// Takes what a call of this lane needs, if it is there. The seat, where it needs one.
    fn take(&mut self, lane: Lane) -> Option<Option<usize>> {
        if self.room == 0 {
            return None;
        }
        let seat = match lane {
            Lane::Compute => Some(self.seats.pop()?),
            Lane::Wait => None,
        };
        self.room -= 1;
        Some(seat)
    }

    fn line(&mut self, lane: Lane) -> &mut Turns<Waiter> {
        match lane {
            Lane::Compute => &mut self.compute,
            Lane::Wait => &mut self.wait,
        }
    }

    /// Whose turn it is, and with which seat. A call that needs a seat does not keep out those that need none.
    fn next(&mut self) -> Option<(Waiter, Option<usize>)> {
        for lane in [Lane::Compute, Lane::Wait] {
            let Some(seat) = self.take(lane) else { continue };
            match self.line(lane).next() {
                Some(waiter) => {
                    self.waiting -= 1;
                    return Some((waiter, seat));
                }
                None => self.give_back(seat),
            }
        }
        None
    }

    fn give_back(&mut self, seat: Option<usize>) {
        self.room += 1;
        self.seats.extend(seat);
    }

    /// A place to wait in; where there is none, that of somebody who waits for more.
    fn queue(&mut self, lane: Lane, caller: Caller, max: usize) -> Result<(Entered, Option<Waiter>), RunFailure> {
        let sent_away = if self.waiting >= max {
            let own = self.compute.of(caller) + self.wait.of(caller) + 1;
            let most = self.compute.newest_of_most(own).or_else(|| self.wait.newest_of_most(own));
            Some(most.ok_or(FULL)?)
        } else {
            self.waiting += 1;
            None
        };
        let (door, opens) = oneshot::channel();
        self.next += 1;
        let number = self.next;
        self.line(lane).push(caller, Waiter { number, door });
        Ok((Entered { number, opens }, sent_away))
    }
}

/// A place in the queue.
struct Entered {
    number: u64,
    opens: oneshot::Receiver<Result<Ticket, RunFailure>>,
}

impl Admission {
    pub(crate) fn new(max_calls_in_flight: usize, seats: usize, max_queue: usize) -> Self {
        let state = State {
            room: max_calls_in_flight.max(1),
            seats: (0..seats).rev().collect(),
            compute: Turns::default(),
            wait: Turns::default(),
            waiting: 0,
            next: 0,
        };
        Self { state: Mutex::new(state), max_queue }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change of the state is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket, if there is room at this moment.
    #[cfg(test)]
    fn try_enter(self: &Arc<Self>, lane: Lane) -> Option<Ticket> {
        let seat = self.lock().take(lane)?;
        Some(self.ticket(seat))
    }

    /// Waits for a ticket until `deadline`.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        (lane, caller): (Lane, Caller),
        deadline: Instant,
        cancel: &CancellationToken,
        workers: &Workers,
    ) -> Result<Ticket, RunFailure> {
        let (entered, sent_away) = {
            let mut state = self.lock();
            if let Some(seat) = state.take(lane) {
                drop(state);
                return Ok(self.ticket(seat));
            }
            state.queue(lane, caller, self.max_queue)?
        };
        if let Some(waiter) = sent_away {
            let _gone = waiter.door.send(Err(FULL)).is_err();
        }
        let _place = Place { admission: self, lane, caller, number: entered.number };
        tokio::select! {
            biased;
            ticket = entered.opens => ticket.unwrap_or(Err(RunFailure::Busy("the sandbox is closed"))),
            () = cancel.cancelled() => Err(RunFailure::Cancelled),
            () = workers.sleep_until(deadline) => Err(RunFailure::Busy("no call ended in time for this one to start")),
        }
    }

    fn ticket(self: &Arc<Self>, seat: Option<usize>) -> Ticket {
        Ticket { admission: Arc::clone(self), seat }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let next = {
            let mut state = self.admission.lock();
            state.give_back(self.seat);
            state.next()
        };
        if let Some((waiter, seat)) = next {
            // Whoever has just gone away drops it, which makes room for the one after.
            drop(waiter.door.send(Ok(self.admission.ticket(seat))));
        }
    }
}

/// Leaves the queue when its call does.
struct Place<'a> {
    admission: &'a Admission,
    lane: Lane,
    caller: Caller,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.admission.lock();
        let own = self.number;
        if state.line(self.lane).remove(self.caller, |waiter| waiter.number == own).is_some() {
            state.waiting -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::call::block_on;

    #[test]
    fn the_first_over_the_queue_is_refused_and_the_queue_moves_up() {
        let admission = Arc::new(Admission::new(4, 1, 1));
        let (cancel, workers) = (CancellationToken::new(), Workers::new(1));
        let later = Instant::now() + Duration::from_secs(600);
        let enter = || admission.enter((Lane::Compute, Caller::default()), later, &cancel, &workers);
        let running = block_on(enter(), None).unwrap().unwrap();
        let mut second = Box::pin(enter());
        assert!(second.as_mut().now_or_never().is_none());
        assert!(matches!(block_on(enter(), None).unwrap(), Err(RunFailure::Busy(_))));
        // The other lane has room: it needs no seat.
        assert!(admission.try_enter(Lane::Wait).is_some());
        drop(running);
        assert_eq!(block_on(second, None).unwrap().unwrap().seat, Some(0));
        assert!(admission.try_enter(Lane::Compute).is_some());
    }

    #[test]
    fn whoever_floods_waits_behind_the_others_and_cannot_keep_them_out() {
        let admission = Arc::new(Admission::new(1, 1, 4));
        let (cancel, workers) = (CancellationToken::new(), Workers::new(1));
        let later = Instant::now() + Duration::from_secs(600);
        let enter = |name| Box::pin(admission.enter((Lane::Compute, Caller::new(name, "")), later, &cancel, &workers));
        let running = block_on(enter("flood"), None).unwrap().unwrap();
        let mut flood: Vec<_> = (0..4).map(|_| enter("flood")).collect();
        for one in &mut flood {
            assert!(one.as_mut().now_or_never().is_none());
        }
        // The queue is full of it: its newest makes room for another caller, and one more of its own does not come in.
        let mut other = enter("other");
        assert!(other.as_mut().now_or_never().is_none());
        assert!(matches!(flood.pop().unwrap().now_or_never(), Some(Err(RunFailure::Busy(_)))));
        assert!(matches!(enter("flood").now_or_never(), Some(Err(RunFailure::Busy(_)))));
        // One of the flood was first; then it is the other's turn, although three came before.
        drop(running);
        let first = flood[0].as_mut().now_or_never().unwrap().unwrap();
        assert!(flood[1].as_mut().now_or_never().is_none());
        drop(first);
        assert!(flood[1].as_mut().now_or_never().is_none());
        let ticket = other.now_or_never().unwrap().unwrap();
        // Those who go away leave nothing behind.
        drop(flood);
        assert_eq!(admission.lock().waiting, 0);
        drop(ticket);
        let state = admission.lock();
        assert_eq!((state.room, state.seats.len()), (1, 1));
    }

    #[test]
    fn a_ticket_that_nobody_takes_makes_room_for_the_next() {
        let admission = Arc::new(Admission::new(1, 1, 4));
        let (cancel, workers) = (CancellationToken::new(), Workers::new(1));
        let later = Instant::now() + Duration::from_secs(600);
        let enter = || Box::pin(admission.enter((Lane::Compute, Caller::default()), later, &cancel, &workers));
        let running = block_on(enter(), None).unwrap().unwrap();
        let (mut gone, mut next) = (enter(), enter());
        assert!(gone.as_mut().now_or_never().is_none() && next.as_mut().now_or_never().is_none());
        drop(running);
        // It has its ticket and never looked at it.
        drop(gone);
        assert!(next.now_or_never().unwrap().is_ok());
    }

    #[test]
    fn whoever_waits_can_give_up() {
        let admission = Arc::new(Admission::new(1, 1, 1));
        let (cancel, workers) = (CancellationToken::new(), Workers::new(1));
        let _running = admission.try_enter(Lane::Wait).unwrap();
        cancel.cancel();
        let later = Instant::now() + Duration::from_secs(600);
        let ended = block_on(admission.enter((Lane::Wait, Caller::default()), later, &cancel, &workers), None).unwrap();
        assert_eq!(ended.unwrap_err(), RunFailure::Cancelled);
        let ended = block_on(
            admission.enter((Lane::Wait, Caller::default()), Instant::now(), &CancellationToken::new(), &workers),
            None,
        );
        assert!(matches!(ended.unwrap(), Err(RunFailure::Busy(_))));
    }
}
