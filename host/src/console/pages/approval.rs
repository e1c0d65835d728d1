//! One approval: what is asked, what it would do, and the decision.
//!
//! What is shown is what the decision is bound to: tool, bytes, manifest and arguments. A decision is one form each, so that no
//! key that is pressed in one field sends another one.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use toolhold_core::approval::{Answer, Approval, ApprovalScope, ApprovalState, Verdict};
use toolhold_core::id::ApprovalId;

use super::approvals::{asker, risk, state};
use super::named;
use crate::approvals::{self, ApprovalRecord, Decider};
use crate::console::failure::Failure;
use crate::console::guard::{Form, Visitor};
use crate::console::html::Html;
use crate::console::parts::{self, effects};
use crate::console::shell::{self, Here, Page};
use crate::console::{Console, acts, link, now, text};
use crate::{Host, journal};

/// For how long an answer may stand, as it is written and in words.
const TIMES: [(&str, &str); 5] =
    [("5min", "5 minutes"), ("15min", "15 minutes"), ("1h", "an hour"), ("8h", "8 hours"), ("24h", "a day")];

/// What somebody wrote and what was wrong with it.
#[derive(Default)]
struct Draft {
    text: String,
    wrong: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p class="crumbs"><a href="/approvals">Approvals</a></p>
<div id="head" data-part><div class="heading"><h1><code>{{ tool }}</code></h1><span>{{ risk }} {{ chip }}</span></div>
{% if reason != "" %}<p class="lead">{{ reason }}</p>{% endif %}
<dl class="sheet"><div><dt>rule</dt><dd>{{ rule }}</dd></div><div><dt>asked by</dt><dd>{{ by }}</dd></div><div><dt>asked</dt><dd>{{ asked }}</dd></div>{% if waits != "" %}<div><dt>waiting now</dt><dd>{{ waits }}</dd></div>{% endif %}<div><dt>{{ until_name }}</dt><dd>{{ until }}</dd></div><div><dt>secrets it could use</dt><dd>{% if secrets.is_empty() %}none{% endif %}{% for secret in secrets %}<span class="label">{{ secret }}</span> {% endfor %}</dd></div><div><dt>tool bytes</dt><dd><code>{{ digest }}</code></dd></div><div><dt>from</dt><dd><a href="{{ run }}">run</a> · <a href="{{ call }}">call</a></dd></div></dl>
{% if answer != "" %}<p class="said {% if yes %}good{% else %}bad{% endif %}"><span class="sign" aria-hidden="true">{% if yes %}✓{% else %}✕{% endif %}</span> {{ answer }}</p>{% endif %}</div>
<section id="foreseen" data-part><h2>What it would do{% if modified %} with the changed arguments{% endif %}</h2>{% if failure != "" %}<p class="failure">The preview ended early: {{ failure }}</p>{% endif %}{{ effects }}<p class="hint">Observed in a preview that sent nothing and changed nothing.</p></section>
<section><h2>Arguments</h2>{% if redacted %}<p class="unknown"><span class="sign" aria-hidden="true">!</span> They hold a secret, which is not shown and cannot be changed here.</p>{% endif %}{{ arguments }}{% if !changed.is_empty() %}<h2>Arguments that a person put in their place</h2>{{ changed }}{% endif %}</section>
<div id="decision" data-part>{{ decision }}</div>"#
)]
struct Shown {
    tool: String,
    risk: Html,
    chip: Html,
    reason: String,
    rule: String,
    by: String,
    asked: Html,
    waits: String,
    until_name: &'static str,
    until: Html,
    secrets: Vec<String>,
    digest: String,
    run: String,
    call: String,
    answer: String,
    yes: bool,
    failure: String,
    modified: bool,
    effects: Html,
    redacted: bool,
    arguments: Html,
    changed: Html,
    decision: Html,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<section class="panel asks decision"><h2>Your decision</h2>
<form method="post" action="{{ path }}/approve"><input type="hidden" name="csrf" value="{{ csrf }}"><fieldset><legend class="hidden">How far it reaches</legend>{{ scopes }}</fieldset><p class="buttons"><button class="primary">Approve</button></p></form>
<form method="post" action="{{ path }}/reject"><input type="hidden" name="csrf" value="{{ csrf }}"><label for="reason">Why not (the model reads this)</label><div class="row"><input id="reason" name="reason" maxlength="500" autocomplete="off"><button class="danger">Reject</button></div></form>
{% if !redacted %}<details{% if wrong != "" %} open{% endif %}><summary>Change the arguments, then approve</summary><form method="post" action="{{ path }}/modify"><input type="hidden" name="csrf" value="{{ csrf }}">
{% if wrong != "" %}<p class="said bad" role="alert"><span class="sign" aria-hidden="true">✕</span> {{ wrong }}</p>{% endif %}
<div class="columns"><div><label for="arguments">Arguments (JSON)</label><textarea id="arguments" name="arguments" rows="12" spellcheck="false" autocapitalize="none">
{{ draft }}</textarea></div><div><p class="label-like">What the tool takes</p>{{ schema }}</div></div>
<p class="hint">They are validated against the schema and decided by every rule, as if the model had asked for them. What a rule denies, and what no grant covers, is not approved.</p><p class="buttons"><button class="primary">Approve with these, once</button></p></form></details>{% endif %}</section>"#
)]
struct Decision<'a> {
    path: &'a str,
    csrf: &'a str,
    scopes: Html,
    redacted: bool,
    draft: String,
    wrong: String,
    schema: Html,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<label class="choice"><input type="radio" name="scope" value="once" checked> this call, once</label>
{% if !every_time %}<label class="choice"><input type="radio" name="scope" value="run"> the same call, as often as its run makes it</label>
<div class="choice"><label class="choice"><input type="radio" name="scope" value="for"> the same call, for</label> <select name="for" aria-label="For how long">{% for time in times %}<option value="{{ time.0 }}">{{ time.1 }}</option>{% endfor %}</select></div>{% else %}<p class="hint">This rule asks every time.</p>{% endif %}"#
)]
struct Scopes {
    every_time: bool,
    times: [(&'static str, &'static str); 5],
}

/// Shows it.
pub(in crate::console) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    page(&console, &visitor, &named(&id)?, Draft::default()).await
}

async fn page(console: &Console, visitor: &Visitor, id: &ApprovalId, draft: Draft) -> Result<Response, Failure> {
    let host = console.host();
    let record = host.approvals().get(id).await.map_err(|error| match error {
        approvals::Error::Journal(journal::Error::NoApproval(_)) => Failure::not_found(error.to_string()),
        other => Failure::internal(other.to_string()),
    })?;
    let body = whole(&host, &record, visitor, draft);
    shell::page(console, visitor, Page { title: "Approval", here: Here::Approvals, live: id.as_str(), body }).await
}

fn whole(host: &Host, record: &ApprovalRecord, to: &Visitor, draft: Draft) -> Html {
    let (now, approval, foreseen) = (now(), &record.approval, &record.foreseen);
    let waits = approval.state == ApprovalState::Waiting && !approval.is_over(now);
    let decision = if waits && to.may(acts::DECIDE) { decision(host, approval, to, draft) } else { Html::default() };
    let answer = approval.answer.as_ref();
    let changed = answer.and_then(|answer| answer.arguments.as_deref());
    let failure = foreseen.failure.as_ref().map(|failure| format!("{}: {}", failure.code, failure.message));
    Html::of(&Shown {
        tool: approval.tool.to_string(),
        risk: risk(approval.risk).html(),
        chip: state(approval, now).html(),
        reason: approval.reason.clone().unwrap_or_default(),
        rule: approval.rule.clone(),
        by: asker(approval),
        asked: parts::time(approval.asked_at, now),
        waits: match record.callers {
            _ if !waits => String::new(),
            0 => "nobody: the answer is for the next such call".to_owned(),
            callers => text::counted(callers, "caller"),
        },
        until_name: if approval.is_over(now) { "expired" } else { "expires" },
        until: parts::time(approval.expires_at, now),
        secrets: approval.secrets.clone(),
        digest: approval.digest.to_string().chars().take(19).collect(),
        run: link::run(&approval.run),
        call: link::call(&approval.call),
        answer: answer.map(|answer| said(approval, answer, now)).unwrap_or_default(),
        yes: approval.state != ApprovalState::Rejected,
        failure: failure.unwrap_or_default(),
        modified: foreseen.modified,
        effects: effects::effects(&foreseen.effects),
        redacted: approval.is_redacted(),
        arguments: parts::json("Arguments", &approval.arguments),
        changed: changed.map(|text| parts::json("Changed arguments", text)).unwrap_or_default(),
        decision,
    })
}

/// What a person said, in words.
fn said(approval: &Approval, answer: &Answer, now: u64) -> String {
    let ago = text::moment(answer.at, now).ago;
    let reach = match answer.scope {
        Some(ApprovalScope::Once) => ", once",
        Some(ApprovalScope::Run) => ", for the run",
        Some(ApprovalScope::For(_)) => ", for a time",
        None => "",
    };
    match (answer.scope.is_some(), &answer.arguments, &answer.reason) {
        (false, _, Some(reason)) => format!("{} said no {ago}: {reason}", answer.by),
        (false, _, None) => format!("{} said no {ago}.", answer.by),
        (true, Some(_), _) => format!("{} approved it with other arguments {ago}{reach}.", answer.by),
        (true, None, _) => {
            let uses = usize::try_from(approval.uses).unwrap_or(usize::MAX);
            format!("{} approved it {ago}{reach}; {} made with it.", answer.by, text::counted(uses, "call"))
        }
    }
}

fn decision(host: &Host, approval: &Approval, to: &Visitor, draft: Draft) -> Html {
    let tool = host.tools().find(|tool| *tool.name() == approval.tool);
    let schema = tool.map(|tool| parts::code("JSON Schema of the arguments", &text::pretty(&tool.info().input_schema)));
    Html::of(&Decision {
        path: &link::approval(&approval.id),
        csrf: to.csrf(),
        scopes: Html::of(&Scopes { every_time: approval.every_time, times: TIMES }),
        redacted: approval.is_redacted(),
        draft: if draft.text.is_empty() { text::json(&approval.arguments) } else { draft.text },
        wrong: draft.wrong,
        schema: schema.unwrap_or_default(),
    })
}

/// Lets the call go ahead.
pub(in crate::console) async fn approve(
    State(console): State<Console>,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let scope = match form.get("scope") {
        "run" => ApprovalScope::Run,
        "for" => form.get("for").parse().map_err(|error| Failure::bad_request(format!("{error}")))?,
        "once" => ApprovalScope::Once,
        _ => return Err(Failure::bad_request("say how far the approval reaches")),
    };
    let done = decide(&console, &form, &id, Verdict::Approve(scope)).await?;
    form.visitor.say(&console, done.is_ok(), done.err().unwrap_or_else(|| "Approved.".to_owned()));
    Ok(Redirect::to(&link::approval(&named(&id)?)).into_response())
}

/// Says no.
pub(in crate::console) async fn reject(
    State(console): State<Console>,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let done = decide(&console, &form, &id, Verdict::Reject(form.get("reason").trim().to_owned())).await?;
    form.visitor.say(&console, done.is_ok(), done.err().unwrap_or_else(|| "Rejected.".to_owned()));
    Ok(Redirect::to(&link::approval(&named(&id)?)).into_response())
}

/// Lets the call go ahead with other arguments. What is wrong with them is said beside what was written.
pub(in crate::console) async fn modify(
    State(console): State<Console>,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let text = form.get("arguments").to_owned();
    match decide(&console, &form, &id, Verdict::Modify(text.clone(), ApprovalScope::Once)).await? {
        Ok(()) => {
            form.visitor.say(&console, true, "Approved, with your arguments.");
            Ok(Redirect::to(&link::approval(&named(&id)?)).into_response())
        }
        Err(wrong) => {
            let mut shown = page(&console, &form.visitor, &named(&id)?, Draft { text, wrong }).await?;
            *shown.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(shown)
        }
    }
}

/// Hands a decision to the host. Why it was not taken, in words.
async fn decide(console: &Console, form: &Form, id: &str, verdict: Verdict) -> Result<Result<(), String>, Failure> {
    form.visitor.needs(acts::DECIDE)?;
    let id: ApprovalId = named(id)?;
    let by = Decider::new("console", &form.visitor.caller().name);
    let decided = console.host().approvals().decide(&id, &by, verdict).await;
    Ok(decided.map(drop).map_err(|error| error.to_string()))
}
