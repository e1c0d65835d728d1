//! One client: what its calls have in common, and how many of them there may be at once.
#![expect(
    deprecated,
    reason = "clients of the revisions until 2025-11-25 ask for log lines; the one after does so in `_meta`"
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::model::{Implementation, LoggingLevel};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore};
use toolhold_core::escape;
use toolhold_core::event::{self, Event};
use toolhold_core::id::{ApprovalId, RunId};

use super::tasks::Tasks;
use crate::journal::Error;
use crate::{Host, RunLabels, clock};

/// Calls of one client that run, or wait for their turn, at once. A client that asks for more is told so.
pub(super) const CALLS_AT_ONCE: usize = 64;

/// Dismissed questions of one client that are remembered: more than may wait, unless the manifest says otherwise.
const DISMISSED_KEPT: usize = 256;

/// The longest that a client may call itself, in bytes, before it is cut.
const LONGEST_NAME: usize = 128;

/// A client. Its calls are one run: what an earlier one has read counts for the later ones.
pub(super) struct Client {
    /// Who asks, as rates and idempotency keys know it. Never what the client says of itself.
    pub(super) name: Arc<str>,
    /// The token that it has shown; none where the user of this machine started it.
    pub(super) token: Option<Arc<str>>,
    pub(super) run: RunId,
    pub(super) labels: Arc<RunLabels>,
    /// Where rules ask what was read before, one call ends before the next one is decided; where they do not, calls go side by side.
    turn: RwLock<()>,
    pub(super) tasks: Tasks,
    calls: Arc<Semaphore>,
    /// Questions that its person did not answer, the oldest first: they are not shown again.
    dismissed: Mutex<VecDeque<ApprovalId>>,
    /// From where on it wants to hear log lines. Nothing, unless it asks.
    level: Mutex<Option<LoggingLevel>>,
    on_record: OnceCell<()>,
}

/// The turn of one call, as long as this is there.
pub(super) enum Turn<'a> {
    /// No other call of its client is under way.
    Alone { _turn: RwLockWriteGuard<'a, ()> },
    /// None that has to be alone is.
    Beside { _turn: RwLockReadGuard<'a, ()> },
}

/// Whether a client's calls go one by one: rules ask what was read before.
pub(super) fn ordered(host: &Host) -> bool {
    host.policy().manifest().rules().iter().any(|rule| !rule.when_labels.is_empty())
}

impl Client {
    /// One of which nothing is known yet.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            token: None,
            run: clock::new_run(),
            labels: Arc::default(),
            turn: RwLock::default(),
            tasks: Tasks::default(),
            calls: Arc::new(Semaphore::new(CALLS_AT_ONCE)),
            dismissed: Mutex::default(),
            level: Mutex::default(),
            on_record: OnceCell::new(),
        }
    }

    /// One that has shown this token.
    pub(super) fn of_token(token: &Arc<str>) -> Self {
        Self { token: Some(Arc::clone(token)), ..Self::new(&format!("mcp:{token}")) }
    }

    /// Waits until a call may be decided. `ordered`: see [`ordered`]. A call that has to be alone waits also for those that were begun under
    /// a manifest by which they did not.
    pub(super) async fn turn(&self, ordered: bool) -> Turn<'_> {
        match ordered {
            true => Turn::Alone { _turn: self.turn.write().await },
            false => Turn::Beside { _turn: self.turn.read().await },
        }
    }

    /// A place for one more call; none while it has as many as it may.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.calls).try_acquire_owned().ok()
    }

    /// Records, before its first call, whose calls those of its run are.
    ///
    /// # Errors
    ///
    /// It cannot be recorded.
    pub(super) async fn arrives(&self, host: &Host, itself: Option<&Implementation>) -> Result<(), Error> {
        let arrived = || {
            let calls_itself = itself.map(|itself| format!("{} {}", itself.name, itself.version)).unwrap_or_default();
            let calls_itself = host.redactor().redact(&escape::short(&calls_itself, LONGEST_NAME)).into_owned();
            let event = Event::ClientArrived {
                run: self.run.clone(),
                front: "mcp".to_owned(),
                client: self.name.to_string(),
                calls_itself: event::bounded(&calls_itself),
            };
            host.journal().record(clock::micros(), event)
        };
        self.on_record.get_or_try_init(arrived).await.map(|_| ())
    }

    /// Its person has seen the question and said nothing: a model that repeats the call does not make them see it again.
    pub(super) fn dismiss(&self, question: &ApprovalId) {
        let mut dismissed = self.dismissed.lock().unwrap_or_else(PoisonError::into_inner);
        if dismissed.len() == DISMISSED_KEPT {
            dismissed.pop_front();
        }
        dismissed.push_back(question.clone());
    }

    /// Whether its person has seen the question and said nothing.
    pub(super) fn has_dismissed(&self, question: &ApprovalId) -> bool {
        self.dismissed.lock().unwrap_or_else(PoisonError::into_inner).contains(question)
    }

    /// From where on it wants to hear log lines.
    pub(super) fn level(&self) -> MutexGuard<'_, Option<LoggingLevel>> {
        self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn what_was_dismissed_stays_so_and_no_more_is_kept_than_may_be() {
        let (client, id) = (Client::new("mcp:ann"), |number: usize| format!("a-{number}").parse().unwrap());
        for number in 0..=DISMISSED_KEPT {
            assert!(!client.has_dismissed(&id(number)));
            client.dismiss(&id(number));
            assert!(client.has_dismissed(&id(number)));
        }
        assert!(!client.has_dismissed(&id(0)) && client.has_dismissed(&id(1)));
        assert_eq!(client.dismissed.lock().unwrap().len(), DISMISSED_KEPT);
    }

    /// A call that was begun where nothing was asked of what is read may be reading what rules of the next manifest ask about.
    #[tokio::test]
    async fn a_call_that_has_to_be_alone_waits_for_those_that_did_not_have_to() {
        let client = Client::new("mcp:ann");
        let (one, other) = (client.turn(false).await, client.turn(false).await);
        let mut alone = Box::pin(client.turn(true));
        assert!((&mut alone).now_or_never().is_none());
        drop(one);
        assert!((&mut alone).now_or_never().is_none());
        drop(other);
        let alone = alone.await;
        assert!(client.turn(false).now_or_never().is_none());
        drop(alone);
        drop(client.turn(false).await);
    }

    #[test]
    fn a_client_has_as_many_calls_as_it_may_and_no_more() {
        let (client, other) = (Client::new("mcp:ann"), Client::new("mcp:bob"));
        let mut places: Vec<_> = (0..CALLS_AT_ONCE).map(|_| client.place().unwrap()).collect();
        assert!(client.place().is_none() && other.place().is_some());
        drop(places.pop());
        assert!(client.place().is_some());
    }
}
