//! Calls of which nobody knows what they did, and what somebody found out of one.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolhold_core::id::CallId;
use utoipa::ToSchema;

use super::answer;
use super::extract::{Body, Id};
use super::state::Api;
use crate::attempt::Resolution;
use crate::journal::{Filter, State as CallState};
use crate::problem::Problem;
use crate::shown::UnknownCall;

/// The calls of which nobody knows what they did, newest first, with what is known.
#[utoipa::path(
    get, path = "/v1/unknown", tag = "unknown calls",
    responses((status = 200, description = "The calls.", body = Vec<UnknownCall>)),
)]
pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<UnknownCall>>, Problem> {
    let filter = Filter { state: Some(CallState::Unknown), limit: u32::MAX, ..Filter::default() };
    let calls = api.read(move |reader| reader.calls(&filter).map_err(answer::journal)).await?;
    Ok(Json(calls.iter().map(UnknownCall::of).collect()))
}

/// What somebody found out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Found {
    /// Whether it did what it was asked to do, or nothing.
    outcome: FoundOutcome,
    /// Of one that succeeded, the result that it would have given; null if left out.
    #[schema(value_type = Value, required = false)]
    data: Option<Value>,
}

/// What a call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FoundOutcome {
    /// What it was asked to do: a repeat with its key gets the result.
    Succeeded,
    /// Nothing: its key is free, and a repeat runs.
    Failed,
}

/// A call that is settled.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Resolved {
    /// Which call.
    #[schema(value_type = String)]
    call: CallId,
    /// As what.
    resolved: FoundOutcome,
}

/// Says what a call did, after somebody has looked.
#[utoipa::path(
    post, path = "/v1/unknown/{call}/resolve", tag = "unknown calls", request_body = Found,
    params(("call" = String, Path, description = "Which call.")),
    responses((status = 200, description = "It is settled.", body = Resolved)),
)]
pub(super) async fn resolve(
    State(api): State<Api>,
    Id(call): Id<CallId>,
    Body(found): Body<Found>,
) -> Result<Json<Resolved>, Problem> {
    let resolution = match (found.outcome, found.data) {
        (FoundOutcome::Failed, Some(_)) => return Err(answer::bad("`data`: a call that did nothing has no result")),
        (FoundOutcome::Failed, None) => Resolution::Failed,
        (FoundOutcome::Succeeded, data) => Resolution::Succeeded(data.unwrap_or_default()),
    };
    api.host().resolve(&call, resolution).await.map_err(answer::journal)?;
    Ok(Json(Resolved { call, resolved: found.outcome }))
}
