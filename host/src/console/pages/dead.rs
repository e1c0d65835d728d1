//! What waits for a person because it failed for good, or because nobody knows what it did.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use toolhold_core::id::RunId;

use super::named;
use crate::console::failure::Failure;
use crate::console::guard::{Form, Visitor};
use crate::console::html::Html;
use crate::console::shell::{self, Here, Page};
use crate::console::{Console, acts, link, now, parts, text};
use crate::journal::{self, Filter, Reader};
use crate::runs::Past;

/// Most dead letters, and most unknown calls, that are shown.
const MOST: u32 = 100;

/// A dead letter.
struct Row {
    run: String,
    path: String,
    task: String,
    reason: String,
    begun: Html,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<h1>Dead letters</h1><p class="lead">Runs that failed for good. Each holds everything that it knew.</p>
<div id="list" data-part>{% if rows.is_empty() %}<p class="empty">There are no dead letters.</p>{% else %}<ul class="letters">{% for row in rows %}<li><h2><a href="{{ row.run }}">{{ row.task }}</a></h2><p class="failure">{{ row.reason }}</p><p class="faint">begun {{ row.begun }}</p>
<div class="buttons">{% if may_requeue %}<form method="post" action="{{ row.path }}/requeue"><input type="hidden" name="csrf" value="{{ csrf }}"><button>Let it go on</button></form>{% endif %}{% if may_discard %}<form method="post" action="{{ row.path }}/discard"><input type="hidden" name="csrf" value="{{ csrf }}"><button class="danger">Discard</button></form>{% endif %}</div></li>{% endfor %}</ul>{% endif %}</div>
<section><h2>Calls of which nobody knows what they did</h2><p class="hint">The host stopped between intent and outcome. They are never made again by themselves: open one, and say what it did.</p><div id="unknown" data-part>{{ unknown }}</div></section>"#
)]
struct Shown<'a> {
    rows: Vec<Row>,
    may_requeue: bool,
    may_discard: bool,
    csrf: &'a str,
    unknown: Html,
}

/// Shows it.
pub(in crate::console) async fn show(State(console): State<Console>, visitor: Visitor) -> Result<Response, Failure> {
    let to = visitor.clone();
    let body = console.read(move |_, reader| list(reader, &to)).await?;
    shell::page(&console, &visitor, Page { title: "Dead letters", here: Here::Dead, live: "all", body }).await
}

fn list(reader: &Reader, to: &Visitor) -> Result<Html, Failure> {
    let now = now();
    let mut rows = Vec::new();
    for record in Past::dead(reader, MOST)? {
        let report = Past::of(reader, &record.run).and_then(|past| past.machine()).map(|machine| machine.report());
        let reason = match report {
            Ok(report) => report.reason.map(|reason| reason.to_string()).unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        rows.push(Row {
            run: link::run(&record.run),
            path: format!("/dead-letters/{}", link::segment(record.run.as_str())),
            task: text::short(&record.task, 140),
            reason: text::short(&reason, 400),
            begun: parts::time(record.started_at, now),
        });
    }
    let filter = Filter { state: Some(journal::State::Unknown), limit: MOST, ..Filter::default() };
    let unknown = reader.calls(&filter)?;
    let unknown =
        if unknown.is_empty() { parts::empty("What every call did is known.") } else { super::calls::table(&unknown) };
    Ok(Html::of(&Shown {
        rows,
        may_requeue: to.may(acts::REQUEUE),
        may_discard: to.may(acts::DISCARD),
        csrf: to.csrf(),
        unknown,
    }))
}

/// Lets a run go on, from the last place at which it was whole.
pub(in crate::console) async fn requeue(
    State(console): State<Console>,
    Path(run): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    form.visitor.needs(acts::REQUEUE)?;
    let run: RunId = named(&run)?;
    let said = console.runs().requeue(&run, &[]).await;
    let text = said.as_ref().map_or_else(ToString::to_string, |()| "It goes on, with fresh budgets.".to_owned());
    form.visitor.say(&console, said.is_ok(), text);
    let place = if said.is_ok() { link::run(&run) } else { "/dead-letters".to_owned() };
    Ok(Redirect::to(&place).into_response())
}

/// Decides that a run stays dead.
pub(in crate::console) async fn discard(
    State(console): State<Console>,
    Path(run): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    form.visitor.needs(acts::DISCARD)?;
    let run: RunId = named(&run)?;
    let said = console.runs().discard(&run).await;
    let text = said.as_ref().map_or_else(ToString::to_string, |()| "Discarded. It remains among the runs.".to_owned());
    form.visitor.say(&console, said.is_ok(), text);
    Ok(Redirect::to("/dead-letters").into_response())
}
