//! How well tools, models and runs work.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer;
use super::extract::Query;
use super::state::Api;
use crate::clock;
use crate::health::Overview;
use crate::problem::Problem;
use crate::shown::schema;

/// What is within the window unless it is said.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// How far back.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Window {
    /// How far back it looks, such as `90min`, `24h` or `7d`; `24h` if left out.
    window: Option<String>,
}

/// How well tools, models and runs work, by what the journal knows: what is within the window, compared with what was before.
#[utoipa::path(
    get, path = "/v1/health", tag = "health", params(Window),
    responses((status = 200, description = "How well everything works.", body = schema::Overview)),
)]
pub(super) async fn show(State(api): State<Api>, Query(window): Query<Window>) -> Result<Json<Overview>, Problem> {
    let parse = |text: &str| humantime::parse_duration(text).map_err(|error| answer::bad(format!("`window`: {error}")));
    let window = window.window.as_deref().map_or(Ok(WINDOW), parse)?;
    let since = clock::micros().saturating_sub(u64::try_from(window.as_micros()).unwrap_or(u64::MAX));
    api.read(move |reader| Overview::of(reader, since).map_err(answer::journal)).await.map(Json)
}
