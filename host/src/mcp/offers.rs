//! What clients are offered: the tools of the host that is in force, and word of it when they are others.
//!
//! A request takes the offer once and goes by it to its end. Until 2025-11-25 whoever began a session is told that its list has changed;
//! in 2026-07-28 whoever listens for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use rmcp::{Peer, RoleServer};
use tokio::sync::watch;

use super::client;
use super::tools::Tools;
use crate::{Current, Host};

/// For how long a client that does not read may keep others from being told.
const PATIENCE: Duration = Duration::from_secs(5);

/// The tools of one host.
pub(super) struct Offer {
    pub(super) host: Host,
    pub(super) tools: Tools,
    /// Rules ask what was read before: the calls of a client go one by one.
    pub(super) ordered: bool,
}

/// The offer that holds, and who is told of another one.
pub(super) struct Offers {
    current: Current,
    short_names: bool,
    last: Mutex<Arc<Offer>>,
    /// How often the list has changed.
    editions: watch::Sender<u64>,
    sessions: Mutex<Vec<Peer<RoleServer>>>,
}

impl Offers {
    pub(super) fn new(current: Current, short_names: bool) -> Self {
        let last = Mutex::new(Arc::new(Offer::of(current.host(), short_names)));
        Self { current, short_names, last, editions: watch::Sender::new(0), sessions: Mutex::default() }
    }

    /// What holds now.
    pub(super) fn now(&self) -> Arc<Offer> {
        let mut last = locked(&self.last);
        // Asked for while nobody else can put an older one in the place of a newer one.
        let host = self.current.host();
        if last.host.is(&host) {
            return Arc::clone(&last);
        }
        let next = Arc::new(Offer::of(host, self.short_names));
        let before = std::mem::replace(&mut *last, Arc::clone(&next));
        if next.tools.listed() != before.tools.listed() {
            self.editions.send_modify(|edition| *edition += 1);
        }
        drop(last);
        // With it may end all that a host has, for which nobody waits who asks for what holds.
        drop(before);
        next
    }

    /// How often the list has changed, for whoever listens.
    pub(super) fn editions(&self) -> watch::Receiver<u64> {
        self.editions.subscribe()
    }

    /// Whoever began a session is told from here on.
    pub(super) fn tell(&self, session: Peer<RoleServer>) {
        let mut sessions = locked(&self.sessions);
        sessions.retain(|known| !known.is_transport_closed());
        sessions.push(session);
    }

    /// Takes up each offer as soon as it holds, so that no host stays for the sake of who asks nothing, and tells the sessions. Does not end.
    pub(super) async fn follow(&self) {
        let (mut hosts, mut editions) = (self.current.changes(), self.editions());
        // What was replaced before this began.
        let _now = self.now();
        loop {
            tokio::select! {
                changed = hosts.changed() => match changed {
                    Ok(()) => drop(self.now()),
                    // Never: the sender is here.
                    Err(_) => return,
                },
                changed = editions.changed() => match changed {
                    Ok(()) => self.tell_all().await,
                    Err(_) => return,
                },
            }
        }
    }

    async fn tell_all(&self) {
        let sessions = {
            let mut sessions = locked(&self.sessions);
            sessions.retain(|known| !known.is_transport_closed());
            sessions.clone()
        };
        // One that has gone meanwhile, or does not read, is not waited for by the others.
        let told = sessions.iter().map(|session| tokio::time::timeout(PATIENCE, session.notify_tool_list_changed()));
        let untold = join_all(told).await.iter().filter(|told| !matches!(told, Ok(Ok(())))).count();
        if untold > 0 {
            tracing::info!(untold, "not every session could be told that its list of tools has changed");
        }
    }
}

impl Offer {
    fn of(host: Host, short_names: bool) -> Self {
        Self { tools: Tools::of(&host, short_names), ordered: client::ordered(&host), host }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A change is complete before anything can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
