//! What commands ask of a process that holds the state directory and is no server: the routes of the HTTP API that they need.

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use toolhold_core::call::{Mode, ToolCall};
use toolhold_core::escape;
use toolhold_core::id::{CallId, IdempotencyKey};

use crate::access::{Caller, Role};
use crate::attempt::Resolution;
use crate::problem::{Code, Problem};
use crate::shown::Report;
use crate::{Asking, CallOptions, Current, Host, UndoError, Undone, clock, journal};

/// Longest body, in bytes: the same as of the HTTP API.
const LONGEST_BODY: usize = 5 << 20;

/// The routes, in the form of the HTTP API.
pub(super) fn router(host: Current) -> Router {
    Router::new()
        .route("/v1/tools/{tool}", get(tool))
        .route("/v1/calls", post(call))
        .route("/v1/calls/{call}/apply", post(apply))
        .route("/v1/calls/{call}/undo", post(undo))
        .route("/v1/breakers/reset", post(reset))
        .route("/v1/unknown/{call}/resolve", post(resolve))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(host)
}

/// A tool as a command line needs it.
async fn tool(caller: Caller, State(host): State<Host>, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    caller.needs(Role::Observe)?;
    let found = host.tools().find(|tool| tool.name().as_str() == name);
    let tool = found.ok_or_else(|| problem(Code::NotFound, "there is no such tool"))?;
    Ok(Json(json!({ "name": tool.name(), "input_schema": tool.info().input_schema })))
}

/// A call that is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCall {
    tool: String,
    arguments: Value,
    mode: Mode,
}

async fn call(
    caller: Caller,
    State(host): State<Host>,
    headers: HeaderMap,
    Json(new): Json<NewCall>,
) -> Result<Json<Report>, Problem> {
    caller.needs(Role::Run)?;
    let key = headers.get("idempotency-key").map(|key| key.to_str().unwrap_or_default().parse::<IdempotencyKey>());
    let key = key.transpose().map_err(|error| problem(Code::BadRequest, error))?;
    let NewCall { tool, arguments, mode } = new;
    let call = ToolCall { run: clock::new_run(), tool, arguments: arguments.to_string(), key, mode };
    Ok(Json(Report::of(host.call(call, options(&caller)).await)))
}

/// Whose keys and rates those of the call are: whoever asks on this machine could make it himself, so they are the same in both ways.
fn options(caller: &Caller) -> CallOptions {
    let client = match caller.name.starts_with("local:") {
        true => "local".into(),
        false => format!("api:{}", caller.name).into(),
    };
    CallOptions { client, asking: Asking::Park, ..CallOptions::default() }
}

async fn apply(caller: Caller, State(host): State<Host>, Path(call): Path<CallId>) -> Result<Json<Report>, Problem> {
    caller.needs(Role::Admin)?;
    Ok(Json(Report::of(host.apply(&call, options(&caller)).await)))
}

async fn undo(caller: Caller, State(host): State<Host>, Path(call): Path<CallId>) -> Result<Json<Undone>, Problem> {
    caller.needs(Role::Admin)?;
    host.undo(&call).await.map(Json).map_err(|error| {
        let code = match &error {
            _ if !error.conflicts().is_empty() => Code::Conflict,
            UndoError::Nothing(_) => Code::NotFound,
            UndoError::Expired(_) | UndoError::State { .. } => Code::NotNow,
            UndoError::Disk { .. } | UndoError::Ended(_) | UndoError::Journal(_) => Code::Internal,
        };
        problem(code, error)
    })
}

/// A breaker.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Breaker {
    name: String,
}

async fn reset(caller: Caller, State(host): State<Host>, Json(which): Json<Breaker>) -> Result<Json<Value>, Problem> {
    caller.needs(Role::Admin)?;
    if !host.dependencies().reset(&which.name) {
        return Err(problem(Code::NotFound, format!("no breaker `{}` remembers a fault", which.name)));
    }
    host.journal().flush().await.map_err(failed)?;
    Ok(Json(json!({ "reset": which.name })))
}

/// What a person found out of a call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    outcome: Outcome,
    data: Option<Value>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Succeeded,
    Failed,
}

async fn resolve(
    caller: Caller,
    State(host): State<Host>,
    Path(call): Path<CallId>,
    Json(found): Json<Found>,
) -> Result<Json<Value>, Problem> {
    caller.needs(Role::Admin)?;
    let (word, resolution) = match found.outcome {
        Outcome::Succeeded => ("succeeded", Resolution::Succeeded(found.data.unwrap_or_default())),
        Outcome::Failed => ("failed", Resolution::Failed),
    };
    host.resolve(&call, resolution).await.map_err(failed)?;
    Ok(Json(json!({ "call": call, "resolved": word })))
}

fn failed(error: journal::Error) -> Problem {
    let code = if matches!(error, journal::Error::NotUnknown(_)) { Code::NotNow } else { Code::Internal };
    problem(code, error)
}

/// What is wrong, in words that may hold what a guest chose.
fn problem(code: Code, words: impl std::fmt::Display) -> Problem {
    Problem::new(code, escape::line(&words.to_string()).into_owned())
}
