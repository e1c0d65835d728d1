//! Tools of other MCP servers, called through the same gate: the client side of the protocol.
//!
//! A server is a component whose bytes are elsewhere. What it said of its tools when a person accepted it is in the store and pinned
//! in the lock file; that is what the host knows, validates and shows, so that nothing is started when a host is opened. A
//! server is reached at the first call of one of its tools, asked again what it says of them, and not called if that is anything
//! else. One connection is shared by all calls.
//!
//! Only an [`AuthorizedCall`] gets here. What the server does with it nobody sees: a call is written down as one request, and
//! whether it left the host decides, as with requests of guests, whether it may be made again. A preview sends nothing, unless
//! the operator says of the tool that it changes nothing. What a server asks of its client (sampling, elicitation, roots) is
//! refused: it would be a way around the gate.
//!
//! The protocol is spoken by hand, not by a library: what is sent, and whether it was, has to be known exactly; every message is
//! bounded before it is read; and requests go the way of all others, through [`crate::egress`], where addresses are checked.
//!
//! [`server`] is one server with its connection; [`connection`] makes one; [`process`] and [`web`] carry messages;
//! [`message`] reads them; [`result`] makes one value of an answer; [`report`] is what a call came to.

mod call;
mod connection;
mod ending;
mod events;
mod link;
mod message;
mod process;
mod report;
mod result;
mod server;
#[cfg(test)]
mod tests;
mod web;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Handle, Runtime};
use toolhold_core::call::AuthorizedCall;
use toolhold_core::event::{Event, bounded};
use toolhold_core::id::{ComponentName, LocalName};
use toolhold_core::listing::Listing;
use toolhold_core::manifest::Manifest;
use toolhold_sandbox::{Reel, RunOptions, RunReport};

use self::call::Asked;
pub(crate) use self::ending::ended;
use self::server::{Server, Setup};
use crate::attempt::Dependencies;
use crate::egress::Client;
use crate::secrets::Secrets;

/// The MCP servers of a host.
#[derive(Default)]
pub(crate) struct Upstreams {
    servers: BTreeMap<ComponentName, Arc<Server>>,
    threads: Threads,
}

impl Drop for Upstreams {
    fn drop(&mut self) {
        self.servers.values().for_each(|server| server.end());
        // In a task nobody may wait; whoever ends the process does.
        if Handle::try_current().is_err() {
            ended();
        }
    }
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.servers.keys()).finish()
    }
}

/// What servers are reached with.
pub(crate) struct Means<'a> {
    pub(crate) secrets: &'a Secrets,
    pub(crate) client: Client,
}

impl Upstreams {
    /// The servers of `manifest`, each of which must say what `pinned` has of it.
    pub(crate) fn new(
        manifest: &Manifest,
        pinned: &BTreeMap<ComponentName, Listing>,
        means: &Means<'_>,
        dependencies: &Dependencies,
    ) -> Self {
        let known = pinned.iter().map(|(name, listing)| (name.clone(), Some(listing.clone())));
        Self::with(manifest, known, means, Some(dependencies))
    }

    fn with(
        manifest: &Manifest,
        servers: impl Iterator<Item = (ComponentName, Option<Listing>)>,
        means: &Means<'_>,
        dependencies: Option<&Dependencies>,
    ) -> Self {
        let server = |(name, pinned): (ComponentName, Option<Listing>)| {
            let component = manifest.components().get(&name)?;
            let expose = component.expose.as_ref();
            let expose: Option<Vec<LocalName>> =
                expose.map(|names| names.iter().map(|name| name.value.clone()).collect());
            let setup = Setup {
                name: name.clone(),
                settings: component.server.clone()?,
                env: Arc::clone(&component.env),
                pinned: pinned.map(|listing| listing.only(expose.as_deref())),
                expose,
                breaker: component.reliability.breaker.clone(),
            };
            Some((name, Arc::new(Server::new(setup, means, dependencies))))
        };
        Self { servers: servers.filter_map(server).collect(), threads: Threads::default() }
    }

    /// Makes a call of a tool of a server. `None` if its tool is of none; an event if the call found out that the server has changed.
    pub(crate) async fn run(&self, call: &AuthorizedCall, options: &RunOptions) -> Option<(RunReport, Option<Event>)> {
        let tool = call.call().tool();
        let server = self.servers.get(tool.component())?;
        let asked = match Asked::of(call, server.wire_name(tool.local()), options) {
            Ok(asked) => asked,
            Err(report) => return Some((*report, None)),
        };
        if matches!(options.reel, Some(Reel::Played(_))) {
            return Some((report::withheld(&asked.trail), None));
        }
        let Some(threads) = self.threads.get() else {
            let failure = report::not_started("there are no threads to call the server with");
            return Some((report::of(&asked.trail, Err(failure)), None));
        };
        let trail = Arc::clone(&asked.trail);
        // Whoever waits for the answer has timers of its own, or none at all. Dropped, it gives the call up.
        let mut task = Owned(threads.spawn(Arc::clone(server).made(asked)));
        let made = (&mut task.0).await;
        let made = made.unwrap_or_else(|_| Err(report::broke_off(&trail)));
        let event = trail
            .changed()
            .map(|what| Event::ServerChanged { component: tool.component().clone(), what: bounded(&what) });
        Some((report::of(&trail, made), event))
    }
}

/// What each of these servers of `manifest` says of its tools now, or why it says nothing.
pub(crate) async fn listings(
    manifest: &Manifest,
    names: Vec<ComponentName>,
    means: &Means<'_>,
) -> BTreeMap<ComponentName, Result<Listing, String>> {
    let upstreams = Upstreams::with(manifest, names.into_iter().map(|name| (name, None)), means, None);
    let mut listings = BTreeMap::new();
    for (name, server) in &upstreams.servers {
        let listing = match upstreams.threads.get() {
            Some(threads) => {
                let mut task = Owned(threads.spawn(Arc::clone(server).listed()));
                (&mut task.0).await.unwrap_or_else(|_| Err("the asking task ended early".to_owned()))
            }
            None => Err("there are no threads to ask it with".to_owned()),
        };
        listings.insert(name.clone(), listing);
    }
    listings
}

/// Threads that servers are spoken to with, started for the first call.
#[derive(Default)]
struct Threads(OnceLock<Option<Runtime>>);

impl Threads {
    fn get(&self) -> Option<&Runtime> {
        self.0.get_or_init(start).as_ref()
    }
}

fn start() -> Option<Runtime> {
    let built = Builder::new_multi_thread().worker_threads(1).thread_name("toolhold-upstream").enable_all().build();
    built.inspect_err(|error| tracing::error!(%error, "no threads to call MCP servers with")).ok()
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Waiting for threads to end is not allowed where the last handle may be dropped: in a task.
        if let Some(Some(threads)) = self.0.take() {
            threads.shutdown_background();
        }
    }
}

/// A task that ends when nobody waits for it any more.
struct Owned<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
