//! The list of runs.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use toolhold_core::call::Mode;
use toolhold_core::state::State as RunState;

use super::{Choice, Pages, choices, number, paged};
use crate::console::failure::Failure;
use crate::console::guard::Visitor;
use crate::console::html::Html;
use crate::console::shell::{self, Here, Page};
use crate::console::{Console, chip, link, now, parts, text};
use crate::journal::{Reader, RunFilter, RunRecord};
use crate::runs::Past;

/// How many runs are on a page.
const PAGE: usize = 30;

/// The choices of the filter: a word, and what it says.
const STATES: [(&str, &str); 9] = [
    ("", "Any state"),
    ("open", "Not over"),
    ("awaiting-approval", "Awaiting approval"),
    ("completed", "Completed"),
    ("partial", "Partial"),
    ("failed", "Failed"),
    ("timed-out", "Timed out"),
    ("cancelled", "Cancelled"),
    ("dead-lettered", "Dead-lettered"),
];

/// Every state of a run.
const ALL: [RunState; 14] = [
    RunState::Initializing,
    RunState::Processing,
    RunState::AwaitingModel,
    RunState::AwaitingTool,
    RunState::AwaitingApproval,
    RunState::Validating,
    RunState::Retrying,
    RunState::Reflecting,
    RunState::Completed,
    RunState::Partial,
    RunState::Failed,
    RunState::TimedOut,
    RunState::Cancelled,
    RunState::DeadLettered,
];

/// What is looked for.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Wanted {
    #[serde(default)]
    state: String,
    #[serde(default)]
    task: String,
    #[serde(default)]
    page: String,
}

impl Wanted {
    fn states(&self) -> Vec<RunState> {
        match self.state.as_str() {
            "" => Vec::new(),
            "open" => ALL.into_iter().filter(|state| !state.is_end()).collect(),
            word => ALL.into_iter().filter(|state| state.as_str() == word).collect(),
        }
    }

    fn fits(&self, record: &RunRecord) -> bool {
        self.task.is_empty() || record.task.to_lowercase().contains(&self.task.to_lowercase())
    }
}

/// One run, in a list.
struct Row {
    path: String,
    chip: Html,
    task: String,
    preview: bool,
    agent: String,
    begun: Html,
    took: String,
    turns: String,
    calls: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<h1>Runs</h1>
<form class="filter" method="get" action="/runs" role="search"><div><label for="state">State</label><select id="state" name="state">{% for choice in states %}<option value="{{ choice.value }}"{% if choice.chosen %} selected{% endif %}>{{ choice.name }}</option>{% endfor %}</select></div>
<div class="grow"><label for="task">Task contains</label><input id="task" name="task" type="search" value="{{ task }}"></div><button>Show</button></form>
<div id="list" data-part>{{ list }}</div>{{ pages }}"#
)]
struct Shown<'a> {
    states: Vec<Choice>,
    task: &'a str,
    list: Html,
    pages: Html,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<table class="cards"><thead><tr><th>State</th><th>Task</th><th>Agent</th><th>Begun</th><th class="number">Took</th><th class="number">Turns</th><th class="number">Calls</th></tr></thead><tbody>
{% for row in rows %}<tr><td data-name="State">{{ row.chip }}</td><td class="main"><a href="{{ row.path }}">{{ row.task }}</a>{% if row.preview %} <span class="label">dry run</span>{% endif %}</td><td data-name="Agent">{{ row.agent }}</td><td data-name="Begun">{{ row.begun }}</td><td data-name="Took" class="number">{{ row.took }}</td><td data-name="Turns" class="number">{{ row.turns }}</td><td data-name="Calls" class="number">{{ row.calls }}</td></tr>
{% endfor %}</tbody></table>"#
)]
struct Table {
    rows: Vec<Row>,
}

/// Shows them.
pub(in crate::console) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failure> {
    let body = console.read(move |_, reader| list(reader, &wanted)).await?;
    shell::page(&console, &visitor, Page { title: "Runs", here: Here::Runs, live: "all", body }).await
}

fn list(reader: &Reader, wanted: &Wanted) -> Result<Html, Failure> {
    let states = wanted.states();
    let page = number(&wanted.page);
    let is_no_state = states.is_empty() && !wanted.state.is_empty();
    let all = if is_no_state {
        Vec::new()
    } else {
        reader.runs(&RunFilter { states, limit: u32::MAX, ..RunFilter::default() })?
    };
    let fitting: Vec<_> =
        all.into_iter().filter(|record| wanted.fits(record)).skip(page.saturating_mul(PAGE)).take(PAGE + 1).collect();
    let pairs = [("state", wanted.state.as_str()), ("task", wanted.task.as_str())];
    let pages = Pages {
        newer: if page > 0 { link::query("/runs", &pairs) } else { String::new() },
        older: match fitting.len() > PAGE {
            true => paged("/runs", &pairs, "page", &(page + 1).to_string()),
            false => String::new(),
        },
    };
    let list = match fitting.as_slice() {
        [] if pairs.iter().all(|(_, value)| value.is_empty()) => {
            parts::empty("There are no runs yet. `toolhold run \"…\"` begins one.")
        }
        [] => parts::empty("No run is like that."),
        some => table(reader, some.get(..PAGE).unwrap_or(some)),
    };
    let shown = Shown { states: choices(&STATES, &wanted.state), task: &wanted.task, list, pages: Html::of(&pages) };
    Ok(Html::of(&shown))
}

/// A table of runs.
pub(super) fn table(reader: &Reader, runs: &[RunRecord]) -> Html {
    let now = now();
    Html::of(&Table { rows: runs.iter().map(|record| row(reader, record, now)).collect() })
}

fn row(reader: &Reader, record: &RunRecord, now: u64) -> Row {
    // One of which nothing is left, or that cannot be read, has a line of its own all the same.
    let machine = Past::of(reader, &record.run).ok().and_then(|past| past.machine().ok());
    let report = machine.as_ref().map(|machine| machine.report());
    let of = |of: &dyn Fn(&toolhold_core::run::RunReport) -> String| report.as_ref().map(of).unwrap_or_default();
    let task = text::short(&record.task, 120);
    Row {
        path: link::run(&record.run),
        chip: chip::of_run(record.state).html(),
        task: if task.is_empty() { record.run.to_string() } else { task },
        preview: record.mode == Mode::Preview,
        agent: machine.as_ref().map(|machine| machine.start().agent.clone()).unwrap_or_default(),
        begun: parts::time(record.started_at, now),
        took: of(&|report| text::took(u64::try_from(report.elapsed.as_micros()).unwrap_or(u64::MAX))),
        turns: of(&|report| report.turns.to_string()),
        calls: of(&|report| report.calls.len().to_string()),
    }
}
