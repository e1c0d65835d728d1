//! One run: what it is to do, how far it came, and every step.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use toolhold_core::call::Mode;
use toolhold_core::id::RunId;

use super::named;
use super::timeline::{Known, timeline};
use crate::Host;
use crate::console::failure::Failure;
use crate::console::guard::{Form, Visitor};
use crate::console::html::Html;
use crate::console::shell::{self, Here, Page};
use crate::console::{Console, acts, chip, link, now, parts, text};
use crate::journal::{Filter, HistoryFilter, Reader, RunRecord};
use crate::runs::service::Cancelling;
use crate::runs::{self, Past};

/// A fact of the run, by name.
struct Fact {
    name: &'static str,
    value: Html,
}

#[derive(Template)]
#[template(ext = "html", source = "{{ text }}")]
struct Plain<'a> {
    text: &'a str,
}

#[derive(Template)]
#[template(ext = "html", source = r#"<a href="{{ path }}">{{ text }}</a>"#)]
struct Linked<'a> {
    path: &'a str,
    text: &'a str,
}

fn fact(name: &'static str, text: &str) -> Fact {
    Fact { name, value: Html::of(&Plain { text }) }
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p class="crumbs"><a href="/runs">Runs</a></p>
<div id="head" data-part><div class="heading"><h1>{{ title }}</h1>{{ chip }}</div>
{% if reason != "" %}<p class="lead">{{ reason }}</p>{% endif %}
{% if can_cancel %}<form method="post" action="{{ path }}/cancel" class="act"><input type="hidden" name="csrf" value="{{ csrf }}"><button class="danger">Cancel this run</button></form>{% endif %}
<dl class="sheet">{% for fact in facts %}<div><dt>{{ fact.name }}</dt><dd>{{ fact.value }}</dd></div>{% endfor %}</dl>
{% if task != title %}<section><h2>Task</h2><div class="words">{{ task }}</div></section>{% endif %}
{% if answer != "" %}<section><h2>Answer</h2><div class="words answer">{{ answer }}</div></section>{% endif %}</div>
<section><h2>Steps</h2><div id="steps" data-part>{{ steps }}</div></section>
<p class="hint"><a href="{{ audit }}">Audit of this run</a></p>"#
)]
struct Shown<'a> {
    title: String,
    chip: Html,
    reason: String,
    can_cancel: bool,
    path: String,
    csrf: &'a str,
    facts: Vec<Fact>,
    task: String,
    answer: String,
    steps: Html,
    audit: String,
}

/// Shows it.
pub(in crate::console) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    Path(run): Path<String>,
) -> Result<Response, Failure> {
    let run: RunId = named(&run)?;
    let (name, to) = (run.clone(), visitor.clone());
    let body = console.read(move |host, reader| whole(host, reader, &run, &to)).await?;
    shell::page(&console, &visitor, Page { title: "Run", here: Here::Runs, live: name.as_str(), body }).await
}

fn whole(host: &Host, reader: &Reader, run: &RunId, to: &Visitor) -> Result<Html, Failure> {
    let past = match Past::of(reader, run) {
        // Calls of a client that is no agent are a run as well, with no steps.
        Err(runs::Error::NoSuchRun(_)) => return only_calls(reader, run),
        other => other?,
    };
    let machine = past.machine()?;
    let report = machine.report();
    let known = Known { host, calls: calls(reader, run)?, changes: changes(reader, run)? };
    let mut facts = facts(&past.record);
    facts.extend([
        fact("model", &report.model.name),
        fact("turns", &report.turns.to_string()),
        fact("calls", &report.calls.len().to_string()),
        fact("tokens", &text::number(report.tokens.total())),
        fact("worked", &text::took(u64::try_from(report.elapsed.as_micros()).unwrap_or(u64::MAX))),
        fact("agent", &machine.start().agent),
    ]);
    facts.extend(report.cost_micro_dollars.map(|cost| fact("cost", &text::dollars(cost))));
    let labels: Vec<String> = machine.labels().iter().map(ToString::to_string).collect();
    facts.extend((!labels.is_empty()).then(|| fact("has read", &labels.join(", "))));
    let title = text::short(&past.record.task, 140);
    let shown = Shown {
        chip: chip::of_run(past.record.state).html(),
        reason: report.reason.as_ref().map(ToString::to_string).unwrap_or_default(),
        can_cancel: to.may(acts::CANCEL_RUN) && !past.record.state.is_end(),
        path: link::run(run),
        csrf: to.csrf(),
        facts,
        task: if title == past.record.task { title.clone() } else { text::bounded(&past.record.task).into_owned() },
        title,
        answer: report.answer.as_deref().map(|answer| text::bounded(answer).into_owned()).unwrap_or_default(),
        steps: timeline(&past, &known),
        audit: link::query("/audit", &[("run", run.as_str())]),
    };
    Ok(Html::of(&shown))
}

fn facts(record: &RunRecord) -> Vec<Fact> {
    let now = now();
    let mut facts = vec![Fact { name: "begun", value: parts::time(record.started_at, now) }];
    if record.state.is_end() {
        facts.push(Fact { name: "ended", value: parts::time(record.changed_at, now) });
    }
    if record.mode == Mode::Preview {
        facts.push(fact("mode", "dry run: nothing lands"));
    }
    if let Some(origin) = &record.origin {
        let text = format!("step {} of another run", origin.step);
        facts.push(Fact {
            name: "forked from",
            value: Html::of(&Linked { path: &link::run(&origin.run), text: &text }),
        });
    }
    facts
}

fn calls(
    reader: &Reader,
    run: &RunId,
) -> Result<BTreeMap<toolhold_core::id::CallId, crate::journal::CallRecord>, Failure> {
    let filter = Filter { run: Some(run.clone()), limit: u32::MAX, ..Filter::default() };
    Ok(reader.calls(&filter)?.into_iter().map(|record| (record.call.clone(), record)).collect())
}

/// Bytes of changes that one page shows. The rest is on the pages of the calls.
const MOST_BYTES: usize = 8 << 20;

fn changes(
    reader: &Reader,
    run: &RunId,
) -> Result<BTreeMap<toolhold_core::id::CallId, crate::journal::HistoryEntry>, Failure> {
    let filter = HistoryFilter {
        run: Some(run.clone()),
        limit: u32::MAX,
        most_bytes: Some(MOST_BYTES),
        ..HistoryFilter::default()
    };
    Ok(reader.history(&filter)?.into_iter().map(|entry| (entry.call.clone(), entry)).collect())
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p class="crumbs"><a href="/runs">Runs</a></p><h1>Calls of one client</h1><p class="lead">No agent of this host: a client made these calls, as <code>{{ run }}</code>.</p><div id="list" data-part>{{ calls }}</div>"#
)]
struct OnlyCalls<'a> {
    run: &'a str,
    calls: Html,
}

fn only_calls(reader: &Reader, run: &RunId) -> Result<Html, Failure> {
    let calls: Vec<_> = calls(reader, run)?.into_values().rev().collect();
    if calls.is_empty() {
        return Err(Failure::not_found(format!("there is no run `{run}`")));
    }
    Ok(Html::of(&OnlyCalls { run: run.as_str(), calls: super::calls::table(&calls) }))
}

/// Ends it.
pub(in crate::console) async fn cancel(
    State(console): State<Console>,
    Path(run): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    form.visitor.needs(acts::CANCEL_RUN)?;
    let run: RunId = named(&run)?;
    let said = match console.runs().cancel(&run).await {
        Ok(Cancelling::Done) => (true, "It is over.".to_owned()),
        Ok(Cancelling::Asked) => (true, "Whoever works on it was told to end it.".to_owned()),
        Err(error) => (false, error.to_string()),
    };
    form.visitor.say(&console, said.0, said.1);
    Ok(Redirect::to(&link::run(&run)).into_response())
}
