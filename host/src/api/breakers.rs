//! What failed too often lately and is left alone, and how to end that.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer;
use super::extract::Body;
use super::state::Api;
use crate::problem::Problem;
use crate::shown::Breaker;

/// What failed lately: tools, models, and remote hosts by the component that asks them. What is not here works, or was not called.
#[utoipa::path(
    get, path = "/v1/breakers", tag = "health",
    responses((status = 200, description = "The breakers that remember a fault.", body = Vec<Breaker>)),
)]
pub(super) async fn list(State(api): State<Api>) -> Json<Vec<Breaker>> {
    Json(api.host().dependencies().breakers().iter().map(Breaker::of).collect())
}

/// A breaker.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BreakerName)]
pub(super) struct Which {
    /// Its name, as the list has it.
    name: String,
}

/// A breaker that was closed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Closed {
    /// Its name.
    reset: String,
}

/// Closes a breaker: the next call goes through.
#[utoipa::path(
    post, path = "/v1/breakers/reset", tag = "health", request_body = Which,
    responses((status = 200, description = "It is closed.", body = Closed)),
)]
pub(super) async fn reset(State(api): State<Api>, Body(which): Body<Which>) -> Result<Json<Closed>, Problem> {
    if !api.host().dependencies().reset(&which.name) {
        return Err(answer::not_found(format!("no breaker `{}` remembers a fault", which.name)));
    }
    api.host().journal().flush().await.map_err(answer::journal)?;
    Ok(Json(Closed { reset: which.name }))
}
