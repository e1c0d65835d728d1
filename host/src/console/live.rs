//! Pages that keep up: a page that is open is told that something changed, and asks for itself again.
//!
//! Nothing of what happened is sent, so there is one way in which it is shown. Told at most twice a second; who reads too slowly
//! misses nothing by it. A stream ends after a while and begins again, so that whoever may not look any more is not told for long.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde::Deserialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::Console;
use super::failure::Failure;
use super::guard::Visitor;
use crate::access::Caller;
use crate::journal::Noted;

/// Most pages that are kept up to date at once.
pub(super) const MOST: usize = 64;

/// What happens within this time is one change.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a stream lasts.
const LONGEST: Duration = Duration::from_secs(600);

/// How often something is sent when nothing happens: it is found out then that nobody listens.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How many pages are kept up to date.
#[derive(Debug, Default)]
pub(super) struct Audience(Arc<AtomicUsize>);

/// One of them.
#[derive(Debug)]
pub(super) struct Seat(Arc<AtomicUsize>);

impl Audience {
    /// Takes a seat, if there is one.
    pub(super) fn sit(&self) -> Option<Seat> {
        let more = |seats| (seats < MOST).then_some(seats + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Seat(Arc::clone(&self.0)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// What is followed.
#[derive(Debug, Deserialize)]
pub(super) struct About {
    /// `all`, or the name of a run, a call or an approval.
    #[serde(default)]
    about: String,
}

impl About {
    fn is_about(&self, note: &Noted) -> bool {
        match note {
            _ if self.about == "all" => true,
            Noted::Step { run, .. } => run.as_str() == self.about,
            Noted::Entry { entry, .. } => {
                // By the words in which it is written: names stand nowhere else.
                let names = serde_json::to_value(&entry.event).unwrap_or_default();
                ["run", "call", "approval"]
                    .iter()
                    .any(|name| names.get(name).and_then(|name| name.as_str()) == Some(&self.about))
            }
        }
    }
}

/// An open page.
struct Follower {
    console: Console,
    caller: Caller,
    notes: Receiver<Arc<Noted>>,
    about: About,
    until: Instant,
    _seat: Seat,
}

/// Follows, until the stream ends.
pub(super) async fn follow(
    State(console): State<Console>,
    visitor: Visitor,
    Query(about): Query<About>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let seat = console.0.audience.sit().ok_or_else(Failure::too_many)?;
    let notes = console.host().journal().subscribe();
    let (caller, until) = (visitor.caller().clone(), Instant::now() + LONGEST);
    let follower = Follower { console, caller, notes, about, until, _seat: seat };
    let changes = futures_util::stream::unfold(follower, |mut follower| async move {
        follower.changed().await.then(|| (Ok(Event::default().event("changed").data("")), follower))
    });
    Ok(Sse::new(changes).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

impl Follower {
    /// Waits until something changed; not, when it is over.
    async fn changed(&mut self) -> bool {
        let until = self.until;
        let something = async {
            loop {
                match self.notes.recv().await {
                    Ok(note) if self.about.is_about(&note) => return true,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return true,
                    Err(RecvError::Closed) => return false,
                }
            }
        };
        let shutdown = self.console.0.shutdown.clone();
        let told = tokio::select! {
            told = tokio::time::timeout_at(until, something) => told.unwrap_or(false),
            () = shutdown.begun() => false,
        };
        if !told {
            return false;
        }
        tokio::time::sleep(PAUSE).await;
        while self.notes.try_recv().is_ok() {}
        self.console.0.access.stands(&self.caller).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_end_of_seats_and_they_become_free() {
        let audience = Audience::default();
        let mut seats: Vec<_> = (0..MOST).map(|_| audience.sit().unwrap()).collect();
        assert!(audience.sit().is_none());
        seats.pop();
        assert!(audience.sit().is_some());
    }
}
