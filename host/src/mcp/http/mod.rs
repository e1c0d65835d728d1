//! The protocol over HTTP, at one path, for any number of clients.
//!
//! Who asks was proven before a request comes here: a [`Caller`] is among its extensions, or it is refused. The revisions until
//! 2025-11-25 have sessions, each with a run of its own, which nobody but who began it can use. In 2026-07-28 each request
//! stands for itself, so a run belongs to whoever proves to be the same and calls itself the same.
//!
//! [`Caller`]: crate::access::Caller

mod begun;
mod clients;
mod gate;
mod plain;
mod sessions;
mod short;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, SessionConfig};
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::task::TaskTracker;

pub(super) use self::begun::Begun;
pub(super) use self::clients::Clients;
use self::gate::Gate;
pub(super) use self::gate::SESSION;
use self::sessions::{HEARD_EVERY, Sessions};
use self::short::{Short, Taken};
use super::server::{Server, Settings};
use super::stdio::LONGEST_MESSAGE;
use crate::Current;
use crate::shutdown::Shutdown;

/// Where the protocol is spoken.
pub const PATH: &str = "/mcp";

/// A session in which nothing is said for so long, or a little longer, is over. Longer than a call may run without a word.
const SILENCE: Duration = Duration::from_secs(3600);

/// Messages on their way to one stream of a session. A client that does not read holds up its own session and nobody else's.
const WAITING_MESSAGES: usize = 16;

/// What a server over HTTP is told.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// How it deals with its clients.
    pub settings: Settings,
    /// The hosts that this server answers to, as the listener knows them; others are refused, and so are pages of others. The
    /// listener has refused them already: this holds where somebody else puts the router together. Without any, it does not.
    pub hosts: Vec<String>,
    /// The end of the process. Once it has begun, no request is taken and nobody listens any more for what may come, but calls
    /// that run may end.
    pub shutdown: Shutdown,
}

/// The protocol at [`PATH`].
pub fn router(host: impl Into<Current>, settings: HttpSettings) -> Router {
    let HttpSettings { settings, hosts, shutdown } = settings;
    let sessions = Arc::new(Sessions::new(manager()));
    let clients = Arc::new(Clients::new(Arc::clone(&sessions)));
    let server = Server::for_each(host.into(), settings, &shutdown, Arc::clone(&clients));
    let _joined_at_the_end = shutdown.spawn(server.clone().tell_of_changes());
    settled(&shutdown, server.calls().clone());
    let mut config = hosted(&hosts);
    config.cancellation_token = shutdown.stops();
    config.max_request_body_bytes = LONGEST_MESSAGE;
    let short = Short::new(server.clone(), &hosts, (Arc::clone(&sessions), clients));
    let long = StreamableHttpService::new(move || Ok(server.for_session()), sessions.manager(), config);
    let served = Arc::new(Served { gate: Gate::new(sessions, shutdown), short, long });
    let answer = move |request: Request| {
        let served = Arc::clone(&served);
        async move { served.answer(request).await }
    };
    Router::new().route(PATH, any(answer))
}

/// What answers a request: a gate, and behind it the way that the request can take.
struct Served {
    gate: Gate,
    short: Short,
    long: StreamableHttpService<Server, LocalSessionManager>,
}

impl Served {
    async fn answer(&self, request: Request) -> Response {
        let answer = async |request, caller| match self.short.answer(request, &caller).await {
            Taken::Answered(response) => response,
            Taken::Long(request) => gate::told(self.long.handle(request).await.map(Body::new)).await,
        };
        gate::pass(&self.gate, request, answer).await
    }
}

fn hosted(hosts: &[String]) -> StreamableHttpServerConfig {
    let config = StreamableHttpServerConfig::default();
    if hosts.is_empty() {
        return config.disable_allowed_hosts();
    }
    let origin = |host: &String| {
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        [format!("http://{host}:*"), format!("https://{host}:*")]
    };
    let origins: Vec<String> = hosts.iter().flat_map(origin).collect();
    config.with_allowed_hosts(hosts).with_allowed_origins(origins).enforce_origin_validation()
}

/// Calls are settled before the process ends, also those whose clients have gone.
fn settled(shutdown: &Shutdown, calls: TaskTracker) {
    let begun = shutdown.clone();
    shutdown.spawn(async move {
        begun.begun().await;
        calls.close();
        calls.wait().await;
    });
}

fn manager() -> LocalSessionManager {
    let mut config = SessionConfig::default();
    config.keep_alive = Some(SILENCE + HEARD_EVERY);
    config.channel_capacity = WAITING_MESSAGES;
    // What was said to the end is not kept for a client that went away: how much that is would be up to the client.
    config.completed_cache_ttl = Duration::ZERO;
    let mut manager = LocalSessionManager::default();
    manager.session_config = config;
    manager
}
