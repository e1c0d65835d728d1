//! What is served, put together from what the fronts give: each part behind the door that it needs.

use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::bounds::Bounds;
use super::guard::{Bodies, door};
use crate::access::{Access, Caller};
use crate::api::{self, Api};
use crate::console::{self, Console};
use crate::control::Holding;
use crate::mcp::http::HttpSettings;
use crate::runs::service::{Service, Settings};
use crate::shutdown::Shutdown;
use crate::{Current, control, retention, telemetry};

/// Everything that is served.
///
/// With `open_metrics`, everybody who reaches it may read the metrics. The API is served to other processes of this user, too, by the sockets of
/// the state directory.
pub(crate) fn parts(host: &Current, runs: &Service, access: &Access, mcp: HttpSettings, open_metrics: bool) -> Router {
    let shutdown = mcp.shutdown.clone();
    let api = Api::new(host.clone(), runs.clone());
    let console = (access.clone(), shutdown.clone());
    let console = Console::with_reads(host.clone(), runs.clone(), console, api.reads().clone());
    ends_with(api.clone(), &shutdown);
    // Links that log in are made for who may use the state directory anyway, and for nobody else.
    let (of_socket, inviting) = (api.clone(), console.clone());
    let router = move || api::router(of_socket).merge(console::invitations(inviting));
    control::hold_with(host, router, &shutdown, retention::PERIOD);
    let caller = Router::new().route("/v1/caller", get(caller));
    let parts = Parts::new().behind_the_door(caller).behind_the_door(api::router(api));
    let parts = parts.behind_the_door(crate::mcp::http::router(host.clone(), mcp));
    let parts = parts.in_the_open(console::router(console)).in_the_open(telemetry::health(host.clone()));
    let parts = match open_metrics {
        true => parts.in_the_open(telemetry::open_metrics(host.clone())),
        false => parts.behind_the_door(telemetry::metrics_for_callers(host.clone())),
    };
    parts.router(access, Bounds::default())
}

/// Listens on the sockets of the state directory for a process that serves nothing else: what commands ask is answered as by a server.
pub(crate) fn hold(host: &Current) -> Holding {
    let shutdown = Shutdown::default();
    // Nobody begins a run by it: what is served of the API is for commands.
    let api = Api::new(host.clone(), Service::new(host.clone(), Settings::default()));
    ends_with(api.clone(), &shutdown);
    control::hold_with(host, move || api::commands(api), &shutdown, retention::PERIOD);
    Holding::until(shutdown)
}

/// At the end, calls that run are waited for, and runs are left where they can be taken up.
fn ends_with(api: Api, shutdown: &Shutdown) {
    let told = shutdown.clone();
    let _joined_at_the_end = shutdown.spawn(async move {
        told.begun().await;
        api.shut_down(&told.stops()).await;
    });
}

/// Whom a token belongs to, and what it may do.
async fn caller(caller: Caller) -> Json<Value> {
    Json(json!({ "name": &*caller.name, "role": caller.role }))
}

/// The parts of a server. A front gives a router; which door it stands behind is decided here.
#[derive(Debug)]
pub(crate) struct Parts {
    /// For callers with a token.
    behind: Router,
    /// For everybody: what asks for a token in its own way, or tells nothing that needs one.
    open: Router,
}

impl Parts {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { behind: Router::new(), open: Router::new() }
    }

    /// What needs a token.
    #[must_use]
    pub(crate) fn behind_the_door(self, part: Router) -> Self {
        Self { behind: self.behind.merge(part), ..self }
    }

    /// What does not.
    #[must_use]
    pub(crate) fn in_the_open(self, part: Router) -> Self {
        Self { open: self.open.merge(part), ..self }
    }

    /// One router of all of them. Bodies are read behind the door: nobody without a token has one kept, or takes the room of one.
    /// A part in the open that takes a body reads it itself, within bounds of its own.
    pub(crate) fn router(self, access: &Access, bounds: Bounds) -> Router {
        let door = from_fn_with_state((access.clone(), Bodies::new(bounds)), door);
        self.behind.layer(door).merge(self.open)
    }
}
