//! One call: what it was given, what decided, what came of it, what it changed and used; and taking it back.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use toolhold_core::call::Mode;
use toolhold_core::event::Event;
use toolhold_core::id::CallId;
use toolhold_core::manifest::Verdict;
use toolhold_core::outcome::Failure as Failed;
use toolhold_core::policy::{Facts, RunScope};

use super::happened;
use super::named;
use crate::Host;
use crate::attempt::Resolution;
use crate::console::chip::{self, Chip};
use crate::console::failure::Failure;
use crate::console::guard::{Form, Visitor};
use crate::console::html::Html;
use crate::console::parts::{self, effects, usage};
use crate::console::shell::{self, Here, Page};
use crate::console::{Console, acts, link, now, text};
use crate::journal::{self, AuditFilter, CallRecord, FoundEntry, HistoryEntry, HistoryFilter, PlanState, Reader};

/// Most entries of the audit that are shown of one call.
const MOST_ENTRIES: u32 = 50;

/// An entry of the audit about the call.
struct Line {
    sequence: u64,
    at: Html,
    kind: String,
    facts: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p class="crumbs"><a href="/calls">Calls</a>{% if run != "" %} · <a href="{{ run }}">its run</a>{% endif %}</p>
<div id="head" data-part><div class="heading"><h1><code>{{ tool }}</code></h1>{{ chip }}</div>
{% if failure != "" %}<p class="failure">{{ failure }}</p>{% endif %}{% if detail != "" %}<pre class="detail">{{ detail }}</pre>{% endif %}
<dl class="sheet"><div><dt>admitted</dt><dd>{{ at }}</dd></div>{% if took != "" %}<div><dt>took</dt><dd>{{ took }}</dd></div>{% endif %}<div><dt>mode</dt><dd>{{ mode }}</dd></div><div><dt>decision</dt><dd>{{ decision }}</dd></div>{% if approval != "" %}<div><dt>approved by a person</dt><dd><a href="{{ approval }}">what they saw and said</a></dd></div>{% endif %}<div><dt>tool bytes</dt><dd><code>{{ digest }}</code></dd></div>{% if key != "" %}<div><dt>key</dt><dd><code>{{ key }}</code></dd></div>{% endif %}</dl></div>
{% if can_resolve %}<section class="panel asks"><h2>Nobody knows what this call did</h2><p>{{ evidence }}</p><p>Find out, and say it here. The call is never made again by itself.</p>
<form method="post" action="{{ path }}/resolve" class="act"><input type="hidden" name="csrf" value="{{ csrf }}"><label for="result">If it did what it was asked to: its result, as JSON</label><input id="result" name="result" value="null"><p class="buttons"><button name="did" value="yes">It did it</button> <button name="did" value="no">It did nothing</button></p></form></section>{% endif %}
<section id="effects" data-part><h2>{{ effects_title }} {{ plan }}</h2>{{ effects }}
{% if can_undo %}<form method="post" action="{{ path }}/undo" class="act"><input type="hidden" name="csrf" value="{{ csrf }}"><p class="hint">Undoing takes back {{ total }}: content, names, times and modes are what they were before. It is refused if anybody changed the same files since.</p><button class="danger">Undo this call</button></form>{% endif %}</section>
<div class="columns"><section><h2>Arguments</h2>{{ arguments }}</section><section><h2>Outcome</h2>{{ outcome }}</section></div>
{% if !usage.is_empty() %}<section><h2>Use of its limits</h2>{{ usage }}</section>{% endif %}
<section><h2>Audit</h2><ol class="lines">{% for line in lines %}<li><span class="faint">{{ line.sequence }}</span> {{ line.at }} <b>{{ line.kind }}</b> {{ line.facts }}</li>{% endfor %}</ol></section>"#
)]
struct Shown<'a> {
    run: String,
    path: String,
    csrf: &'a str,
    tool: String,
    chip: Html,
    failure: String,
    detail: String,
    at: Html,
    took: String,
    mode: &'static str,
    decision: Html,
    approval: String,
    digest: String,
    key: String,
    evidence: String,
    can_resolve: bool,
    can_undo: bool,
    effects_title: &'static str,
    plan: Html,
    effects: Html,
    total: String,
    arguments: Html,
    outcome: Html,
    usage: Html,
    lines: Vec<Line>,
}

/// What decides, in a word and by which rule.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"{{ chip }}{% if rule != "" %} rule <b>{{ rule }}</b> <span class="faint">{{ place }}</span>{% endif %}{% if hint != "" %} <span class="hint">{{ hint }}</span>{% endif %}"#
)]
struct Decided {
    chip: Html,
    rule: String,
    place: String,
    hint: &'static str,
}

/// Shows it.
pub(in crate::console) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    Path(call): Path<String>,
) -> Result<Response, Failure> {
    let call: CallId = named(&call)?;
    let (name, to) = (call.clone(), visitor.clone());
    let body = console.read(move |host, reader| whole(host, reader, &call, &to)).await?;
    shell::page(&console, &visitor, Page { title: "Call", here: Here::Calls, live: name.as_str(), body }).await
}

fn whole(host: &Host, reader: &Reader, call: &CallId, to: &Visitor) -> Result<Html, Failure> {
    let filter = AuditFilter { call: Some(call.clone()), limit: MOST_ENTRIES, ..AuditFilter::default() };
    let mut entries = reader.latest_entries(&filter)?;
    entries.reverse();
    let Some(record) = reader.get(call)? else { return refused(call, &entries) };
    let entry = reader.history(&HistoryFilter { call: Some(call.clone()), ..HistoryFilter::default() })?.pop();
    let limits = host.policy().reach(record.tool.as_str()).map(|reach| reach.limits).unwrap_or_default();
    let failed = failed(&record);
    let plan = entry.as_ref().map(|entry| entry.state);
    let (now, is_preview) = (now(), record.mode == Mode::Preview);
    let shown = Shown {
        run: link::run(&record.run),
        path: link::call(call),
        csrf: to.csrf(),
        chip: chip::of_call(record.state, record.succeeded).html(),
        failure: failed.as_ref().map(|failed| format!("{}: {}", failed.code, failed.message)).unwrap_or_default(),
        detail: failed.and_then(|failed| failed.detail).unwrap_or_default(),
        at: parts::time(record.admitted_at, now),
        took: record.settled_at.map(|end| text::took(end.saturating_sub(record.admitted_at))).unwrap_or_default(),
        mode: if is_preview { "preview: nothing lands" } else { "live" },
        decision: decided(host, &record),
        approval: reader.approval_of_call(call)?.map(|approval| link::approval(&approval.id)).unwrap_or_default(),
        digest: record.digest.to_string().chars().take(19).collect(),
        key: record.key.as_ref().map(ToString::to_string).unwrap_or_default(),
        evidence: record.evidence.clone().unwrap_or_default(),
        can_resolve: to.may(acts::RESOLVE) && record.state == journal::State::Unknown,
        can_undo: to.may(acts::UNDO) && plan == Some(PlanState::Landed),
        effects_title: if is_preview { "What it would change" } else { "What it changed" },
        plan: plan.map(|plan| chip::of_plan(plan).html()).unwrap_or_default(),
        effects: changed(entry.as_ref()),
        total: entry.as_ref().map(|entry| effects::total(&entry.effects)).unwrap_or_default(),
        arguments: kept("Arguments", record.arguments.as_deref()),
        outcome: kept("Outcome", record.outcome.as_deref()),
        usage: record.usage.as_deref().map(|used| usage::usage(used, &limits)).unwrap_or_default(),
        lines: lines(&entries, now),
        tool: record.tool.to_string(),
    };
    Ok(Html::of(&shown))
}

fn failed(record: &CallRecord) -> Option<Failed> {
    let text = record.outcome.as_deref().filter(|_| record.succeeded == Some(false))?;
    serde_json::from_str(text).ok()
}

fn changed(entry: Option<&HistoryEntry>) -> Html {
    match entry {
        Some(entry) => effects::effects(&entry.effects),
        None => parts::empty("It changed no files."),
    }
}

fn kept(label: &str, text: Option<&str>) -> Html {
    text.map_or_else(
        || parts::empty("Not kept: it was too long, or is not there yet."),
        |text| parts::json(label, text),
    )
}

/// The rule that decides such a call. Deciding is a pure function of manifest, tool and arguments, so while these are what they were,
/// this is the rule that did.
fn decided(host: &Host, record: &CallRecord) -> Html {
    let tool = host.tools().find(|tool| *tool.name() == record.tool);
    let validated =
        tool.zip(record.arguments.as_deref()).and_then(|(tool, text)| Some((tool, tool.validate(text).ok()?)));
    let Some((tool, call)) = validated else {
        return Html::of(&Decided {
            chip: Chip::plain("not told").html(),
            rule: String::new(),
            place: String::new(),
            hint: "the tool or the arguments are not there any more",
        });
    };
    let scope = RunScope::default();
    let told = host.policy().explain(&call, tool, &Facts::new(record.mode, &scope));
    let same =
        tool.digest() == record.digest && matches!(told.verdict, Verdict::Allow | Verdict::Preview | Verdict::Ask);
    Html::of(&Decided {
        chip: chip::of_rule(told.verdict).html(),
        rule: told.decided_by.as_ref().map(|rule| rule.name.clone()).unwrap_or_default(),
        place: told.decided_by.as_ref().map(|rule| rule.at.to_string()).unwrap_or_default(),
        hint: if same {
            "by the manifest as it is now"
        } else {
            "as it would be decided now; the manifest or the tool is another one"
        },
    })
}

fn lines(entries: &[FoundEntry], now: u64) -> Vec<Line> {
    let line = |entry: &FoundEntry| {
        let told = happened::of(&entry.entry.event);
        let facts: Vec<String> = told.facts.iter().map(|(name, value)| format!("{name} {value}")).collect();
        Line {
            sequence: entry.sequence,
            at: parts::time(entry.entry.at, now),
            kind: told.kind,
            facts: facts.join(" · "),
        }
    };
    entries.iter().map(line).collect()
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p class="crumbs"><a href="/calls">Calls</a>{% if run != "" %} · <a href="{{ run }}">its run</a>{% endif %}</p>
<div class="heading"><h1><code>{{ tool }}</code></h1>{{ chip }}</div><p class="lead">{{ lead }}</p>
<section><h2>Audit</h2><ol class="lines">{% for line in lines %}<li><span class="faint">{{ line.sequence }}</span> {{ line.at }} <b>{{ line.kind }}</b> {{ line.facts }}</li>{% endfor %}</ol></section>"#
)]
struct Refused {
    run: String,
    tool: String,
    chip: Html,
    lead: String,
    lines: Vec<Line>,
}

/// A call that never ran: the audit is all that there is of it.
fn refused(call: &CallId, entries: &[FoundEntry]) -> Result<Html, Failure> {
    let told = entries.iter().find_map(|entry| match &entry.entry.event {
        Event::CallDenied { run, tool, rule, .. } => {
            let by = rule.as_ref().map_or_else(|| "no rule allows it".to_owned(), |rule| format!("rule `{rule}`"));
            Some((run, tool, Chip::bad("denied"), format!("Nothing ran: {by}.")))
        }
        Event::CallInvalid { run, tool, code, .. } => {
            Some((run, tool, Chip::bad("not valid"), format!("Nothing ran: {code}.")))
        }
        Event::CallTurnedAway { run, tool, code, .. } => {
            Some((run, tool, Chip::notice("turned away"), format!("Nothing ran: {code}.")))
        }
        _ => None,
    });
    let (run, tool, chip, lead) = told.ok_or_else(|| Failure::not_found(format!("there is no call `{call}`")))?;
    Ok(Html::of(&Refused {
        run: link::run(run),
        tool: text::short(tool, 120),
        chip: chip.html(),
        lead,
        lines: lines(entries, now()),
    }))
}

/// Takes it back.
pub(in crate::console) async fn undo(
    State(console): State<Console>,
    Path(call): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    form.visitor.needs(acts::UNDO)?;
    let call: CallId = named(&call)?;
    match console.host().undo(&call).await {
        Ok(undone) => form.visitor.say(&console, true, format!("Taken back: {}.", effects::total(&undone.effects))),
        Err(error) => form.visitor.say(&console, false, error.to_string()),
    }
    Ok(Redirect::to(&link::call(&call)).into_response())
}

/// Says what an unknown call did.
pub(in crate::console) async fn resolve(
    State(console): State<Console>,
    Path(call): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    form.visitor.needs(acts::RESOLVE)?;
    let call: CallId = named(&call)?;
    let resolution = match form.get("did") {
        "yes" => serde_json::from_str(form.get("result")).map(Resolution::Succeeded),
        "no" => Ok(Resolution::Failed),
        _ => return Err(Failure::bad_request("say whether it did it or not")),
    };
    let said = match resolution {
        Ok(resolution) => console.host().resolve(&call, resolution).await.map_err(|error| error.to_string()),
        Err(error) => Err(format!("The result is no JSON: {error}. Nothing was settled.")),
    };
    form.visitor.say(&console, said.is_ok(), said.err().unwrap_or_else(|| "Settled, as you said.".to_owned()));
    Ok(Redirect::to(&link::call(&call)).into_response())
}
