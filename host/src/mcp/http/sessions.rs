//! Sessions: whose they are, and how many there may be.
//!
//! The id of a session is no secret that proves anything: it stands in headers, logs and proxies. So each session belongs to the
//! caller that began it, and for everybody else it does not exist.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rmcp::transport::streamable_http_server::session::SessionManager as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;

use crate::mcp::client::Client;

/// Sessions of one caller, and of all together. Each has a task and a few queues.
pub(super) const OF_ONE: usize = 32;
pub(super) const OF_ALL: usize = 512;

/// No session lasts longer: what a model has read long ago it has forgotten, and a token may have been revoked.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The sessions there are.
pub(super) struct Sessions {
    manager: Arc<LocalSessionManager>,
    known: Mutex<BTreeMap<String, Session>>,
}

struct Session {
    caller: Arc<str>,
    began: Instant,
    /// Made with its first call.
    client: Option<Arc<Client>>,
}

impl Sessions {
    pub(super) fn new(manager: LocalSessionManager) -> Self {
        Self { manager: Arc::new(manager), known: Mutex::default() }
    }

    /// Who runs them.
    pub(super) fn manager(&self) -> Arc<LocalSessionManager> {
        Arc::clone(&self.manager)
    }

    /// Whether it is a session of this caller, and has not lasted too long.
    pub(super) fn is_of(&self, id: &str, caller: &str) -> bool {
        self.known().get(id).is_some_and(|session| &*session.caller == caller && session.began.elapsed() < LONGEST)
    }

    /// Whether the caller may begin one more. Those that are over, or have lasted long enough, make room.
    pub(super) async fn have_room(&self, caller: &str) -> bool {
        self.sweep().await;
        has_room(&self.known(), caller)
    }

    /// A session of this caller began; `false` if it is one too many.
    pub(super) fn began(&self, id: &str, caller: &Arc<str>) -> bool {
        let mut known = self.known();
        let may = has_room(&known, caller);
        if may {
            let session = Session { caller: Arc::clone(caller), began: Instant::now(), client: None };
            known.insert(id.to_owned(), session);
        }
        may
    }

    /// Ends a session and whatever runs in it.
    pub(super) async fn end(&self, id: &str) {
        self.known().remove(id);
        // One that ended by itself meanwhile need not be ended.
        let _ended = self.manager.close_session(&id.into()).await;
    }

    /// The client of a session, which `make` makes if this is its first call. None if there is no such session.
    pub(super) fn client(&self, id: &str, make: impl FnOnce() -> Client) -> Option<Arc<Client>> {
        let mut known = self.known();
        let session = known.get_mut(id)?;
        Some(Arc::clone(session.client.get_or_insert_with(|| Arc::new(make()))))
    }

    async fn sweep(&self) {
        // In this order: what is known was there before.
        let known: Vec<_> = self.known().iter().map(|(id, session)| (id.clone(), session.began)).collect();
        let there: BTreeSet<String> =
            self.manager.sessions.read().await.keys().map(|id| id.as_ref().to_owned()).collect();
        for (id, began) in known {
            if !there.contains(&id) || began.elapsed() >= LONGEST {
                self.end(&id).await;
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Session>> {
        // A change is complete before anything can panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_room(known: &BTreeMap<String, Session>, caller: &str) -> bool {
    let of_caller = known.values().filter(|session| &*session.caller == caller).count();
    known.len() < OF_ALL && of_caller < OF_ONE
}
