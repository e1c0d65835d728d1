//! What a person is asked: what waits first, then what was decided.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use toolhold_core::approval::{Approval, ApprovalState};
use toolhold_core::manifest::Risk;

use crate::console::chip::Chip;
use crate::console::failure::Failure;
use crate::console::guard::Visitor;
use crate::console::html::Html;
use crate::console::shell::{self, Here, Page};
use crate::console::{Console, link, now, parts, text};
use crate::journal::{ApprovalFilter, Reader};

/// How many of those that were decided are shown.
const DECIDED: usize = 50;

/// Bytes of arguments that are looked at for a line of them.
const BEGINNING: usize = 1 << 10;

/// One approval, in a list.
struct Row {
    path: String,
    chip: Html,
    risk: Html,
    tool: String,
    rule: String,
    arguments: String,
    by: String,
    asked: Html,
    until: Html,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<h1>Approvals</h1><p class="lead">Calls that a rule of the manifest wants a person to decide on. Nobody decides: denied.</p>
<div id="waiting" data-part>{% if waiting.is_empty() %}<p class="empty">Nothing waits for you.</p>{% else %}<ul class="letters">{% for row in waiting %}<li class="asking"><div class="heading"><h2><a href="{{ row.path }}"><code>{{ row.tool }}</code></a></h2><span>{{ row.risk }} {{ row.chip }}</span></div>
<p class="cut"><code>{{ row.arguments }}</code></p><p class="hint">rule <b>{{ row.rule }}</b> · asked {{ row.asked }} by {{ row.by }} · expires {{ row.until }}</p></li>{% endfor %}</ul>{% endif %}</div>
<section><h2>Decided</h2><div id="decided" data-part>{% if decided.is_empty() %}<p class="empty">Nothing was decided yet.</p>{% else %}<table class="cards"><thead><tr><th>State</th><th>Tool</th><th>Rule</th><th>Asked by</th><th>Asked</th></tr></thead><tbody>
{% for row in decided %}<tr><td data-name="State">{{ row.chip }}</td><td class="main"><a href="{{ row.path }}"><code>{{ row.tool }}</code></a></td><td data-name="Rule">{{ row.rule }}</td><td data-name="Asked by">{{ row.by }}</td><td data-name="Asked">{{ row.asked }}</td></tr>{% endfor %}</tbody></table>{% endif %}</div></section>"#
)]
struct Shown {
    waiting: Vec<Row>,
    decided: Vec<Row>,
}

/// Shows them.
pub(in crate::console) async fn show(State(console): State<Console>, visitor: Visitor) -> Result<Response, Failure> {
    let body = console.read(|_, reader| list(reader)).await?;
    shell::page(&console, &visitor, Page { title: "Approvals", here: Here::Approvals, live: "all", body }).await
}

fn list(reader: &Reader) -> Result<Html, Failure> {
    let now = now();
    let decided = ApprovalState::ALL.into_iter().filter(|state| *state != ApprovalState::Waiting).collect();
    let filter = ApprovalFilter {
        states: decided,
        limit: u32::try_from(DECIDED).unwrap_or(u32::MAX),
        beginning: BEGINNING,
        ..ApprovalFilter::default()
    };
    let decided = reader.approvals(&filter)?.iter().map(|approval| row(approval, now)).collect();
    let waiting = waiting(reader)?.iter().map(|approval| row(approval, now)).collect();
    Ok(Html::of(&Shown { waiting, decided }))
}

/// Those that wait and whose time is not over, the oldest first, with the beginning of their arguments.
fn waiting(reader: &Reader) -> Result<Vec<Approval>, Failure> {
    let filter = ApprovalFilter {
        states: vec![ApprovalState::Waiting],
        limit: u32::MAX,
        beginning: BEGINNING,
        ..ApprovalFilter::default()
    };
    let mut waiting = reader.approvals(&filter)?;
    let now = now();
    waiting.retain(|approval| !approval.is_over(now));
    waiting.reverse();
    Ok(waiting)
}

fn row(approval: &Approval, now: u64) -> Row {
    Row {
        path: link::approval(&approval.id),
        chip: state(approval, now).html(),
        risk: risk(approval.risk).html(),
        tool: approval.tool.to_string(),
        rule: text::short(&approval.rule, 80),
        arguments: text::short(&approval.arguments, 160),
        by: text::short(&asker(approval), 60),
        asked: parts::time(approval.asked_at, now),
        until: parts::time(approval.expires_at, now),
    }
}

/// Who asked: the client, and the agent if it is one.
pub(super) fn asker(approval: &Approval) -> String {
    match &approval.agent {
        Some(agent) => format!("{} (agent {agent})", approval.client),
        None => approval.client.clone(),
    }
}

/// Where it is. One whose time is over is expired, whether anybody has written that down or not.
pub(super) fn state(approval: &Approval, now: u64) -> Chip {
    match approval.state {
        ApprovalState::Waiting | ApprovalState::Approved | ApprovalState::Modified if approval.is_over(now) => {
            Chip::plain("expired")
        }
        ApprovalState::Waiting => Chip::asks("waiting"),
        ApprovalState::Approved => Chip::good("approved, not used yet"),
        ApprovalState::Modified => Chip::good("changed, not used yet"),
        ApprovalState::Rejected => Chip::bad("rejected"),
        ApprovalState::Used => Chip::good("approved and used"),
        ApprovalState::Expired | ApprovalState::Withdrawn => Chip::plain(approval.state.as_str()),
    }
}

/// How much is at stake.
pub(super) fn risk(risk: Risk) -> Chip {
    match risk {
        Risk::Low => Chip::plain("low risk"),
        Risk::Medium => Chip::plain("medium risk"),
        Risk::High => Chip::notice("high risk"),
        Risk::Critical => Chip::bad("critical risk"),
    }
}
