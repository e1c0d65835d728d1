//! The audit: searched a page at a time, and checked as a whole.

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toolhold_core::chain::Head;
use toolhold_core::id::{CallId, RunId};
use utoipa::{IntoParams, ToSchema};

use super::answer;
use super::extract::Query;
use super::state::Api;
use crate::journal::{AuditEntry, AuditSearch, Reader, Verified};
use crate::problem::{Code, Problem};
use crate::shown::schema;

/// Most entries in a page.
const MOST_LISTED: u32 = 1000;

/// Which entries: those that fit everything that is given.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Those after the entry with this number.
    #[serde(default)]
    after: u64,
    /// At most this many; 100 if left out, 1000 at most.
    limit: Option<u32>,
    /// Of this run, its calls included.
    #[param(value_type = Option<String>)]
    run: Option<RunId>,
    /// Of this call.
    #[param(value_type = Option<String>)]
    call: Option<CallId>,
    /// Of this kind, such as `call-denied`.
    kind: Option<String>,
    /// Not before this time, such as `2026-11-26T12:00:00Z`.
    since: Option<String>,
    /// Before this time.
    until: Option<String>,
}

/// Entries of the audit, in order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Entries {
    /// The entries.
    entries: Vec<EntryLine>,
    /// From where to go on, as `after`; null at the end. A page without entries can have one: a search reads 20000 entries at once.
    next: Option<u64>,
}

/// One entry of the audit. Its hash covers the text of `body` as `toolhold audit export` has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(super) struct EntryLine {
    /// Its number: each is one greater than the last.
    sequence: u64,
    /// The hash of the one before it.
    previous: String,
    /// Its hash.
    hash: String,
    /// What it says: `version`, `at` in microseconds since 1970, and an `event` with its `type`.
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    body: Value,
}

impl EntryLine {
    fn of(entry: AuditEntry) -> Self {
        let AuditEntry { sequence, previous, hash, body } = entry;
        Self { sequence, previous: previous.to_string(), hash: hash.to_string(), body }
    }
}

/// The entries of the audit that fit, in order, a page at a time.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", params(Which),
    responses((status = 200, description = "The entries.", body = Entries)),
)]
pub(super) async fn search(State(api): State<Api>, Query(which): Query<Which>) -> Result<Json<Entries>, Problem> {
    let search = AuditSearch {
        after: which.after,
        limit: which.limit.unwrap_or(100).clamp(1, MOST_LISTED),
        run: which.run,
        call: which.call,
        kind: which.kind,
        since: moment("since", which.since.as_deref())?,
        until: moment("until", which.until.as_deref())?,
    };
    let page = api.read(move |reader| reader.search(&search).map_err(answer::journal)).await?;
    Ok(Json(Entries { entries: page.entries.into_iter().map(EntryLine::of).collect(), next: page.next }))
}

/// A time, in microseconds since 1970.
fn moment(name: &str, text: Option<&str>) -> Result<Option<u64>, Problem> {
    let read = |text: &str| {
        let time: Timestamp = text.parse().map_err(|error| answer::bad(format!("`{name}`: {error}")))?;
        Ok(u64::try_from(time.as_microsecond()).unwrap_or(0))
    };
    text.map(read).transpose()
}

/// What is known elsewhere.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Expected {
    /// An end of the audit that was noted elsewhere: `12:sha256:…`. It must be in there.
    expect: Option<String>,
}

/// Checks the whole audit and the stored calls against it. One check at a time.
#[utoipa::path(
    get, path = "/v1/audit/verify", tag = "audit", params(Expected),
    responses((status = 200, description = "It holds.", body = schema::Verified)),
)]
pub(super) async fn verify(
    State(api): State<Api>,
    Query(expected): Query<Expected>,
) -> Result<Json<Verified>, Problem> {
    let parse = |text: &str| text.parse::<Head>().map_err(|error| answer::bad(format!("`expect`: {error}")));
    let expected = expected.expect.as_deref().map(parse).transpose()?;
    let turn = api.reads().turn();
    let turn = turn.ok_or_else(|| answer::full(Code::Overloaded, "the audit is being checked already"))?;
    // What is checked is what would be there after a power cut.
    api.host().journal().flush().await.map_err(answer::journal)?;
    let verify = move |reader: &Reader| turn.check(|| reader.verify(expected.as_ref()).map_err(answer::journal));
    api.read(verify).await.map(Json)
}
