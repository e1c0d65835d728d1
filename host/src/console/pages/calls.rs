//! The list of calls, of runs and of everybody else.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::{Choice, choices};
use crate::console::failure::Failure;
use crate::console::guard::Visitor;
use crate::console::html::Html;
use crate::console::shell::{self, Here, Page};
use crate::console::{Console, chip, link, now, parts, text};
use crate::journal::{self, CallRecord, Filter, Reader};

/// How many calls are shown.
const MOST: u32 = 100;

const STATES: [(&str, &str); 5] = [
    ("", "Any state"),
    ("admitted", "Running"),
    ("settled", "Settled"),
    ("abandoned", "Did nothing"),
    ("unknown", "Unknown"),
];

/// What is looked for.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Wanted {
    #[serde(default)]
    state: String,
    #[serde(default)]
    tool: String,
}

/// One call, in a list.
struct Row {
    path: String,
    chip: Html,
    tool: String,
    preview: bool,
    arguments: String,
    at: Html,
    took: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<h1>Calls</h1>
<form class="filter" method="get" action="/calls" role="search"><div><label for="state">State</label><select id="state" name="state">{% for choice in states %}<option value="{{ choice.value }}"{% if choice.chosen %} selected{% endif %}>{{ choice.name }}</option>{% endfor %}</select></div>
<div class="grow"><label for="tool">Tool</label><input id="tool" name="tool" type="search" value="{{ tool }}" placeholder="files.read"></div><button>Show</button></form>
<div id="list" data-part>{{ list }}</div>
<p class="hint">The latest {{ most }} calls that were let through. What was denied is in the <a href="/audit?kind=call-denied">audit</a>.</p>"#
)]
struct Shown<'a> {
    states: Vec<Choice>,
    tool: &'a str,
    most: u32,
    list: Html,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<table class="cards"><thead><tr><th>State</th><th>Tool</th><th>Arguments</th><th>When</th><th class="number">Took</th></tr></thead><tbody>
{% for row in rows %}<tr><td data-name="State">{{ row.chip }}</td><td class="main"><a href="{{ row.path }}">{{ row.tool }}</a>{% if row.preview %} <span class="label">preview</span>{% endif %}</td><td data-name="Arguments" class="cut"><code>{{ row.arguments }}</code></td><td data-name="When">{{ row.at }}</td><td data-name="Took" class="number">{{ row.took }}</td></tr>
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
    shell::page(&console, &visitor, Page { title: "Calls", here: Here::Calls, live: "all", body }).await
}

fn list(reader: &Reader, wanted: &Wanted) -> Result<Html, Failure> {
    let state = match wanted.state.as_str() {
        "admitted" => Some(journal::State::Admitted),
        "settled" => Some(journal::State::Settled),
        "abandoned" => Some(journal::State::Abandoned),
        "unknown" => Some(journal::State::Unknown),
        _ => None,
    };
    let tool = wanted.tool.trim();
    let filter = match tool {
        "" => Some(Filter { state, limit: MOST, ..Filter::default() }),
        // A text that is no name of a tool is the name of none.
        name => name.parse().ok().map(|tool| Filter { state, tool: Some(tool), limit: MOST, ..Filter::default() }),
    };
    let calls = filter.map(|filter| reader.calls(&filter)).transpose()?.unwrap_or_default();
    let list = if calls.is_empty() { parts::empty("No call is like that.") } else { table(&calls) };
    Ok(Html::of(&Shown { states: choices(&STATES, &wanted.state), tool, most: MOST, list }))
}

/// A table of calls.
pub(super) fn table(calls: &[CallRecord]) -> Html {
    let now = now();
    let row = |record: &CallRecord| Row {
        path: link::call(&record.call),
        chip: chip::of_call(record.state, record.succeeded).html(),
        tool: record.tool.to_string(),
        preview: record.mode == toolhold_core::call::Mode::Preview,
        arguments: record.arguments.as_deref().map_or_else(|| "not kept".to_owned(), |text| text::short(text, 90)),
        at: parts::time(record.admitted_at, now),
        took: record.settled_at.map(|end| text::took(end.saturating_sub(record.admitted_at))).unwrap_or_default(),
    };
    Html::of(&Table { rows: calls.iter().map(row).collect() })
}
