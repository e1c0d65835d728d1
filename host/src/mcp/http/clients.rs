//! Who a request is from, and what is kept of them from one request to the next.
//!
//! What a client has read must not be forgotten because its next request stands for itself. So a run belongs to a session, or
//! to a pair: the caller, as its token proves, and the client, as it calls itself. The pair is kept until nothing was heard of it
//! for a long time. If there are too many, new ones are refused: none is forgotten to make room.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::request::Parts;
use rmcp::model::{Extensions, RequestId};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{ErrorData, RoleServer};

use super::gate::SESSION;
use super::sessions::Sessions;
use crate::access::Caller;
use crate::mcp::client::Client;

/// Clients of one caller, and of all together, that are kept.
const OF_ONE: usize = 64;
const OF_ALL: usize = 1024;

/// A client of which nothing was heard for so long is forgotten, and with it what it has read.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 3600);

/// The longest that a client may call itself to be told from others, in bytes.
const LONGEST_NAME: usize = 256;

/// The clients of a server.
pub(in crate::mcp) struct Clients {
    sessions: Arc<Sessions>,
    declared: Mutex<BTreeMap<(Arc<str>, String), Declared>>,
}

struct Declared {
    client: Arc<Client>,
    heard: Instant,
}

impl Clients {
    pub(super) fn new(sessions: Arc<Sessions>) -> Self {
        Self { sessions, declared: Mutex::default() }
    }

    /// Whose request it is.
    pub(in crate::mcp) fn of(&self, context: &RequestContext<RoleServer>) -> Result<Arc<Client>, ErrorData> {
        let parts = context.extensions.get::<Parts>();
        let Some((parts, caller)) = parts.and_then(|parts| Some((parts, parts.extensions.get::<Caller>()?))) else {
            return Err(ErrorData::internal_error("nobody has said who asks", None));
        };
        let make = || Client::of_token(&caller.name);
        match parts.headers.get(SESSION).and_then(|id| id.to_str().ok()) {
            // That it is a session of this caller was seen before the request came here.
            Some(id) => {
                self.sessions.client(id, make).ok_or_else(|| ErrorData::invalid_request("no such session", None))
            }
            None => {
                let itself = context.client_info().map(|itself| itself.name).unwrap_or_default();
                self.declared(&caller.name, &itself, Instant::now(), make)
            }
        }
    }

    /// A client says that it has begun a session.
    pub(in crate::mcp) fn began(&self, context: &NotificationContext<RoleServer>) {
        if let Some(id) = session(&context.extensions) {
            self.sessions.opened(id, context.peer.clone());
        }
    }

    /// A client gives up a call in its session.
    pub(in crate::mcp) fn give_up(&self, context: &NotificationContext<RoleServer>, request: &RequestId) {
        if let Some(id) = session(&context.extensions) {
            self.sessions.give_up(id, request);
        }
    }

    /// The client of this caller that calls itself so.
    pub(super) fn declared(
        &self,
        caller: &Arc<str>,
        itself: &str,
        now: Instant,
        make: impl FnOnce() -> Client,
    ) -> Result<Arc<Client>, ErrorData> {
        if itself.len() > LONGEST_NAME {
            let why = format!("the name of a client has at most {LONGEST_NAME} bytes");
            return Err(ErrorData::invalid_params(why, None));
        }
        let mut declared = self.declared.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (Arc::clone(caller), itself.to_owned());
        if let Some(known) = declared.get_mut(&key) {
            known.heard = now;
            return Ok(Arc::clone(&known.client));
        }
        // One that is in the midst of a call is heard of when that ends.
        declared.retain(|_, known| {
            now.duration_since(known.heard) < FORGOTTEN_AFTER || Arc::strong_count(&known.client) > 1
        });
        let of_caller = declared.keys().filter(|(of, _)| of == caller).count();
        if declared.len() >= OF_ALL || of_caller >= OF_ONE {
            let why = format!(
                "too many clients: {OF_ONE} names of one token are kept apart; use one of those that are known"
            );
            return Err(ErrorData::invalid_request(why, None));
        }
        let client = Arc::new(make());
        declared.insert(key, Declared { client: Arc::clone(&client), heard: now });
        Ok(client)
    }
}

/// The session that a message came in. That it is one of its sender was seen before it came here.
fn session(extensions: &Extensions) -> Option<&str> {
    extensions.get::<Parts>()?.headers.get(SESSION)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;

    use super::*;

    fn clients() -> Clients {
        Clients::new(Arc::new(Sessions::new(LocalSessionManager::default())))
    }

    #[test]
    fn who_comes_back_is_the_same_client_and_nobody_else_is() {
        let (clients, now) = (clients(), Instant::now());
        let run = |caller: &str, itself: &str| {
            let client = clients.declared(&caller.into(), itself, now, || Client::new(caller));
            client.map(|client| client.run.clone()).map_err(|error| error.message)
        };
        let first = run("ann", "editor").unwrap();
        assert_eq!(run("ann", "editor").unwrap(), first);
        assert_ne!(run("ann", "other").unwrap(), first);
        assert_ne!(run("bob", "editor").unwrap(), first);
        assert!(run("ann", &"x".repeat(LONGEST_NAME + 1)).unwrap_err().contains("at most"));
    }

    /// A client that could make the host forget it by calling itself many names would get rid of what it has read.
    #[test]
    fn nobody_is_forgotten_to_make_room() {
        let (clients, now) = (clients(), Instant::now());
        let at = |now, itself: &str| clients.declared(&"ann".into(), itself, now, || Client::new("mcp:ann"));
        let first = at(now, "0").unwrap().run.clone();
        for name in 1..OF_ONE {
            at(now, &name.to_string()).unwrap();
        }
        assert!(at(now, "one more").is_err());
        assert_eq!(at(now, "0").unwrap().run, first);
        // Somebody else has room.
        assert!(clients.declared(&"bob".into(), "0", now, || Client::new("mcp:bob")).is_ok());
        // Those of which nothing was heard for long are gone, and only those.
        let later = now + FORGOTTEN_AFTER - Duration::from_secs(1);
        assert_eq!(at(later, "0").unwrap().run, first);
        let much_later = now + FORGOTTEN_AFTER;
        assert!(at(much_later, "one more").is_ok());
        assert_eq!(at(much_later, "0").unwrap().run, first);
    }

    #[test]
    fn who_is_in_the_midst_of_a_call_is_not_forgotten() {
        let (clients, now) = (clients(), Instant::now());
        let at = |now, itself: &str| clients.declared(&"ann".into(), itself, now, || Client::new("mcp:ann"));
        let running = at(now, "0").unwrap();
        let much_later = now + FORGOTTEN_AFTER * 2;
        at(much_later, "other").unwrap();
        assert_eq!(at(much_later, "0").unwrap().run, running.run);
    }
}
