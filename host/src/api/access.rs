//! What each role may ask: one table. What is not in it is refused to everybody.
//!
//! Who may start a run may also cancel, resume, fork and requeue one: a new run has fresh budgets too. What stands for a person's decision is for
//! `admin`: to apply a preview passes over rules that ask, to undo or discard takes something away, to say what an unknown call did or
//! that a breaker is closed is to vouch for it.

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use toolhold_core::event::{Event, bounded};

use super::answer;
use super::state::Api;
use crate::access::{Caller, Role};
use crate::clock;
use crate::problem::{Code, Problem};

/// Method, path, and the role that is needed.
pub const ACCESS: [(&str, &str, Role); 37] = [
    ("GET", "/v1/runs", Role::Observe),
    ("POST", "/v1/runs", Role::Run),
    ("GET", "/v1/runs/{run}", Role::Observe),
    ("GET", "/v1/runs/{run}/events", Role::Observe),
    ("GET", "/v1/runs/{run}/state", Role::Observe),
    ("POST", "/v1/runs/{run}/cancel", Role::Run),
    ("POST", "/v1/runs/{run}/resume", Role::Run),
    ("POST", "/v1/runs/{run}/fork", Role::Run),
    ("POST", "/v1/runs/{run}/undo", Role::Admin),
    ("GET", "/v1/dead-letters", Role::Observe),
    ("POST", "/v1/dead-letters/{run}/requeue", Role::Run),
    ("POST", "/v1/dead-letters/{run}/discard", Role::Admin),
    ("GET", "/v1/calls", Role::Observe),
    ("POST", "/v1/calls", Role::Run),
    ("GET", "/v1/calls/{call}", Role::Observe),
    ("POST", "/v1/calls/{call}/cancel", Role::Run),
    ("POST", "/v1/calls/{call}/apply", Role::Admin),
    ("POST", "/v1/calls/{call}/undo", Role::Admin),
    ("GET", "/v1/history", Role::Observe),
    ("GET", "/v1/approvals", Role::Observe),
    ("GET", "/v1/approvals/{approval}", Role::Observe),
    ("POST", "/v1/approvals/{approval}/approve", Role::Approve),
    ("POST", "/v1/approvals/{approval}/reject", Role::Approve),
    ("POST", "/v1/approvals/{approval}/modify", Role::Approve),
    ("POST", "/v1/approvals/{approval}/withdraw", Role::Approve),
    ("GET", "/v1/tools", Role::Observe),
    ("GET", "/v1/tools/{tool}", Role::Observe),
    ("POST", "/v1/explain", Role::Observe),
    ("POST", "/v1/explain/path", Role::Observe),
    ("GET", "/v1/health", Role::Observe),
    ("GET", "/v1/breakers", Role::Observe),
    ("POST", "/v1/breakers/reset", Role::Admin),
    ("GET", "/v1/unknown", Role::Observe),
    ("POST", "/v1/unknown/{call}/resolve", Role::Admin),
    ("GET", "/v1/audit", Role::Observe),
    ("GET", "/v1/audit/verify", Role::Observe),
    ("GET", "/v1/openapi.json", Role::Observe),
];

/// The role that a request needs; `None` where nobody may ask it.
fn needed(method: &Method, path: &str) -> Option<Role> {
    // A head is the answer without its body.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    ACCESS.iter().find(|row| (row.0, row.1) == (method, path)).map(|row| row.2)
}

/// Lets a request through whose caller may ask it. Who asks for more than to look is on record before it is done.
pub(super) async fn check(State(api): State<Api>, request: Request, next: Next) -> Response {
    let recorded = match allowed(&request) {
        Ok(Some(event)) => api.host().journal().record(clock::micros(), event).await.map_err(answer::journal),
        Ok(None) => Ok(()),
        Err(problem) => Err(problem),
    };
    match recorded {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// What goes on record of a request that its caller may ask, if anything.
fn allowed(request: &Request) -> Result<Option<Event>, Problem> {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let unknown = || Problem::new(Code::Unauthorized, "nobody is known to ask this; send a token");
    let caller = request.extensions().get::<Caller>().ok_or_else(unknown)?;
    let role = needed(request.method(), path).ok_or_else(|| Problem::new(Code::Forbidden, "nobody may ask this"))?;
    caller.needs(role)?;
    let (method, path) = (request.method().to_string(), bounded(request.uri().path()));
    let event = Event::RequestTaken { caller: caller.name.to_string(), method, path };
    Ok((role != Role::Observe).then_some(event))
}
