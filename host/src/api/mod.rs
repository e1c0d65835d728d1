//! The HTTP API under `/v1`: runs, calls, tools, health and the audit, for programs of whoever operates this host.
//!
//! A front like the terminal: it knows the [`Host`](crate::Host) and the agents of the server, decides nothing, and shows records in the
//! one form that [`shown`](crate::shown) gives them. Who asks is known before a request comes here; [`access`] has the table of what each
//! role may ask. Reading order: [`access`], [`extract`], then a file for each kind of thing; [`document`] says all of it in OpenAPI.
//!
//! Not for models or tools: what is shown here is for operators, `detail` and paths included. Models get MCP.

mod access;
mod answer;
mod approvals;
mod audit;
mod breakers;
mod calls;
mod dead_letters;
mod document;
mod events;
mod extract;
mod health;
mod kept;
mod runs;
mod state;
mod tools;
mod unknown;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::access::ACCESS;
pub use self::document::document;
pub use self::state::Api;

/// The largest body, in bytes: the largest arguments of a call, and room around them.
const LARGEST_BODY: usize = 5 << 20;

/// Everything under `/v1`. A request that comes here has its [`Caller`](crate::access::Caller) with it, or is refused.
pub fn router(api: Api) -> Router {
    finished(parts(), api)
}

/// What commands ask of a process that holds the state directory and is no server. Nothing here begins a run of an agent.
pub(crate) fn commands(api: Api) -> Router {
    let parts = OpenApiRouter::new()
        .routes(routes!(tools::show))
        .routes(routes!(calls::make))
        .routes(routes!(calls::apply))
        .routes(routes!(calls::undo))
        .routes(routes!(approvals::approve))
        .routes(routes!(approvals::reject))
        .routes(routes!(approvals::modify))
        .routes(routes!(approvals::withdraw))
        .routes(routes!(breakers::reset))
        .routes(routes!(unknown::resolve));
    finished(parts, api)
}

fn finished(parts: OpenApiRouter<Api>, api: Api) -> Router {
    let (router, _) = parts.split_for_parts();
    let fixed = |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    router
        .route_layer(middleware::from_fn_with_state(api.clone(), access::check))
        .method_not_allowed_fallback(answer::method_not_allowed)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        // What is shown here is nobody else's, and is what it says it is.
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .with_state(api)
}

fn parts() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(runs::list, runs::begin))
        .routes(routes!(runs::show))
        .routes(routes!(runs::state_at))
        .routes(routes!(events::follow))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::resume))
        .routes(routes!(runs::fork))
        .routes(routes!(runs::undo))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::requeue))
        .routes(routes!(dead_letters::discard))
        .routes(routes!(calls::list, calls::make))
        .routes(routes!(calls::show))
        .routes(routes!(calls::cancel))
        .routes(routes!(calls::apply))
        .routes(routes!(calls::undo))
        .routes(routes!(calls::history))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::show))
        .routes(routes!(approvals::approve))
        .routes(routes!(approvals::reject))
        .routes(routes!(approvals::modify))
        .routes(routes!(approvals::withdraw))
        .routes(routes!(tools::list))
        .routes(routes!(tools::show))
        .routes(routes!(tools::explain))
        .routes(routes!(tools::explain_path))
        .routes(routes!(health::show))
        .routes(routes!(breakers::list))
        .routes(routes!(breakers::reset))
        .routes(routes!(unknown::list))
        .routes(routes!(unknown::resolve))
        .routes(routes!(audit::search))
        .routes(routes!(audit::verify))
        .routes(routes!(document::serve))
}
