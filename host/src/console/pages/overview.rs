//! The first page: what waits for a person, and what goes on.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::attempt;
use crate::console::failure::Failure;
use crate::console::guard::Visitor;
use crate::console::html::Html;
use crate::console::shell::{self, Here, Page};
use crate::console::{Console, parts};
use crate::journal::{self, Filter, Reader, RunFilter};
use crate::runs::Past;

/// How many runs are shown.
const RUNS: usize = 10;

/// How many of each kind are counted at most: beyond, nobody counts.
const MOST: u32 = 100;

/// How much waits for a person.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::console) struct Counts {
    /// Approvals.
    pub(in crate::console) approvals: usize,
    /// Dead letters, and calls of which nobody knows what they did.
    pub(in crate::console) dead: usize,
}

/// Counts it.
pub(in crate::console) fn counts(reader: &Reader) -> Result<Counts, Failure> {
    let unknown = Filter { state: Some(journal::State::Unknown), limit: MOST, ..Filter::default() };
    let dead = Past::dead(reader, MOST)?.len() + reader.calls(&unknown)?.len();
    let approvals = usize::try_from(reader.approvals_waiting()?).unwrap_or(usize::MAX);
    Ok(Counts { approvals, dead })
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<h1>Overview</h1><div id="now" data-part><ul class="tiles">
<li class="tile{% if approvals > 0 %} asks{% endif %}"><a href="/approvals"><b>{{ approvals }}</b> waiting for approval</a></li>
<li class="tile{% if dead > 0 %} bad{% endif %}"><a href="/dead-letters"><b>{{ dead }}</b> dead letters and unknown calls</a></li>
<li class="tile{% if open > 0 %} bad{% endif %}"><a href="/health"><b>{{ open }}</b> breakers not closed</a></li>
<li class="tile"><a href="/runs?state=open"><b>{{ working }}</b> runs under way</a></li></ul>
<section><h2>Latest runs</h2>{{ runs }}</section></div>"#
)]
struct Shown {
    approvals: usize,
    dead: usize,
    open: usize,
    working: usize,
    runs: Html,
}

/// Shows it.
pub(in crate::console) async fn show(State(console): State<Console>, visitor: Visitor) -> Result<Response, Failure> {
    let body = console.read(|_, reader| whole(reader)).await?;
    shell::page(&console, &visitor, Page { title: "Overview", here: Here::Overview, live: "all", body }).await
}

fn whole(reader: &Reader) -> Result<Html, Failure> {
    let counts = counts(reader)?;
    let all = reader.runs(&RunFilter::default())?;
    let runs = match all.as_slice() {
        [] => parts::empty("There are no runs yet. `toolhold run \"…\"` begins one."),
        some => super::runs::table(reader, some.get(..RUNS).unwrap_or(some)),
    };
    let is_open = |one: &&attempt::DependencyState| one.state != toolhold_core::breaker::State::Closed;
    Ok(Html::of(&Shown {
        approvals: counts.approvals,
        dead: counts.dead,
        open: attempt::remembered(reader)?.iter().filter(is_open).count(),
        working: all.iter().filter(|record| !record.state.is_end()).count(),
        runs,
    }))
}
