//! Runs that failed for good, and what is decided about them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use toolhold_core::id::RunId;
use utoipa::IntoParams;

use super::answer;
use super::extract::{Body, Id, Query};
use super::runs::{Became, Onwards};
use super::state::Api;
use crate::problem::Problem;
use crate::shown::{DeadLetter, dead_letters};

/// How many.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HowMany {
    /// At most this many, the newest first; 100 if left out, 1000 at most.
    limit: Option<u32>,
}

/// The dead letters, newest first.
#[utoipa::path(
    get, path = "/v1/dead-letters", tag = "dead letters", params(HowMany),
    responses((status = 200, description = "The dead letters.", body = Vec<DeadLetter>)),
)]
pub(super) async fn list(
    State(api): State<Api>,
    Query(many): Query<HowMany>,
) -> Result<Json<Vec<DeadLetter>>, Problem> {
    let limit = many.limit.unwrap_or(100).clamp(1, 1000);
    api.read(move |reader| dead_letters(reader, limit).map_err(answer::journal)).await.map(Json)
}

/// Lets a dead run go on from the last place at which it was whole, with fresh budgets. What it did before is not done again.
#[utoipa::path(
    post, path = "/v1/dead-letters/{run}/requeue", tag = "dead letters", request_body = Onwards,
    params(("run" = String, Path, description = "Which run.")),
    responses((status = 202, description = "It goes on.", body = Became)),
)]
pub(super) async fn requeue(
    State(api): State<Api>,
    Id(run): Id<RunId>,
    Body(onwards): Body<Onwards>,
) -> Result<(StatusCode, Json<Became>), Problem> {
    api.runs().requeue(&run, &onwards.models).await.map_err(answer::refused)?;
    Ok((StatusCode::ACCEPTED, Json(Became::new(run, "requeued"))))
}

/// Decides that a dead run stays dead. It remains among the runs until it is too old.
#[utoipa::path(
    post, path = "/v1/dead-letters/{run}/discard", tag = "dead letters", params(("run" = String, Path, description = "Which run.")),
    responses((status = 200, description = "It stays dead.", body = Became)),
)]
pub(super) async fn discard(State(api): State<Api>, Id(run): Id<RunId>) -> Result<Json<Became>, Problem> {
    api.runs().discard(&run).await.map_err(answer::refused)?;
    Ok(Json(Became::new(run, "discarded")))
}
