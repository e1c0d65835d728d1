//! Runs of agents: begin one, look at it, end it, take it up again, go another way from one of its steps.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolhold_core::id::{Digest, RunId};
use toolhold_core::state::State as RunState;
use utoipa::{IntoParams, ToSchema};

use super::answer;
use super::extract::{Body, By, Id, Query, Said};
use super::state::Api;
use crate::Undone;
use crate::journal::{Filter, HistoryEntry, HistoryFilter, RunFilter, RunRecord};
use crate::problem::Problem;
use crate::runs::service::{Cancelling, NewRun};
use crate::runs::{self, OPEN, Past};
use crate::shown::{StateAt, Whole, schema};

/// Most runs in one answer.
const MOST_LISTED: u32 = 1000;

/// Which runs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// At most this many, the newest first; 20 if left out, 1000 at most.
    limit: Option<u32>,
    /// Only those that were begun before this one: the last one of a page leads to the next.
    #[param(value_type = Option<String>)]
    before: Option<RunId>,
    /// Only those that are not over.
    #[serde(default)]
    open: bool,
    /// Only those that are there, such as `completed`.
    #[param(value_type = Option<schema::RunState>)]
    state: Option<RunState>,
}

/// The runs, newest first.
#[utoipa::path(get, path = "/v1/runs", tag = "runs", params(Which), responses((status = 200, description = "The runs.", body = Vec<schema::RunRecord>)))]
pub(super) async fn list(State(api): State<Api>, Query(which): Query<Which>) -> Result<Json<Vec<RunRecord>>, Problem> {
    let states = match (which.state, which.open) {
        (Some(_), true) => return Err(answer::bad("`open` and `state` exclude each other")),
        (Some(state), false) => vec![state],
        (None, true) => OPEN.to_vec(),
        (None, false) => Vec::new(),
    };
    let limit = which.limit.unwrap_or(20).clamp(1, MOST_LISTED);
    let filter = RunFilter { states, before: which.before, limit };
    let read = api.read(move |reader| {
        if let Some(before) = &filter.before {
            reader.run(before).map_err(answer::journal)?.ok_or_else(|| answer::no_such("before", "run"))?;
        }
        reader.runs(&filter).map_err(answer::journal)
    });
    read.await.map(Json)
}

/// A run that is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRunBody {
    /// What is to be done, in words.
    task: String,
    /// Whose run it is: hourly quotas and health are those of an agent.
    agent: Option<String>,
    /// Nothing that it does lands.
    #[serde(default)]
    dry_run: bool,
    /// The JSON Schema that the answer has to conform to.
    #[schema(value_type = Value, required = false)]
    answer_schema: Option<Value>,
    /// Who is asked: names of `[models]` tables of the manifest, or of the models that the server was started with. Of none, those, or the
    /// chain of `[run]`.
    #[serde(default)]
    models: Vec<String>,
}

/// A run that was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AcceptedRun {
    /// Which run.
    #[schema(value_type = String)]
    run: RunId,
    /// It was accepted before, with the same key.
    replayed: bool,
}

fn accepted(run: RunId, replayed: bool) -> Response {
    let location = [(header::LOCATION, format!("/v1/runs/{run}"))];
    (StatusCode::ACCEPTED, location, Json(AcceptedRun { run, replayed })).into_response()
}

/// Begins a run. It is on record when this is answered; with an `Idempotency-Key`, a repeat is the same run.
#[utoipa::path(
    post, path = "/v1/runs", tag = "runs", request_body = NewRunBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats with it are one run, as long as its steps are kept.")),
    responses((status = 202, description = "It is accepted; `Location` is where to look.", body = AcceptedRun)),
)]
pub(super) async fn begin(
    State(api): State<Api>,
    by: By,
    said: Said,
    Body(body): Body<NewRunBody>,
) -> Result<Response, Problem> {
    let NewRunBody { task, agent, dry_run, answer_schema, models } = body;
    let run = said.key.map(|key| named(&by, key.as_str())).transpose()?;
    let asker = Some(by.client().to_string());
    let new = NewRun { task, agent, is_dry: dry_run, answer_schema, models, run, by: asker };
    let accepted_run = api.runs().begin(new).await.map_err(answer::refused)?;
    Ok(accepted(accepted_run.run, accepted_run.is_known))
}

/// The name of the run with a key: the same for the same client and key, so that nothing has to be remembered.
fn named(by: &By, key: &str) -> Result<RunId, Problem> {
    let client = by.client();
    let digest = Digest::of_parts(&[b"run", client.as_bytes(), key.as_bytes()]).hex();
    format!("key-{digest}").parse().map_err(answer::failed)
}

/// One run, and what it came to so far.
#[utoipa::path(
    get, path = "/v1/runs/{run}", tag = "runs", params(("run" = String, Path, description = "Which run.")),
    responses((status = 200, description = "The run.", body = Whole)),
)]
pub(super) async fn show(State(api): State<Api>, Id(run): Id<RunId>) -> Result<Json<Whole>, Problem> {
    let (at_work, effects) = (api.runs().is_present(&run), api.runs().effects(&run));
    let read = api.read(move |reader| {
        let record = reader.run(&run).map_err(answer::journal)?;
        let record = record.ok_or_else(|| answer::run(runs::Error::NoSuchRun(run.clone())))?;
        if record.expired {
            return Ok((record, None));
        }
        let past = Past::of(reader, &run).map_err(answer::run)?;
        let report = past.machine().map_err(answer::run)?.report();
        Ok((past.record, Some(report)))
    });
    let (run, report) = read.await?;
    Ok(Json(Whole { run, report, at_work, effects }))
}

/// After which step.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AtStep {
    /// The number of the step, from 1; the last one if left out.
    step: Option<u64>,
}

/// What a run was after one of its steps: its conversation, its budgets and what was next.
#[utoipa::path(
    get, path = "/v1/runs/{run}/state", tag = "runs", params(("run" = String, Path, description = "Which run."), AtStep),
    responses((status = 200, description = "The run after that step.", body = StateAt)),
)]
pub(super) async fn state_at(
    State(api): State<Api>,
    Id(run): Id<RunId>,
    Query(at): Query<AtStep>,
) -> Result<Json<StateAt>, Problem> {
    let read = api.read(move |reader| {
        let past = Past::of(reader, &run).map_err(answer::run)?;
        let machine = at.step.map_or_else(|| past.machine(), |step| past.machine_at(step)).map_err(answer::run)?;
        Ok(StateAt::of(&machine))
    });
    read.await.map(Json)
}

/// What became of a wish.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Became {
    /// Which run.
    #[schema(value_type = String)]
    run: RunId,
    /// `cancelled`, `cancel-requested`, `requeued` or `discarded`.
    state: &'static str,
}

impl Became {
    pub(super) fn new(run: RunId, state: &'static str) -> Self {
        Self { run, state }
    }
}

/// Ends a run: at once where nobody works on it, else whoever does is told, and its call that runs is stopped.
#[utoipa::path(
    post, path = "/v1/runs/{run}/cancel", tag = "runs", params(("run" = String, Path, description = "Which run.")),
    responses((status = 200, description = "It is over.", body = Became), (status = 202, description = "It is about to end.", body = Became)),
)]
pub(super) async fn cancel(State(api): State<Api>, Id(run): Id<RunId>) -> Result<(StatusCode, Json<Became>), Problem> {
    let (status, state) = match api.runs().cancel(&run).await.map_err(answer::refused)? {
        Cancelling::Done => (StatusCode::OK, "cancelled"),
        Cancelling::Asked => (StatusCode::ACCEPTED, "cancel-requested"),
    };
    Ok((status, Json(Became::new(run, state))))
}

/// Who goes on with a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Onwards {
    /// Who is asked; of none, the models that it had.
    #[serde(default)]
    pub(super) models: Vec<String>,
}

/// Takes up a run that was cut off.
#[utoipa::path(
    post, path = "/v1/runs/{run}/resume", tag = "runs", request_body = Onwards,
    params(("run" = String, Path, description = "Which run.")),
    responses((status = 202, description = "It goes on.", body = AcceptedRun)),
)]
pub(super) async fn resume(
    State(api): State<Api>,
    Id(run): Id<RunId>,
    Body(onwards): Body<Onwards>,
) -> Result<Response, Problem> {
    api.runs().resume(&run, &onwards.models).await.map_err(answer::refused)?;
    Ok(accepted(run, false))
}

/// From where another way begins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Fork {
    /// Up to which step the new run is a copy; up to the last one at which nothing was half done if left out.
    step: Option<u64>,
    /// What is said to the model before it goes on.
    note: Option<String>,
    /// Who is asked; of none, the models that the run had.
    #[serde(default)]
    models: Vec<String>,
}

/// Begins a new run as a copy of another one up to one of its steps. Nothing before is done again.
#[utoipa::path(
    post, path = "/v1/runs/{run}/fork", tag = "runs", request_body = Fork,
    params(("run" = String, Path, description = "Of which run.")),
    responses((status = 202, description = "The new run is accepted.", body = AcceptedRun)),
)]
pub(super) async fn fork(
    State(api): State<Api>,
    by: By,
    Id(run): Id<RunId>,
    Body(fork): Body<Fork>,
) -> Result<Response, Problem> {
    let by = by.client();
    let new = api.runs().fork(&run, fork.step, fork.note, &fork.models, Some(&by)).await.map_err(answer::refused)?;
    Ok(accepted(new, false))
}

/// Takes back what the calls of a run changed, the last one first. Those before a failure stay taken back: `undone` names them.
#[utoipa::path(
    post, path = "/v1/runs/{run}/undo", tag = "runs", params(("run" = String, Path, description = "Which run.")),
    responses((status = 200, description = "What was taken back.", body = Vec<schema::Undone>)),
)]
pub(super) async fn undo(State(api): State<Api>, Id(run): Id<RunId>) -> Result<Json<Vec<Undone>>, Problem> {
    let on_disk = api.read(move |reader| {
        let any = Filter { run: Some(run.clone()), limit: 1, ..Filter::default() };
        let is_known = reader.run(&run).map_err(answer::journal)?.is_some()
            || !reader.calls(&any).map_err(answer::journal)?.is_empty();
        if !is_known {
            return Err(answer::run(runs::Error::NoSuchRun(run)));
        }
        let filter = HistoryFilter { run: Some(run), limit: u32::MAX, ..HistoryFilter::default() };
        let entries = reader.history(&filter).map_err(answer::journal)?;
        Ok(entries.into_iter().filter(HistoryEntry::is_on_disk).map(|entry| entry.call).collect::<Vec<_>>())
    });
    let mut undone: Vec<Undone> = Vec::new();
    for call in on_disk.await? {
        match api.host().undo(&call).await {
            Ok(one) => undone.push(one),
            Err(error) => {
                let calls: Vec<&str> = undone.iter().map(|one| one.call.as_str()).collect();
                return Err(answer::undo(error).with("undone", calls));
            }
        }
    }
    Ok(Json(undone))
}
