//! How many calls run and wait. One more than may wait is refused at once: a queue without an end is a host without one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::call::RunFailure;
use crate::component::Lane;
use crate::workers::Workers;

/// The door of the sandbox.
#[derive(Debug)]
pub(crate) struct Admission {
    in_flight: Semaphore,
    seats: Semaphore,
    idle: Mutex<Vec<usize>>,
    waiting: AtomicUsize,
    max_queue: usize,
}

/// A call that may run. Dropping it makes room for the next.
#[derive(Debug)]
pub(crate) struct Ticket {
    admission: Arc<Admission>,
    /// The engine that is this call's alone while it runs. `None` on the lane that shares one.
    pub(crate) seat: Option<usize>,
}

impl Admission {
    pub(crate) fn new(max_calls_in_flight: usize, seats: usize, max_queue: usize) -> Self {
        Self {
            in_flight: Semaphore::new(max_calls_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            seats: Semaphore::new(seats),
            // The last one given back is the next one taken: its caches are warm.
            idle: Mutex::new((0..seats).rev().collect()),
            waiting: AtomicUsize::new(0),
            max_queue,
        }
    }

    /// A ticket, if there is room at this moment.
    pub(crate) fn try_enter(self: &Arc<Self>, lane: Lane) -> Option<Ticket> {
        let in_flight = self.in_flight.try_acquire().ok()?;
        if lane == Lane::Compute {
            self.seats.try_acquire().ok()?.forget();
        }
        in_flight.forget();
        Some(self.ticket(lane))
    }

    /// Waits for a ticket until `deadline`.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        lane: Lane,
        deadline: Instant,
        cancel: &CancellationToken,
        workers: &Workers,
    ) -> Result<Ticket, RunFailure> {
        if let Some(ticket) = self.try_enter(lane) {
            return Ok(ticket);
        }
        let _place = Place::take(self)?;
        tokio::select! {
            biased;
            ticket = self.wait(lane) => ticket,
            () = cancel.cancelled() => Err(RunFailure::Cancelled),
            () = workers.sleep_until(deadline) => Err(RunFailure::Busy("no call ended in time for this one to start")),
        }
    }

    async fn wait(self: &Arc<Self>, lane: Lane) -> Result<Ticket, RunFailure> {
        const CLOSED: RunFailure = RunFailure::Busy("the sandbox is closed");
        // The seat first: a call that waits for one must not keep out those that need none.
        let seat = match lane {
            Lane::Compute => Some(self.seats.acquire().await.map_err(|_| CLOSED)?),
            Lane::Wait => None,
        };
        self.in_flight.acquire().await.map_err(|_| CLOSED)?.forget();
        seat.into_iter().for_each(tokio::sync::SemaphorePermit::forget);
        Ok(self.ticket(lane))
    }

    // INVARIANT: only called with one permit of each kind taken and forgotten, so that an idle seat is there.
    fn ticket(self: &Arc<Self>, lane: Lane) -> Ticket {
        let seat = match lane {
            Lane::Wait => None,
            Lane::Compute => self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop(),
        };
        Ticket { admission: Arc::clone(self), seat }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(seat) = self.seat {
            self.admission.idle.lock().unwrap_or_else(PoisonError::into_inner).push(seat);
            self.admission.seats.add_permits(1);
        }
        self.admission.in_flight.add_permits(1);
    }
}

/// A place in the queue.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(admission: &'a Admission) -> Result<Self, RunFailure> {
        let before = admission.waiting.fetch_add(1, Ordering::SeqCst);
        let place = Self(&admission.waiting);
        if before >= admission.max_queue { Err(RunFailure::Busy("too many calls wait already")) } else { Ok(place) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::call::block_on;

    #[test]
    fn the_first_over_the_queue_is_refused_and_the_queue_moves_up() {
        let admission = Arc::new(Admission::new(4, 1, 1));
        let (cancel, workers) = (CancellationToken::new(), Workers::new(1));
        let later = Instant::now() + Duration::from_secs(600);
        let enter = || admission.enter(Lane::Compute, later, &cancel, &workers);
        let running = block_on(enter(), None).unwrap().unwrap();
        let mut second = Box::pin(enter());
        assert!(futures_util::FutureExt::now_or_never(second.as_mut()).is_none());
        assert!(matches!(block_on(enter(), None).unwrap(), Err(RunFailure::Busy(_))));
        // The other lane has room: it needs no seat.
        assert!(admission.try_enter(Lane::Wait).is_some());
        drop(running);
        assert_eq!(block_on(second, None).unwrap().unwrap().seat, Some(0));
        assert!(admission.try_enter(Lane::Compute).is_some());
    }

    #[test]
    fn whoever_waits_can_give_up() {
        let admission = Arc::new(Admission::new(1, 1, 1));
        let (cancel, workers) = (CancellationToken::new(), Workers::new(1));
        let _running = admission.try_enter(Lane::Wait).unwrap();
        cancel.cancel();
        let later = Instant::now() + Duration::from_secs(600);
        let ended = block_on(admission.enter(Lane::Wait, later, &cancel, &workers), None).unwrap();
        assert_eq!(ended.unwrap_err(), RunFailure::Cancelled);
        let ended = block_on(admission.enter(Lane::Wait, Instant::now(), &CancellationToken::new(), &workers), None);
        assert!(matches!(ended.unwrap(), Err(RunFailure::Busy(_))));
    }
}
