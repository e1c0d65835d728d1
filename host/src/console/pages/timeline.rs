//! The steps of a run, one below the other: what the model said, each call with what it did, and what the host made of it.

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;
use toolhold_core::id::CallId;
use toolhold_core::run::{CallSummary, RunEvent, Turn};

use crate::Host;
use crate::console::chip::{self, Chip};
use crate::console::html::Html;
use crate::console::parts::{self, effects, usage};
use crate::console::{link, text};
use crate::journal::{CallRecord, HistoryEntry};
use crate::runs::Past;

/// What the journal knows of the calls of a run.
pub(super) struct Known<'a> {
    pub(super) host: &'a Host,
    pub(super) calls: BTreeMap<CallId, CallRecord>,
    pub(super) changes: BTreeMap<CallId, HistoryEntry>,
}

/// One step, or several that belong together.
struct Step {
    number: String,
    at: String,
    /// What kind of step, as a class: `model`, `call`, `host`, `person`, `end`.
    kind: &'static str,
    title: String,
    chip: Html,
    body: Html,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<ol class="timeline">{% for step in steps %}<li class="step {{ step.kind }}" id="step-{{ step.number }}"><div class="when"><a href="#step-{{ step.number }}" aria-label="Step {{ step.number }}">{{ step.number }}</a> <span class="faint">{{ step.at }}</span></div>
<div class="what"><h3>{{ step.title }} {{ step.chip }}</h3>{{ step.body }}</div></li>
{% endfor %}</ol>"##
)]
struct Timeline {
    steps: Vec<Step>,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"{% if text != "" %}<div class="words">{{ text }}</div>{% endif %}{% if !asked.is_empty() %}<p class="hint">asked for {% for tool in asked %}<code>{{ tool }}</code> {% endfor %}</p>{% endif %}"#
)]
struct Said<'a> {
    text: &'a str,
    asked: Vec<&'a str>,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"{% if failure != "" %}<p class="failure">{{ failure }}</p>{% endif %}
{% if given != "" %}<p class="given"><code>{{ given }}</code></p>{% endif %}{% if !effects.is_empty() %}{{ effects }}{% endif %}
<div class="asides"><details><summary>Arguments</summary>{{ arguments }}</details>
{% if !result.is_empty() %}<details><summary>What the model was shown</summary>{{ result }}</details>{% endif %}
{% if !usage.is_empty() %}<details><summary>Use of its limits</summary>{{ usage }}</details>{% endif %}
{% if path != "" %}<a href="{{ path }}">The whole call</a>{% if replayed %}<span class="faint">the outcome of an earlier call, nothing ran</span>{% endif %}{% endif %}</div>
{% if !labels.is_empty() %}<p>Read data labelled {% for label in labels %}<span class="label">{{ label }}</span> {% endfor %}</p>{% endif %}"#
)]
#[derive(Default)]
struct Called {
    failure: String,
    /// The arguments on one line.
    given: String,
    effects: Html,
    arguments: Html,
    result: Html,
    usage: Html,
    labels: Vec<String>,
    path: String,
    replayed: bool,
}

#[derive(Template)]
#[template(ext = "html", source = r#"<p class="words">{{ text }}</p>"#)]
struct Words<'a> {
    text: &'a str,
}

fn words(text: &str) -> Html {
    if text.is_empty() { Html::default() } else { Html::of(&Words { text: &text::bounded(text) }) }
}

/// The steps of `past`.
pub(super) fn timeline(past: &Past, known: &Known<'_>) -> Html {
    let mut steps: Vec<Step> = Vec::new();
    // The question that has no answer yet, and the call that has not come back: each is one step with what follows.
    let mut asked: Option<usize> = None;
    let mut open: Option<(usize, String)> = None;
    for (happened, number) in past.history.iter().zip(1_u64..) {
        let at = elapsed(happened.elapsed);
        let step = |kind, title: String, chip: Option<Chip>, body| Step {
            number: number.to_string(),
            at: at.clone(),
            kind,
            title,
            chip: chip.map(Chip::html).unwrap_or_default(),
            body,
        };
        match &happened.event {
            RunEvent::ModelAsked { turn, attempt, model, .. } => {
                let again = if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
                let title = format!("Turn {turn}{again}: {}", model_name(past, *model));
                asked = Some(steps.len());
                steps.push(step("model", title, Some(Chip::busy("asked")), Html::default()));
            }
            RunEvent::ModelAnswered { answer, .. } => {
                let body = said(answer);
                let place = asked.take().and_then(|place| steps.get_mut(place));
                match place {
                    Some(step) => (step.chip, step.body) = (Html::default(), body),
                    None => steps.push(step("model", "The model answered".into(), None, body)),
                }
            }
            RunEvent::ModelFailed { message, .. } => {
                let body = words(message);
                match asked.take().and_then(|place| steps.get_mut(place)) {
                    Some(step) => (step.chip, step.body) = (Chip::bad("failed").html(), body),
                    None => steps.push(step("model", "The model failed".into(), None, body)),
                }
            }
            RunEvent::CallStarted { tool, arguments, .. } => {
                let called = given(arguments);
                open = Some((steps.len(), arguments.clone()));
                steps.push(step("call", format!("Call of {tool}"), Some(Chip::busy("running")), Html::of(&called)));
            }
            RunEvent::CallReturned { call, content, labels } => {
                let (place, arguments) = open.take().map_or((None, String::new()), |(place, of)| (Some(place), of));
                let labels = labels.iter().map(ToString::to_string).collect();
                let body = Html::of(&Called { labels, ..called(call, (&arguments, content), known) });
                match place.and_then(|place| steps.get_mut(place)) {
                    Some(step) => (step.chip, step.body) = (outcome(call, known), body),
                    None => steps.push(step("call", format!("Call of {}", call.tool), None, body)),
                }
            }
            RunEvent::TurnSettled { .. } => {}
            event => {
                let (kind, title, body) = plain(event);
                steps.push(step(kind, title, None, body));
            }
        }
    }
    Html::of(&Timeline { steps })
}

fn elapsed(elapsed: Duration) -> String {
    text::took(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
}

fn model_name(past: &Past, model: usize) -> String {
    let machine = past.history.iter().find_map(|happened| match &happened.event {
        RunEvent::RunStarted(start) => start.models.get(model),
        _ => None,
    });
    machine.map_or_else(|| format!("model {}", model + 1), |model| model.name.clone())
}

fn said(answer: &Turn) -> Html {
    let asked = answer.calls.iter().map(|call| call.name.as_str()).collect();
    Html::of(&Said { text: &text::bounded(answer.text.trim()), asked })
}

/// How it went, and what became of what it changed.
fn outcome(call: &CallSummary, known: &Known<'_>) -> Html {
    let went = if call.failure.is_none() { Chip::good("succeeded") } else { Chip::bad("failed") };
    let entry = call.call.as_ref().and_then(|call| known.changes.get(call));
    std::iter::once(went.html()).chain(entry.map(|entry| chip::of_plan(entry.state).html())).collect()
}

/// What a call was given.
fn given(arguments: &str) -> Called {
    let (given, arguments) = (text::short(arguments, 200), parts::json("Arguments", arguments));
    Called { given, arguments, ..Called::default() }
}

fn called(call: &CallSummary, (arguments, content): (&str, &str), known: &Known<'_>) -> Called {
    let failure = call.failure.as_ref().map(|failure| format!("{}: {}", failure.code, failure.message));
    let record = call.call.as_ref().and_then(|call| known.calls.get(call));
    let entry = call.call.as_ref().and_then(|call| known.changes.get(call));
    let limits = known.host.policy().reach(&call.tool).map(|reach| reach.limits).unwrap_or_default();
    let used = record.and_then(|record| record.usage.as_deref());
    Called {
        failure: failure.unwrap_or_default(),
        effects: entry.map(|entry| effects::effects(&entry.effects)).unwrap_or_default(),
        result: if content.is_empty() { Html::default() } else { parts::json("What the model was shown", content) },
        usage: used.map(|used| usage::usage(used, &limits)).unwrap_or_default(),
        path: call.call.as_ref().map(link::call).unwrap_or_default(),
        replayed: call.replayed,
        ..given(arguments)
    }
}

/// What needs no more than a line.
fn plain(event: &RunEvent) -> (&'static str, String, Html) {
    match event {
        RunEvent::RunStarted(start) => {
            ("host", format!("Began with {}", text::counted(start.tools.len(), "tool")), Html::default())
        }
        RunEvent::RunResumed { .. } => ("host", "Was taken up again".into(), Html::default()),
        RunEvent::ModelRetryScheduled { message, wait, .. } => {
            ("model", format!("Asks again in {}", elapsed(*wait)), words(message))
        }
        RunEvent::ModelFellBack { message, .. } => ("model", "Fell back on another model".into(), words(message)),
        RunEvent::CallRejected { tool, failure, .. } => {
            ("call", format!("Turned down a call of {}", text::short(tool, 80)), words(&failure.message))
        }
        RunEvent::PartShown { start, .. } => {
            ("host", format!("Showed more of a result, from byte {start}"), Html::default())
        }
        RunEvent::ReflectionStarted => ("model", "Is to look back".into(), Html::default()),
        RunEvent::ReflectionEnded { verdict } => ("model", "Looked back".into(), words(&verdict.why)),
        RunEvent::WentBack { calls, refused } => {
            let title = format!("Went back over {}", text::counted(calls.len(), "call"));
            ("host", title, refused.as_deref().map(words).unwrap_or_default())
        }
        RunEvent::LimitReached { limit } => ("host", format!("Reached its limit: {limit}"), Html::default()),
        RunEvent::PersonNoted { text } => ("person", "A person said".into(), words(text)),
        RunEvent::CancelRequested => ("person", "Was to be cancelled".into(), Html::default()),
        RunEvent::TimeRanOut => ("host", "Ran out of time".into(), Html::default()),
        RunEvent::RunEnded { end, reason, .. } => {
            let why = reason.as_ref().map(ToString::to_string).unwrap_or_default();
            ("end", format!("Ended: {end}"), words(&why))
        }
        RunEvent::DeadLettered => ("end", "Is kept as a dead letter".into(), Html::default()),
        RunEvent::Requeued { .. } => ("person", "A person let it go on".into(), Html::default()),
        RunEvent::Discarded => ("person", "A person gave it up".into(), Html::default()),
        other => ("host", name(other), Html::default()),
    }
}

/// An event that has no words of its own here.
fn name(event: &RunEvent) -> String {
    let value = serde_json::to_value(event).unwrap_or_default();
    value.get("event").and_then(|name| name.as_str()).unwrap_or("event").replace('-', " ")
}
