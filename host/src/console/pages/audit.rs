//! The audit: looked through, and checked.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::happened::{self, Happened, Tone};
use super::{Pages, paged};
use crate::console::chip::Chip;
use crate::console::failure::Failure;
use crate::console::guard::{Form, Visitor};
use crate::console::html::Html;
use crate::console::shell::{self, Here, Page};
use crate::console::{Console, link, now, parts};
use crate::journal::{AuditFilter, FoundEntry, Reader};

/// How many entries are on a page.
const PAGE: u32 = 50;

/// Kinds that are offered; any other can be typed.
const KINDS: [&str; 15] = [
    "call-denied",
    "call-invalid",
    "call-admitted",
    "call-settled",
    "call-completed",
    "call-unknown",
    "call-acted",
    "changes-landed",
    "changes-undone",
    "approval-asked",
    "approval-granted",
    "approval-rejected",
    "run-started",
    "run-ended",
    "secret-redacted",
];

/// What is looked for.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Wanted {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    run: String,
    #[serde(default)]
    call: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    before: String,
}

/// One entry.
struct Row {
    sequence: u64,
    at: Html,
    chip: Html,
    happened: Happened,
    run: Option<(String, String)>,
    call: Option<(String, String)>,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="heading"><h1>Audit</h1><form method="post" action="/audit/verify"><input type="hidden" name="csrf" value="{{ csrf }}"><button>Verify the whole trail</button></form></div>
<form class="filter" method="get" action="/audit" role="search"><div><label for="kind">Kind</label><input id="kind" name="kind" list="kinds" value="{{ wanted.kind }}"><datalist id="kinds">{% for kind in kinds %}<option value="{{ kind }}">{% endfor %}</datalist></div>
<div class="grow"><label for="run">Run</label><input id="run" name="run" value="{{ wanted.run }}"></div><div class="grow"><label for="call">Call</label><input id="call" name="call" value="{{ wanted.call }}"></div>
<div><label for="from">From (UTC)</label><input id="from" name="from" type="datetime-local" value="{{ wanted.from }}"></div><div><label for="until">Until (UTC)</label><input id="until" name="until" type="datetime-local" value="{{ wanted.until }}"></div><button>Show</button></form>
{% if rows.is_empty() %}<p class="empty">No entry is like that.</p>{% else %}<table class="cards entries"><thead><tr><th class="number">No.</th><th>When</th><th>What</th><th>About</th></tr></thead><tbody>
{% for row in rows %}<tr id="entry-{{ row.sequence }}"><td data-name="No." class="number">{{ row.sequence }}</td><td data-name="When">{{ row.at }}</td><td class="main">{{ row.chip }} <b>{{ row.happened.kind }}</b></td><td data-name="About"><dl class="facts">{% if let Some(run) = row.run %}<div><dt>run</dt><dd><a href="{{ run.0 }}"><code>{{ run.1 }}</code></a></dd></div>{% endif %}{% if let Some(call) = row.call %}<div><dt>call</dt><dd><a href="{{ call.0 }}"><code>{{ call.1 }}</code></a></dd></div>{% endif %}{% for fact in row.happened.facts %}<div><dt>{{ fact.0 }}</dt><dd>{{ fact.1 }}</dd></div>{% endfor %}</dl></td></tr>
{% endfor %}</tbody></table>{% endif %}{{ pages }}"#
)]
struct Shown<'a> {
    csrf: &'a str,
    wanted: &'a Wanted,
    kinds: [&'static str; 15],
    rows: Vec<Row>,
    pages: Html,
}

/// Shows what is looked for.
pub(in crate::console) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failure> {
    let csrf = visitor.csrf().to_owned();
    let body = console.read(move |_, reader| list(reader, &wanted, &csrf)).await?;
    shell::page(&console, &visitor, Page { title: "Audit", here: Here::Audit, live: "", body }).await
}

fn list(reader: &Reader, wanted: &Wanted, csrf: &str) -> Result<Html, Failure> {
    let filter = AuditFilter { limit: PAGE + 1, ..filter(wanted)? };
    let found = reader.latest_entries(&filter)?;
    let whole = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let shown = found.get(..whole).unwrap_or(&found);
    let pairs = [
        ("kind", wanted.kind.as_str()),
        ("run", &wanted.run),
        ("call", &wanted.call),
        ("from", &wanted.from),
        ("until", &wanted.until),
    ];
    let last = shown.last().filter(|_| found.len() > whole);
    let pages = Pages {
        newer: if wanted.before.is_empty() { String::new() } else { link::query("/audit", &pairs) },
        older: last.map(|last| paged("/audit", &pairs, "before", &last.sequence.to_string())).unwrap_or_default(),
    };
    let now = now();
    let rows = shown.iter().map(|entry| row(entry, now)).collect();
    Ok(Html::of(&Shown { csrf, wanted, kinds: KINDS, rows, pages: Html::of(&pages) }))
}

fn filter(wanted: &Wanted) -> Result<AuditFilter, Failure> {
    let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    let wrong = |what: &str, error: &dyn std::fmt::Display| Failure::bad_request(format!("{what}: {error}"));
    Ok(AuditFilter {
        kind: given(&wanted.kind),
        run: given(&wanted.run).map(|run| run.parse()).transpose().map_err(|error| wrong("the run", &error))?,
        call: given(&wanted.call).map(|call| call.parse()).transpose().map_err(|error| wrong("the call", &error))?,
        from: given(&wanted.from).map(|time| moment(&time)).transpose()?,
        until: given(&wanted.until).map(|time| moment(&time)).transpose()?,
        before: given(&wanted.before)
            .map(|number| number.parse())
            .transpose()
            .map_err(|error| wrong("`before`", &error))?,
        limit: 0,
    })
}

/// A time in UTC, as a browser's field has it, in microseconds since 1970.
fn moment(text: &str) -> Result<u64, Failure> {
    let time: DateTime = text
        .parse()
        .map_err(|_| Failure::bad_request(format!("`{text}` is no time: write it like 2026-03-01T14:30, in UTC")))?;
    let stamp = TimeZone::UTC.to_timestamp(time).map_err(|error| Failure::bad_request(error.to_string()))?;
    Ok(u64::try_from(stamp.as_microsecond()).unwrap_or(0))
}

fn row(entry: &FoundEntry, now: u64) -> Row {
    let happened = happened::of(&entry.entry.event);
    let chip = match happened.tone {
        Tone::Plain => None,
        Tone::Good => Some(Chip::good("done")),
        Tone::Bad => Some(Chip::bad("refused")),
        Tone::Person => Some(Chip::asks("person")),
    };
    Row {
        sequence: entry.sequence,
        at: parts::time(entry.entry.at, now),
        chip: chip.map(Chip::html).unwrap_or_default(),
        run: happened.run.as_ref().map(|run| (link::run(run), run.to_string())),
        call: happened.call.as_ref().map(|call| (link::call(call), call.to_string())),
        happened,
    }
}

/// Checks the whole of it.
pub(in crate::console) async fn verify(State(console): State<Console>, form: Form) -> Result<Response, Failure> {
    let Some(turn) = console.0.reads.turn() else {
        form.visitor.say(&console, false, "It is being checked already: ask again in a moment.");
        return Ok(Redirect::to("/audit").into_response());
    };
    let verified = console.read_settled(|_, reader| Ok(turn.check(|| reader.verify(None)))).await?;
    match verified {
        Ok(verified) => {
            let text =
                format!("{} entries, none changed. Head, to be noted elsewhere: {}", verified.entries, verified.head);
            form.visitor.say(&console, true, text);
        }
        Err(error) => form.visitor.say(&console, false, error.to_string()),
    }
    Ok(Redirect::to("/audit").into_response())
}
