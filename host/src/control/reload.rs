//! Taking up a manifest anew, for who asks on this machine: over the socket of the state directory, and nowhere else.

use std::path::PathBuf;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use toolhold_core::escape;

use crate::access::{Caller, Role};
use crate::problem::{Code, Problem};
use crate::{Current, ReloadError, Reloaded};

/// Where it is asked for.
pub(crate) const PATH: &str = "/v1/reload";

/// Which files whoever asks means: others than the process has are not taken up.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The manifest, by an absolute path.
    pub(crate) manifest: PathBuf,
    /// The lock file, too.
    pub(crate) lock: PathBuf,
}

/// The one route.
pub(super) fn router(host: Current) -> Router {
    Router::new().route(PATH, post(reload)).with_state(host)
}

async fn reload(
    caller: Caller,
    State(current): State<Current>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Reloaded>, Problem> {
    caller.needs(Role::Admin)?;
    current.is_of(&wanted.manifest, &wanted.lock).map_err(|error| refused(&error))?;
    current.reload().await.map(Json).map_err(|error| refused(&error))
}

/// With all that a start would have said. Whoever asks here has the files.
fn refused(error: &ReloadError) -> Problem {
    let problem = Problem::new(Code::NotNow, escape::line(&error.in_a_line()).into_owned());
    problem.with("exit_code", error.exit_code() as u8).with("report", error.report())
}
