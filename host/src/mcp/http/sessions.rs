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

#[cfg(test)]
mod tests {
    use rmcp::ServerHandler;
    use rmcp::model::{ClientCapabilities, Implementation};
    use rmcp::service::{RunningService, serve_directly};
    use tokio::io::DuplexStream;

    use super::*;

    struct Nobody;

    impl ServerHandler for Nobody {}

    /// Who is at the other end of a session, until the end of the stream.
    fn other_end() -> (RunningService<RoleServer, Nobody>, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(1024);
        let begun = InitializeRequestParams::new(ClientCapabilities::default(), Implementation::new("editor", "1"));
        (serve_directly(Nobody, ours, Some(begun)), theirs)
    }

    fn sessions() -> Arc<Sessions> {
        Arc::new(Sessions::new(LocalSessionManager::default()))
    }

    fn enter(sessions: &Arc<Sessions>, session: &str, caller: &str, id: i64, now: Instant) -> Option<Entered> {
        sessions.enter((session, caller), &RequestId::Number(id), now, || Client::new(caller))
    }

    #[tokio::test]
    async fn a_call_enters_an_open_session_of_its_caller_once() {
        let (sessions, (running, _stream), now) = (sessions(), other_end(), Instant::now());
        assert!(enter(&sessions, "s", "ann", 1, now).is_none(), "there is none");
        assert!(sessions.began("s", &"ann".into()));
        assert!(enter(&sessions, "s", "ann", 1, now).is_none(), "nobody is there yet");
        sessions.opened("s", running.peer().clone());
        sessions.opened("t", running.peer().clone());
        assert!(enter(&sessions, "t", "ann", 1, now).is_none(), "nobody has begun it");
        assert!(enter(&sessions, "s", "eve", 1, now).is_none(), "it is not hers");
        let first = enter(&sessions, "s", "ann", 1, now).unwrap();
        assert_eq!(first.begun.client_info.name, "editor");
        assert!(enter(&sessions, "s", "ann", 1, now).is_none(), "nobody could tell which of the two is given up");
        let second = enter(&sessions, "s", "ann", 2, now).unwrap();
        assert!(Arc::ptr_eq(&first.client, &second.client));
        drop(first);
        assert!(enter(&sessions, "s", "ann", 1, now).is_some());
        let far = now + LONGEST;
        assert!(enter(&sessions, "s", "ann", 3, far).is_none(), "it has lasted too long");
    }

    #[tokio::test]
    async fn what_is_given_up_is_cancelled_and_everything_at_the_end() {
        let (sessions, (running, _stream), now) = (sessions(), other_end(), Instant::now());
        sessions.began("s", &"ann".into());
        sessions.opened("s", running.peer().clone());
        let [one, two] = [1, 2].map(|id| enter(&sessions, "s", "ann", id, now).unwrap());
        sessions.give_up("s", &RequestId::Number(1));
        sessions.give_up("s", &RequestId::String("2".into()));
        sessions.give_up("t", &RequestId::Number(2));
        assert!(one.given_up.is_cancelled() && !two.given_up.is_cancelled());
        sessions.end("s").await;
        assert!(two.given_up.is_cancelled());
        assert!(enter(&sessions, "s", "ann", 3, now).is_none());
        // That of another session of the same name is another one.
        sessions.began("s", &"ann".into());
        drop((one, two));
    }

    #[tokio::test]
    async fn the_sdk_hears_of_a_session_in_which_something_is_said_before_it_takes_it_for_silent() {
        let (sessions, (running, stream), now) = (sessions(), other_end(), Instant::now());
        sessions.began("s", &"ann".into());
        sessions.opened("s", running.peer().clone());
        let later = now + HEARD_EVERY + Duration::from_secs(1);
        assert!(enter(&sessions, "s", "ann", 1, later).is_none());
        assert!(enter(&sessions, "s", "ann", 1, later).is_some());
        assert!(enter(&sessions, "s", "ann", 1, later + HEARD_EVERY).is_none());
        assert!(enter(&sessions, "s", "ann", 1, later + HEARD_EVERY).is_some());
        // One that the SDK has ended is over.
        drop(stream);
        running.waiting().await.unwrap();
        assert!(enter(&sessions, "s", "ann", 2, later + HEARD_EVERY).is_none());
    }
}
