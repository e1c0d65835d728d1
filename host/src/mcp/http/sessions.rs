//! Sessions: whose they are, and how many there may be.
//!
//! The id of a session is no secret that proves anything: it stands in headers, logs and proxies. So each session belongs to the
//! caller that began it, and for everybody else it does not exist.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rmcp::RoleServer;
use rmcp::model::{InitializeRequestParams, RequestId};
use rmcp::service::Peer;
use rmcp::transport::streamable_http_server::session::SessionManager as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use tokio_util::sync::CancellationToken;

use crate::mcp::client::Client;

/// Sessions of one caller, and of all together. Each has a task and a few queues.
pub(super) const OF_ONE: usize = 32;
pub(super) const OF_ALL: usize = 512;

/// No session lasts longer: what a model has read long ago it has forgotten, and a token may have been revoked.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The SDK hears of each session at least this often, as long as something is said in it: by what it does not hear of, it would
/// take the session for silent.
pub(super) const HEARD_EVERY: Duration = Duration::from_secs(600);

/// The sessions there are.
pub(super) struct Sessions {
    manager: Arc<LocalSessionManager>,
    known: Mutex<BTreeMap<Arc<str>, Session>>,
}

struct Session {
    caller: Arc<str>,
    began: Instant,
    /// Made with its first call.
    client: Option<Arc<Client>>,
    /// Who is at its other end, from the moment on that they say that they have begun.
    peer: Option<Peer<RoleServer>>,
    /// When the SDK heard of it.
    heard: Instant,
    /// Calls of which the SDK does not know.
    calls: HashMap<RequestId, CancellationToken>,
}

/// A call in a session. It is known there for as long as this is.
pub(super) struct Entered {
    pub(super) client: Arc<Client>,
    /// What the client said when the session began.
    pub(super) begun: Arc<InitializeRequestParams>,
    /// Is cancelled when the client gives the call up, and at the end of the session.
    pub(super) given_up: CancellationToken,
    pub(super) known: Known,
}

/// That a call is known in its session.
pub(super) struct Known {
    sessions: Arc<Sessions>,
    session: Arc<str>,
    request: RequestId,
}

impl Drop for Known {
    fn drop(&mut self) {
        if let Some(session) = self.sessions.known().get_mut(&self.session) {
            session.calls.remove(&self.request);
        }
    }
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
            let now = Instant::now();
            let (caller, calls) = (Arc::clone(caller), HashMap::new());
            known.insert(id.into(), Session { caller, began: now, client: None, peer: None, heard: now, calls });
        }
        may
    }

    /// Whoever began a session can be reached from here on.
    pub(super) fn opened(&self, id: &str, peer: Peer<RoleServer>) {
        if let Some(session) = self.known().get_mut(id) {
            session.peer.get_or_insert(peer);
        }
    }

    /// Enters a call into a session of this caller, of which the SDK need not know. None if it has to: there is no such session, it has not
    /// been opened, it has not been heard of for long, or a call of this id is under way.
    pub(super) fn enter(
        self: &Arc<Self>,
        (id, caller): (&str, &str),
        request: &RequestId,
        now: Instant,
        make: impl FnOnce() -> Client,
    ) -> Option<Entered> {
        let mut known = self.known();
        let own: Arc<str> = Arc::clone(known.get_key_value(id)?.0);
        let session = known.get_mut(id).filter(|session| &*session.caller == caller)?;
        if now.duration_since(session.began) >= LONGEST || session.calls.contains_key(request) {
            return None;
        }
        let begun = session.peer.as_ref().filter(|peer| !peer.is_transport_closed())?.peer_info()?;
        if now.duration_since(session.heard) >= HEARD_EVERY {
            session.heard = now;
            return None;
        }
        let client = Arc::clone(session.client.get_or_insert_with(|| Arc::new(make())));
        let given_up = CancellationToken::new();
        session.calls.insert(request.clone(), given_up.clone());
        let known = Known { sessions: Arc::clone(self), session: own, request: request.clone() };
        Some(Entered { client, begun, given_up, known })
    }

    /// The client of a session gives a call up.
    pub(super) fn give_up(&self, id: &str, request: &RequestId) {
        if let Some(call) = self.known().get(id).and_then(|session| session.calls.get(request)) {
            call.cancel();
        }
    }

    /// Ends a session and whatever runs in it.
    pub(super) async fn end(&self, id: &str) {
        let ended = self.known().remove(id);
        ended.iter().flat_map(|session| session.calls.values()).for_each(CancellationToken::cancel);
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
        let there: BTreeSet<Arc<str>> = self.manager.sessions.read().await.keys().cloned().collect();
        for (id, began) in known {
            if !there.contains(&id) || began.elapsed() >= LONGEST {
                self.end(&id).await;
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Session>> {
        // A change is complete before anything can panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_room(known: &BTreeMap<Arc<str>, Session>, caller: &str) -> bool {
    let of_caller = known.values().filter(|session| &*session.caller == caller).count();
    known.len() < OF_ALL && of_caller < OF_ONE
}
