//! The tools: what rules say of each, and which were never used.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use toolhold_core::explain::Reach;
use toolhold_core::manifest::Verdict;

use crate::Host;
use crate::console::chip;
use crate::console::failure::Failure;
use crate::console::guard::Visitor;
use crate::console::html::Html;
use crate::console::shell::{self, Here, Page};
use crate::console::{Console, link, now, parts, text};
use crate::journal::{Reader, ToolUse};

/// One tool.
struct Row {
    path: String,
    name: String,
    title: String,
    rules: Vec<Html>,
    touches: String,
    calls: String,
    last: Html,
    unused: bool,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<h1>Tools</h1><p class="lead">What the manifest <code>{{ manifest }}</code> lets models call, and what of it was ever used.</p>
{% if rows.is_empty() %}<p class="empty">The manifest has no tools.</p>{% else %}<table class="cards"><thead><tr><th>Tool</th><th>Rules say</th><th>May touch</th><th class="number">Calls</th><th>Last</th></tr></thead><tbody>
{% for row in rows %}<tr><td class="main"><a href="{{ row.path }}"><code>{{ row.name }}</code></a>{% if row.title != "" %}<br><span class="faint">{{ row.title }}</span>{% endif %}</td><td data-name="Rules say">{% if row.rules.is_empty() %}<span class="faint">nothing: denied</span>{% endif %}{% for rule in row.rules %}{{ rule }} {% endfor %}</td><td data-name="May touch">{{ row.touches }}</td><td data-name="Calls" class="number">{{ row.calls }}</td><td data-name="Last">{% if row.unused %}<span class="label">never used</span>{% else %}{{ row.last }}{% endif %}</td></tr>
{% endfor %}</tbody></table>{% endif %}"#
)]
struct Shown {
    manifest: String,
    rows: Vec<Row>,
}

/// Shows them.
pub(in crate::console) async fn show(State(console): State<Console>, visitor: Visitor) -> Result<Response, Failure> {
    let body = console.read(list).await?;
    shell::page(&console, &visitor, Page { title: "Tools", here: Here::Tools, live: "", body }).await
}

fn list(host: &Host, reader: &Reader) -> Result<Html, Failure> {
    let uses: BTreeMap<String, ToolUse> =
        reader.tool_uses()?.into_iter().map(|used| (used.tool.to_string(), used)).collect();
    let now = now();
    let row = |tool: &toolhold_core::tool::Tool| {
        let reach = host.policy().reach(tool.name().as_str());
        let used = uses.get(tool.name().as_str());
        Row {
            path: link::tool(tool.name().as_str()),
            name: tool.name().to_string(),
            title: text::short(&tool.info().title, 80),
            rules: reach.as_ref().map(verdicts).unwrap_or_default(),
            touches: reach.as_ref().map(touches).unwrap_or_default(),
            calls: used.map_or_else(|| "0".to_owned(), |used| text::number(used.calls)),
            last: used.map(|used| parts::time(used.last_at, now)).unwrap_or_default(),
            unused: used.is_none(),
        }
    };
    let manifest = host.policy().manifest().source().name().to_owned();
    Ok(Html::of(&Shown { manifest, rows: host.tools().map(row).collect() }))
}

/// What its rules say, each word once, the strongest first.
fn verdicts(reach: &Reach) -> Vec<Html> {
    let all = [Verdict::Deny, Verdict::Ask, Verdict::Preview, Verdict::Allow];
    let said = |verdict: &Verdict| reach.rules.iter().any(|rule| rule.verdict == *verdict);
    all.into_iter().filter(said).map(|verdict| chip::of_rule(verdict).html()).collect()
}

/// What it may touch, in a few words.
fn touches(reach: &Reach) -> String {
    let directory = |line: &toolhold_core::explain::DirectoryLine| {
        let how = match (line.read.is_empty(), line.write.is_empty()) {
            (false, false) => "reads and writes",
            (true, false) => "writes",
            _ => "reads",
        };
        format!("{how} {}", line.guest)
    };
    let mut all: Vec<String> = reach.directories.iter().map(directory).collect();
    all.extend(reach.requests.iter().map(|line| format!("asks {}", line.host)));
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}
