//! Approvals: what waits for a person, everything that is known of it, and what the person says.
//!
//! Who decides is a caller with the role `approve`, by its name, in the record and in the audit. A caller that may only call tools cannot decide.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use toolhold_core::id::{ApprovalId, RunId};
use utoipa::{IntoParams, ToSchema};

use super::answer;
use super::extract::{Body, By, Id, Query};
use super::state::Api;
use crate::approvals::{Approval, ApprovalFilter, ApprovalRecord, ApprovalScope, ApprovalState, Verdict};
use crate::problem::Problem;
use crate::shown::schema;

/// Most approvals in one answer.
const MOST_LISTED: u32 = 1000;

/// Their bytes, about: each has the arguments of its call, which may be megabytes.
const MOST_BYTES: usize = 8 << 20;

/// Which approvals.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// At most this many, the newest first; 20 if left out, 1000 at most. Fewer where they have more than 8 MiB together.
    limit: Option<u32>,
    /// Only those that were asked before this one: the last one of a page leads to the next.
    #[param(value_type = Option<String>)]
    before: Option<ApprovalId>,
    /// Only those that are there, such as `waiting`.
    #[param(value_type = Option<String>)]
    state: Option<ApprovalState>,
    /// Only those of this run.
    #[param(value_type = Option<String>)]
    run: Option<RunId>,
}

/// What waits for a person, and what people have said, newest first.
#[utoipa::path(
    get, path = "/v1/approvals", tag = "approvals", params(Which),
    responses((status = 200, description = "The approvals.", body = Vec<schema::Approval>)),
)]
pub(super) async fn list(State(api): State<Api>, Query(which): Query<Which>) -> Result<Json<Vec<Approval>>, Problem> {
    let limit = which.limit.unwrap_or(20).clamp(1, MOST_LISTED);
    if let Some(before) = &which.before {
        api.host().approvals().get(before).await.map_err(|_| answer::no_such("before", "approval"))?;
    }
    let filter = ApprovalFilter {
        states: which.state.into_iter().collect(),
        run: which.run,
        before: which.before,
        limit,
        bytes: MOST_BYTES,
        ..ApprovalFilter::default()
    };
    api.host().approvals().list(&filter).await.map(Json).map_err(answer::approval)
}

/// One approval, with what the call would do.
#[utoipa::path(
    get, path = "/v1/approvals/{approval}", tag = "approvals", params(("approval" = String, Path, description = "Which approval.")),
    responses((status = 200, description = "Everything that a person needs to decide.", body = schema::ApprovalRecord)),
)]
pub(super) async fn show(
    State(api): State<Api>,
    Id(approval): Id<ApprovalId>,
) -> Result<Json<ApprovalRecord>, Problem> {
    api.host().approvals().get(&approval).await.map(Json).map_err(answer::approval)
}

/// A yes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Yes {
    /// How far it reaches: `once`, `run`, or a time such as `15m`. `once` if left out.
    #[serde(default)]
    #[schema(value_type = String)]
    scope: ApprovalScope,
}

/// Lets the call go ahead.
#[utoipa::path(
    post, path = "/v1/approvals/{approval}/approve", tag = "approvals", request_body = Yes,
    params(("approval" = String, Path, description = "Which approval.")),
    responses((status = 200, description = "It is decided.", body = schema::Approval)),
)]
pub(super) async fn approve(
    State(api): State<Api>,
    by: By,
    Id(approval): Id<ApprovalId>,
    Body(yes): Body<Yes>,
) -> Result<Json<Approval>, Problem> {
    decide(&api, &by, &approval, Verdict::Approve(yes.scope)).await
}

/// A no.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct No {
    /// Why not. The model hears it.
    #[serde(default)]
    reason: String,
}

/// Refuses the call.
#[utoipa::path(
    post, path = "/v1/approvals/{approval}/reject", tag = "approvals", request_body = No,
    params(("approval" = String, Path, description = "Which approval.")),
    responses((status = 200, description = "It is decided.", body = schema::Approval)),
)]
pub(super) async fn reject(
    State(api): State<Api>,
    by: By,
    Id(approval): Id<ApprovalId>,
    Body(no): Body<No>,
) -> Result<Json<Approval>, Problem> {
    decide(&api, &by, &approval, Verdict::Reject(no.reason)).await
}

/// A yes to other arguments.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Otherwise {
    /// The arguments with which the call is made instead. They are checked like any others, a rule that denies them stands, and what
    /// no grant covers is refused.
    #[schema(value_type = Object)]
    arguments: Value,
    /// How far it reaches: `once`, `run`, or a time such as `15m`. `once` if left out.
    #[serde(default)]
    #[schema(value_type = String)]
    scope: ApprovalScope,
}

/// Lets the call go ahead with other arguments. What it would do with them is looked at first, and is `foreseen` from then on.
#[utoipa::path(
    post, path = "/v1/approvals/{approval}/modify", tag = "approvals", request_body = Otherwise,
    params(("approval" = String, Path, description = "Which approval.")),
    responses((status = 200, description = "It is decided.", body = schema::Approval)),
)]
pub(super) async fn modify(
    State(api): State<Api>,
    by: By,
    Id(approval): Id<ApprovalId>,
    Body(otherwise): Body<Otherwise>,
) -> Result<Json<Approval>, Problem> {
    let Otherwise { arguments, scope } = otherwise;
    decide(&api, &by, &approval, Verdict::Modify(arguments.to_string(), scope)).await
}

/// Takes a question or an answer back: the next such call is asked about anew.
#[utoipa::path(
    post, path = "/v1/approvals/{approval}/withdraw", tag = "approvals", params(("approval" = String, Path, description = "Which approval.")),
    responses((status = 200, description = "It is taken back.", body = schema::Approval)),
)]
pub(super) async fn withdraw(
    State(api): State<Api>,
    by: By,
    Id(approval): Id<ApprovalId>,
) -> Result<Json<Approval>, Problem> {
    let withdrawn = api.host().approvals().withdraw(&approval, &by.decider()).await;
    withdrawn.map(Json).map_err(answer::approval)
}

async fn decide(api: &Api, by: &By, approval: &ApprovalId, verdict: Verdict) -> Result<Json<Approval>, Problem> {
    let decided = api.host().approvals().decide(approval, &by.decider(), verdict).await;
    decided.map(Json).map_err(answer::approval)
}
