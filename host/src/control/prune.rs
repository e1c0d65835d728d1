//! Removing what is old, for who asks on this machine: over the socket of the state directory, and nowhere else.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use toolhold_core::escape;

use crate::access::{Caller, Role};
use crate::journal::Pruned;
use crate::problem::{Code, Problem};
use crate::retention::{AtOnce, before, prune};
use crate::{Current, clock};

/// Where it is asked for.
pub(crate) const PATH: &str = "/v1/journal/prune";

/// What is to be removed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// What was over so many microseconds ago.
    pub(crate) older_than: u64,
}

/// The one route.
pub(super) fn router(host: Current) -> Router {
    Router::new().route(PATH, post(removed)).with_state(host)
}

async fn removed(
    caller: Caller,
    State(current): State<Current>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Pruned>, Problem> {
    caller.needs(Role::Admin)?;
    let (host, before) = (current.host(), before(clock::micros(), wanted.older_than));
    let removed = prune(host.journal(), before, &caller.name, AtOnce::All).await;
    let refused =
        |error: crate::journal::Error| Problem::new(Code::Internal, escape::line(&error.to_string()).into_owned());
    removed.map(Json).map_err(refused)
}
