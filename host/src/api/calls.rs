//! Calls: make one, look at it, make what a preview showed real, take one back.
//!
//! Whatever the gate says of a call is its report, with status 200: a denial too. A problem is what did not reach the gate.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toolhold_core::call::{Mode, ToolCall};
use toolhold_core::id::{CallId, RunId, ToolName};
use utoipa::{IntoParams, ToSchema};

use super::answer;
use super::extract::{Body, By, Id, Query, Said};
use super::kept::{Call, NotStarted};
use super::state::Api;
use crate::approvals::Asking;
use crate::journal::{CallRecord, Filter, HistoryFilter, Reader, State as CallState};
use crate::problem::{Code, Problem};
use crate::shown::{Changed, Report, schema};
use crate::telemetry::Origin;
use crate::{CallOptions, Undone, clock};

/// Most calls in one answer.
const MOST_LISTED: u32 = 1000;

/// Their bytes, about: each has up to 64 KiB of arguments, and as many of its result.
const MOST_BYTES: usize = 8 << 20;

/// Calls that are read at once, of which some may be too many.
const READ_AT_ONCE: u32 = 50;

/// A call that is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCall {
    /// The tool: `component.tool`.
    tool: String,
    /// Its arguments.
    #[serde(default = "no_arguments")]
    #[schema(value_type = Object)]
    arguments: Value,
    /// `preview` runs it, shows what it would change, and changes nothing. `live` if left out.
    #[serde(default = "live")]
    #[schema(value_type = schema::Mode)]
    mode: Mode,
}

fn no_arguments() -> Value {
    json!({})
}

fn live() -> Mode {
    Mode::Live
}

/// A call for whose end nobody waits.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Started {
    /// Its name.
    #[schema(value_type = String)]
    call: CallId,
    /// `running` or `cancel-requested`.
    state: &'static str,
}

/// Makes one call. Each is a run of its own: what an earlier one has read says nothing of a later one.
///
/// Where a rule asks for a person's approval, it ends as `awaiting-approval` with the name of the approval: the same call after the decision is made
/// by it. One that is not waited for waits for the decision.
///
/// With an `Idempotency-Key`, repeats by the same client are one call. With `Prefer: respond-async` it is not waited for. A client that
/// goes away while it waits stops the call.
#[utoipa::path(
    post, path = "/v1/calls", tag = "calls", request_body = NewCall,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats with it are one call. Not for previews."),
        ("Prefer" = Option<String>, Header, description = "`respond-async`: answer before the end."),
    ),
    responses(
        (status = 200, description = "What came of it, be it a result or an error.", body = Report),
        (status = 202, description = "It runs; `Location` is where to look.", body = Started),
    ),
)]
pub(super) async fn make(
    State(api): State<Api>,
    by: By,
    said: Said,
    sent: HeaderMap,
    Body(body): Body<NewCall>,
) -> Result<Response, Problem> {
    let NewCall { tool, arguments, mode } = body;
    if said.key.is_some() && mode == Mode::Preview {
        return Err(answer::bad(
            "`Idempotency-Key`: a preview changes nothing, so there is nothing to keep from happening twice",
        ));
    }
    let text = arguments.to_string();
    // It is read anew, strictly, where it is checked: two of them for as long as the call takes are one too many.
    drop(arguments);
    let call = ToolCall { run: clock::new_run(), tool, arguments: text, key: said.key, mode };
    // Whoever waits on the line hears that a person has to decide; the call of whoever does not, waits for the person.
    let host = api.host();
    let lifetime = Duration::from_micros(host.policy().manifest().approvals().limits.lifetime);
    let asking = if said.is_async { Asking::Wait(lifetime) } else { Asking::Park };
    let origin = Origin::http(&sent);
    let options = CallOptions { client: by.client(), asking, origin, ..CallOptions::default() };
    if !said.is_async {
        return Ok(reported(Report::of(host.call(call, options).await)));
    }
    let call = api.calls().start(host, call, options).map_err(|why| match why {
        NotStarted::Full => {
            answer::full(Code::CallsFull, "too many calls run for which nobody waits; wait for some of them")
        }
        NotStarted::Ending => Problem::new(Code::ShuttingDown, "the server ends and begins nothing more"),
    })?;
    let headers = [(header::LOCATION, format!("/v1/calls/{call}"))];
    Ok((StatusCode::ACCEPTED, headers, Json(Started { call, state: "running" })).into_response())
}

/// A report, with the time after which another try is worth it where that is known.
fn reported(report: Report) -> Response {
    let wait = report.error.as_ref().and_then(|failure| failure.retry_after);
    let mut response = Json(report).into_response();
    if let Some(seconds) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Which calls.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// At most this many, the newest first; 20 if left out, 1000 at most. Fewer where they have more than 8 MiB together.
    limit: Option<u32>,
    /// Only those that were admitted before this one: the last one of a page leads to the next.
    #[param(value_type = Option<String>)]
    before: Option<CallId>,
    /// Only those of this run.
    #[param(value_type = Option<String>)]
    run: Option<RunId>,
    /// Only those of this tool.
    #[param(value_type = Option<String>)]
    tool: Option<ToolName>,
    /// Only those that came so far: `admitted`, `settled`, `abandoned` or `unknown`.
    #[param(value_type = Option<String>)]
    state: Option<CallState>,
}

/// The calls that were admitted, newest first. What was refused before is in the audit.
#[utoipa::path(
    get, path = "/v1/calls", tag = "calls", params(Which),
    responses((status = 200, description = "The calls, as the journal has them.", body = Vec<schema::CallRecord>)),
)]
pub(super) async fn list(State(api): State<Api>, Query(which): Query<Which>) -> Result<Json<Vec<CallRecord>>, Problem> {
    let Which { limit, before, run, tool, state } = which;
    let filter = Filter { run, tool, state, before, limit: limit.unwrap_or(20).clamp(1, MOST_LISTED) };
    let read = api.read(move |reader| {
        if let Some(before) = &filter.before {
            reader.get(before).map_err(answer::journal)?.ok_or_else(|| answer::no_such("before", "call"))?;
        }
        page(reader, filter)
    });
    read.await.map(Json)
}

/// The calls that fit, some at a time, until they have as many bytes as a page may have.
fn page(reader: &Reader, mut filter: Filter) -> Result<Vec<CallRecord>, Problem> {
    let (mut found, mut bytes, mut left) = (Vec::new(), 0_usize, filter.limit);
    while left > 0 {
        filter.limit = left.min(READ_AT_ONCE);
        left -= filter.limit;
        let some = reader.calls(&filter).map_err(answer::journal)?;
        let Some(last) = some.last() else { break };
        filter.before = Some(last.call.clone());
        for record in some {
            let texts = [&record.arguments, &record.outcome, &record.usage, &record.evidence];
            bytes = bytes.saturating_add(texts.into_iter().flatten().map(String::len).sum());
            if bytes > MOST_BYTES && !found.is_empty() {
                return Ok(found);
            }
            found.push(record);
        }
    }
    Ok(found)
}

/// Which changes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WhichChanges {
    /// At most this many, the newest first; 20 if left out, 1000 at most. Fewer where they have more than 8 MiB together.
    limit: Option<u32>,
    /// Only those of this run.
    #[param(value_type = Option<String>)]
    run: Option<RunId>,
}

/// The calls that changed something, and the previews that can be applied, newest first.
#[utoipa::path(
    get, path = "/v1/history", tag = "calls", params(WhichChanges),
    responses((status = 200, description = "What was changed.", body = Vec<Changed>)),
)]
pub(super) async fn history(
    State(api): State<Api>,
    Query(which): Query<WhichChanges>,
) -> Result<Json<Vec<Changed>>, Problem> {
    let limit = which.limit.unwrap_or(20).clamp(1, MOST_LISTED);
    let filter = HistoryFilter { run: which.run, call: None, limit, most_bytes: Some(MOST_BYTES) };
    let entries = api.read(move |reader| reader.history(&filter).map_err(answer::journal)).await?;
    Ok(Json(entries.iter().map(Changed::of).collect()))
}

/// Everything that is known of a call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Call)]
pub(super) struct Known {
    /// Its name.
    #[schema(value_type = String)]
    call: CallId,
    /// `running`; `ended` where only its report is known; else how far the journal says that it came: `admitted`, `settled`, `abandoned`
    /// or `unknown`.
    state: String,
    /// Its report, if nobody waited for it and it is one of the latest.
    #[schema(value_type = Option<Report>)]
    report: Option<Arc<Value>>,
    /// What the journal has of it.
    #[schema(value_type = Option<schema::CallRecord>)]
    record: Option<CallRecord>,
    /// What it changed, or would.
    changes: Option<Changed>,
}

/// One call.
#[utoipa::path(
    get, path = "/v1/calls/{call}", tag = "calls", params(("call" = String, Path, description = "Which call.")),
    responses((status = 200, description = "What is known of it.", body = Known)),
)]
pub(super) async fn show(State(api): State<Api>, Id(call): Id<CallId>) -> Result<Json<Known>, Problem> {
    // Asked before the journal is: what ends meanwhile is in the journal.
    let present = api.calls().get(&call);
    let wanted = call.clone();
    let read = api.read(move |reader| {
        let filter = HistoryFilter { call: Some(wanted.clone()), limit: 1, ..HistoryFilter::default() };
        let record = reader.get(&wanted).map_err(answer::journal)?;
        Ok((record, reader.history(&filter).map_err(answer::journal)?.first().map(Changed::of)))
    });
    let (record, changes) = read.await?;
    let state = match (&present, &record) {
        (Some(Call::Running), _) => "running".to_owned(),
        (_, Some(record)) => record.state.as_str().to_owned(),
        (Some(Call::Done(_)), None) => "ended".to_owned(),
        (None, None) => {
            return Err(answer::not_found(format!(
                "no call `{call}` was admitted; the audit has those that were refused"
            )));
        }
    };
    let report = match present {
        Some(Call::Done(report)) => Some(report),
        _ => None,
    };
    Ok(Json(Known { call, state, report, record, changes }))
}

/// Stops a call for whose end nobody waits.
#[utoipa::path(
    post, path = "/v1/calls/{call}/cancel", tag = "calls", params(("call" = String, Path, description = "Which call.")),
    responses((status = 202, description = "It is about to end.", body = Started)),
)]
pub(super) async fn cancel(
    State(api): State<Api>,
    Id(call): Id<CallId>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    match api.calls().cancel(&call) {
        true => Ok((StatusCode::ACCEPTED, Json(Started { call, state: "cancel-requested" }))),
        false => Err(answer::not_found(format!("no call `{call}` runs here for which nobody waits"))),
    }
}

/// Makes exactly the changes that a preview showed, or none. The tool does not run again.
#[utoipa::path(
    post, path = "/v1/calls/{call}/apply", tag = "calls", params(("call" = String, Path, description = "The preview.")),
    responses((status = 200, description = "What came of it, be it a result or an error.", body = Report)),
)]
pub(super) async fn apply(State(api): State<Api>, by: By, Id(call): Id<CallId>) -> Response {
    let options = CallOptions { client: by.client(), ..CallOptions::default() };
    reported(Report::of(api.host().apply(&call, options).await))
}

/// Takes back what a call changed, all of it or nothing.
#[utoipa::path(
    post, path = "/v1/calls/{call}/undo", tag = "calls", params(("call" = String, Path, description = "Which call.")),
    responses((status = 200, description = "What was taken back.", body = schema::Undone)),
)]
pub(super) async fn undo(State(api): State<Api>, Id(call): Id<CallId>) -> Result<Json<Undone>, Problem> {
    api.host().undo(&call).await.map(Json).map_err(answer::undo)
}
