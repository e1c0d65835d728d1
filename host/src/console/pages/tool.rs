//! One tool: what it says of itself, what rules say of it, what it may reach, and what of that was ever used.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use toolhold_core::explain::{DirectoryLine, LimitFrom, Reach, RequestLine};
use toolhold_core::tool::Tool;

use crate::Host;
use crate::console::Console;
use crate::console::chip;
use crate::console::failure::Failure;
use crate::console::guard::Visitor;
use crate::console::html::Html;
use crate::console::parts;
use crate::console::shell::{self, Here, Page};
use crate::console::text;
use crate::journal::{Filter, HistoryEntry, HistoryFilter, Reader};

/// How many calls that changed something are looked through for a use of a grant.
const LOOKED_THROUGH: u32 = 2000;

/// How many of its calls are shown.
const CALLS: u32 = 10;

struct RuleRow {
    chip: Html,
    name: String,
    place: String,
    about: String,
    reason: String,
}

struct DirectoryRow {
    guest: String,
    host: String,
    read: String,
    write: String,
    deny: String,
    note: String,
    unused: bool,
}

struct RequestRow {
    host: String,
    methods: String,
    paths: String,
    secrets: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<p class="crumbs"><a href="/tools">Tools</a></p><h1><code>{{ name }}</code></h1><p class="lead">{{ title }}</p><div class="words">{{ description }}</div>
<dl class="sheet"><div><dt>bytes</dt><dd><code>{{ digest }}</code></dd></div><div><dt>claims</dt><dd>{% if hints.is_empty() %}nothing{% endif %}{% for hint in hints %}<span class="label">{{ hint }}</span> {% endfor %}</dd></div></dl>
<section><h2>Rules</h2>{% if rules.is_empty() %}<p class="empty">No rule is about it: every call is denied.</p>{% else %}<p class="hint">The strongest that matches decides; nothing matches, denied.</p><table class="cards"><thead><tr><th>Says</th><th>Rule</th><th>About</th><th>Why</th></tr></thead><tbody>{% for rule in rules %}<tr><td data-name="Says">{{ rule.chip }}</td><td class="main"><b>{{ rule.name }}</b> <span class="faint">{{ rule.place }}</span></td><td data-name="About">{{ rule.about }}</td><td data-name="Why">{{ rule.reason }}</td></tr>{% endfor %}</tbody></table>{% endif %}</section>
<section><h2>Directories</h2>{% if directories.is_empty() %}<p class="empty">None.</p>{% else %}<table class="cards"><thead><tr><th>The tool sees</th><th>Here it is</th><th>Reads</th><th>Writes</th><th>Never</th><th></th></tr></thead><tbody>{% for row in directories %}<tr><td class="main"><code>{{ row.guest }}</code></td><td data-name="Here it is"><code>{{ row.host }}</code></td><td data-name="Reads"><code>{{ row.read }}</code></td><td data-name="Writes"><code>{{ row.write }}</code></td><td data-name="Never"><code>{{ row.deny }}</code></td><td>{{ row.note }}{% if row.unused %} <span class="label">nothing was ever changed there</span>{% endif %}</td></tr>{% endfor %}</tbody></table>{% endif %}</section>
<section><h2>Requests</h2>{% if requests.is_empty() %}<p class="empty">None: it has no way to the network.</p>{% else %}<table class="cards"><thead><tr><th>Host</th><th>Methods</th><th>Paths</th><th>Secrets that the host adds</th></tr></thead><tbody>{% for row in requests %}<tr><td class="main"><code>{{ row.host }}</code></td><td data-name="Methods">{{ row.methods }}</td><td data-name="Paths"><code>{{ row.paths }}</code></td><td data-name="Secrets">{{ row.secrets }}</td></tr>{% endfor %}</tbody></table>{% endif %}{% if env != "" %}<p>Environment: <code>{{ env }}</code></p>{% endif %}</section>
<section><h2>Calls</h2>{{ calls }}</section>
<div class="columns"><section><h2>Limits of a call</h2><table class="small"><tbody>{% for limit in limits %}<tr><th scope="row">{{ limit.0 }}</th><td class="number">{{ limit.1 }}</td><td class="faint">{{ limit.2 }}</td></tr>{% endfor %}</tbody></table></section>
<section><h2>Arguments</h2>{{ schema }}</section></div>"#
)]
struct Shown {
    name: String,
    title: String,
    description: String,
    digest: String,
    hints: Vec<String>,
    rules: Vec<RuleRow>,
    directories: Vec<DirectoryRow>,
    requests: Vec<RequestRow>,
    env: String,
    calls: Html,
    limits: Vec<(&'static str, String, String)>,
    schema: Html,
}

/// Shows it.
pub(in crate::console) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    Path(tool): Path<String>,
) -> Result<Response, Failure> {
    let body = console.read(move |host, reader| whole(host, reader, &tool)).await?;
    shell::page(&console, &visitor, Page { title: "Tool", here: Here::Tools, live: "", body }).await
}

fn whole(host: &Host, reader: &Reader, name: &str) -> Result<Html, Failure> {
    let known = host.tools().find(|tool| tool.name().as_str() == name).zip(host.policy().reach(name));
    let (tool, reach) = known.ok_or_else(|| Failure::not_found(format!("there is no tool `{name}`")))?;
    let filter = HistoryFilter { limit: LOOKED_THROUGH, ..HistoryFilter::default() };
    let mut history = reader.history(&filter)?;
    history.retain(|entry| entry.tool == *tool.name());
    let calls = reader.calls(&Filter { tool: Some(tool.name().clone()), limit: CALLS, ..Filter::default() })?;
    let info = tool.info();
    let shown = Shown {
        name: name.to_owned(),
        title: info.title.clone(),
        description: text::bounded(&info.description).into_owned(),
        digest: tool.digest().to_string(),
        hints: hints(tool),
        rules: rules(&reach),
        directories: reach.directories.iter().map(|line| directory(line, &history)).collect(),
        requests: reach.requests.iter().map(request).collect(),
        env: reach.env.join(", "),
        calls: if calls.is_empty() { parts::empty("It was never called.") } else { super::calls::table(&calls) },
        limits: reach.limits.iter().map(|line| (line.limit.key(), line.bound.clone(), from(&line.from))).collect(),
        schema: parts::code("JSON Schema of its arguments", &text::pretty(&info.input_schema)),
    };
    Ok(Html::of(&shown))
}

/// What it claims, by the names under which it does.
fn hints(tool: &Tool) -> Vec<String> {
    let claimed = serde_json::to_value(tool.info().hints).unwrap_or_default();
    let claimed = claimed.as_object().cloned().unwrap_or_default();
    claimed.into_iter().filter(|(_, value)| *value == true).map(|(name, _)| name.replace('_', " ")).collect()
}

fn rules(reach: &Reach) -> Vec<RuleRow> {
    let row = |rule: &toolhold_core::explain::RuleAbout| {
        let mut about = vec![if rule.conditional { "some arguments" } else { "all arguments" }.to_owned()];
        if !rule.labels.is_empty() {
            let labels: Vec<&str> = rule.labels.iter().map(|label| label.as_str()).collect();
            about.push(format!("runs that have read {}", labels.join(" or ")));
        }
        RuleRow {
            chip: chip::of_rule(rule.verdict).html(),
            name: rule.rule.name.clone(),
            place: rule.rule.at.to_string(),
            about: about.join(", "),
            reason: rule.reason.clone().unwrap_or_default(),
        }
    };
    reach.rules.iter().map(row).collect()
}

fn directory(line: &DirectoryLine, history: &[HistoryEntry]) -> DirectoryRow {
    let changes = history.iter().flat_map(|entry| &entry.effects.changes);
    let used = changes.into_iter().any(|change| toolhold_core::grant::is_within(&change.path, &line.guest));
    let mut notes = Vec::new();
    if !line.atomic {
        notes.push("written in place".to_owned());
    }
    if line.symlinks != "deny" {
        notes.push(format!("symlinks: {}", line.symlinks));
    }
    notes.extend(line.labels.iter().map(|label| format!("labelled {label}")));
    DirectoryRow {
        guest: line.guest.clone(),
        host: line.host.clone(),
        read: patterns(&line.read),
        write: patterns(&line.write),
        deny: patterns(&line.deny),
        note: notes.join(", "),
        unused: !line.write.is_empty() && line.atomic && !used,
    }
}

fn patterns(patterns: &[String]) -> String {
    if patterns.is_empty() { "–".to_owned() } else { patterns.join(" ") }
}

fn request(line: &RequestLine) -> RequestRow {
    RequestRow {
        host: line.host.clone(),
        methods: line.methods.join(" "),
        paths: line.paths.join(" "),
        secrets: if line.secrets.is_empty() { "none".to_owned() } else { line.secrets.join(", ") },
    }
}

fn from(from: &LimitFrom) -> String {
    match from {
        LimitFrom::Default => "default".to_owned(),
        LimitFrom::Manifest(line) => line.to_string(),
        LimitFrom::Run => "the run".to_owned(),
    }
}
