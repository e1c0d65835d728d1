//! How well everything works: verdicts, breakers, what to look at, and how many turns runs take.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use toolhold_core::breaker;

use super::{Choice, choices};
use crate::attempt::{self, DependencyState};
use crate::console::chip::{self, Chip};
use crate::console::failure::Failure;
use crate::console::guard::{Form, Visitor};
use crate::console::html::Html;
use crate::console::shell::{self, Here, Page};
use crate::console::{Console, acts, link, now, parts, text};
use crate::health::{Named, Overview, ToolSet};
use crate::journal::Reader;

/// How far back it looks, in words and in hours.
const WINDOWS: [(&str, &str); 4] =
    [("1", "Last hour"), ("24", "Last day"), ("168", "Last week"), ("720", "Last 30 days")];

/// What is looked for.
#[derive(Debug, Deserialize)]
pub(in crate::console) struct Wanted {
    #[serde(default)]
    hours: String,
}

struct Row {
    name: String,
    chip: Html,
    uses: String,
    faults: String,
    mean: String,
    slowest: String,
}

struct BreakerRow {
    name: String,
    chip: Html,
    faults: u64,
    until: Html,
}

/// A bar of the picture, in its units.
struct Bar {
    turns: u32,
    runs: usize,
    x: usize,
    y: usize,
    height: usize,
    middle: usize,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="heading"><h1>Health</h1><form class="filter tight" method="get" action="/health"><div><label for="hours" class="hidden">Window</label><select id="hours" name="hours">{% for choice in windows %}<option value="{{ choice.value }}"{% if choice.chosen %} selected{% endif %}>{{ choice.name }}</option>{% endfor %}</select></div><button>Show</button></form></div>
<div id="health" data-part>{% for alert in alerts %}<p class="said bad"><span class="sign" aria-hidden="true">!</span> {{ alert }}</p>{% endfor %}
{% if rows.is_empty() %}<p class="empty">Nothing was used yet.</p>{% else %}<table class="cards"><thead><tr><th>Name</th><th>Health</th><th class="number">Uses</th><th class="number">Faults</th><th class="number">Mean</th><th class="number">p99</th></tr></thead><tbody>
{% for row in rows %}<tr><td class="main">{{ row.name }}</td><td data-name="Health">{{ row.chip }}</td><td data-name="Uses" class="number">{{ row.uses }}</td><td data-name="Faults" class="number">{{ row.faults }}</td><td data-name="Mean" class="number">{{ row.mean }}</td><td data-name="p99" class="number">{{ row.slowest }}</td></tr>{% endfor %}</tbody></table>{% endif %}
<section><h2>Breakers</h2>{% if breakers.is_empty() %}<p class="empty">Nothing failed lately: every call goes through.</p>{% else %}<table class="cards"><thead><tr><th>Dependency</th><th>State</th><th class="number">Faults in a row</th><th></th></tr></thead><tbody>
{% for row in breakers %}<tr><td class="main">{{ row.name }}</td><td data-name="State">{{ row.chip }} {{ row.until }}</td><td data-name="Faults" class="number">{{ row.faults }}</td><td>{% if may %}<form method="post" action="/breakers/reset" class="act"><input type="hidden" name="csrf" value="{{ csrf }}"><input type="hidden" name="name" value="{{ row.name }}"><button>Reset</button></form>{% endif %}</td></tr>{% endfor %}</tbody></table>{% endif %}</section>
{% if !unusual.is_empty() %}<section><h2>Unusual runs</h2><ul>{% for run in unusual %}<li><a href="{{ run.0 }}">{{ run.1 }}</a></li>{% endfor %}</ul></section>{% endif %}
{{ picture }}
{% if !sets.is_empty() %}<section><h2>Tools over time</h2><p class="hint">How runs went with each set of tools, the latest first.</p><table class="cards"><thead><tr><th>Since</th><th>Set</th><th class="number">Runs</th><th>Worked</th></tr></thead><tbody>{% for set in sets %}<tr><td data-name="Since">{{ set.0 }}</td><td data-name="Set"><code>{{ set.1 }}</code></td><td data-name="Runs" class="number">{{ set.2 }}</td><td data-name="Worked">{{ set.3 }}</td></tr>{% endfor %}</tbody></table></section>{% endif %}</div>"#
)]
struct Shown<'a> {
    windows: Vec<Choice>,
    alerts: Vec<String>,
    rows: Vec<Row>,
    breakers: Vec<BreakerRow>,
    may: bool,
    csrf: &'a str,
    unusual: Vec<(String, String)>,
    picture: Html,
    sets: Vec<(Html, String, usize, String)>,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<section><h2>Turns of a run</h2><div class="columns"><svg class="histogram" width="{{ width }}" height="150" viewBox="0 0 {{ width }} 150" role="img" aria-label="How many runs took how many turns; the same numbers are in the table beside it">
<line class="axis" x1="0" y1="120" x2="{{ width }}" y2="120"/>{% for bar in bars %}<rect class="fill" x="{{ bar.x }}" y="{{ bar.y }}" width="28" height="{{ bar.height }}" rx="2"/><text x="{{ bar.middle }}" y="138">{{ bar.turns }}</text><text class="value" x="{{ bar.middle }}" y="{{ bar.y }}" dy="-4">{{ bar.runs }}</text>{% endfor %}</svg>
<table class="small"><thead><tr><th class="number">Turns</th><th class="number">Runs</th></tr></thead><tbody>{% for bar in bars %}<tr><td class="number">{{ bar.turns }}</td><td class="number">{{ bar.runs }}</td></tr>{% endfor %}</tbody></table></div></section>"#
)]
struct Picture {
    width: usize,
    bars: Vec<Bar>,
}

/// Shows it.
pub(in crate::console) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failure> {
    let to = visitor.clone();
    let hours = if wanted.hours.is_empty() { "24".to_owned() } else { wanted.hours };
    let number: u64 = hours.parse().map_err(|_| Failure::bad_request("`hours` is not a number"))?;
    let since = now().saturating_sub(number.saturating_mul(3_600_000_000));
    let body = console.read(move |_, reader| whole(reader, &hours, since, &to)).await?;
    shell::page(&console, &visitor, Page { title: "Health", here: Here::Health, live: "", body }).await
}

fn whole(reader: &Reader, hours: &str, since: u64, to: &Visitor) -> Result<Html, Failure> {
    let overview = Overview::of(reader, since)?;
    let now = now();
    let set = |set: &ToolSet| {
        let confidence = set.confidence;
        let digest: String = set.digest.hex().chars().take(12).collect();
        let worked = format!(
            "{}% (likely {} to {}%)",
            confidence.percent, confidence.at_least_percent, confidence.at_most_percent
        );
        (parts::time(set.since, now), digest, confidence.runs, worked)
    };
    let unusual = |run: &crate::health::Unusual| {
        let words = format!("{} {}, where at most {} are usual", run.number, run.what, run.usual);
        (link::run(&run.run), words)
    };
    let shown = Shown {
        windows: choices(&WINDOWS, hours),
        alerts: alerts(&overview, now),
        rows: overview.health.iter().map(row).collect(),
        breakers: attempt::remembered(reader)?.iter().map(|one| breaker(one, now)).collect(),
        may: to.may(acts::RESET_BREAKER),
        csrf: to.csrf(),
        unusual: overview.unusual.iter().map(unusual).collect(),
        picture: picture(&overview.turns),
        sets: overview.tool_sets.iter().take(5).map(set).collect(),
    };
    Ok(Html::of(&shown))
}

fn alerts(overview: &Overview, now: u64) -> Vec<String> {
    let mut alerts = Vec::new();
    if let (Some(before), Some(present)) = (&overview.better_before, overview.tool_sets.first()) {
        alerts.push(format!(
            "Runs went clearly better with the tools before: {}% worked, and now {}%. `toolhold lock --back` takes those tools.",
            before.confidence.percent, present.confidence.percent
        ));
    }
    alerts.extend(overview.away.iter().map(|away| {
        let since = text::moment(away.since, now).ago;
        format!(
            "{} is the first choice, and has not answered since {since} ({} requests in vain): others stand in for it.",
            away.model, away.failures
        )
    }));
    alerts
}

fn row(named: &Named) -> Row {
    let health = &named.health;
    let of_uses = |text: String| if health.uses > 0 { text } else { String::new() };
    Row {
        name: named.name.clone(),
        chip: chip::of_health(health.verdict).html(),
        uses: text::number(health.uses as u64),
        faults: of_uses(format!("{} ({}%)", health.faults, health.fault_percent)),
        mean: of_uses(text::took(health.mean_micros)),
        slowest: of_uses(text::took(health.p99_micros)),
    }
}

fn breaker(one: &DependencyState, now: u64) -> BreakerRow {
    let (chip, until) = match one.state {
        breaker::State::Closed => (Chip::good("closed"), None),
        breaker::State::Open { until } => (Chip::bad("open"), Some(until)),
        breaker::State::HalfOpen { probe_until } => (Chip::notice("half-open"), Some(probe_until)),
    };
    let until = until.map(|until| parts::time(until, now)).unwrap_or_default();
    BreakerRow { name: one.name.clone(), chip: chip.html(), faults: one.faults_in_row, until }
}

/// A bar for each number of turns; nothing, where nothing ran.
fn picture(turns: &BTreeMap<u32, usize>) -> Html {
    const TALL: usize = 100;
    const WIDE: usize = 40;
    /// More bars than this are no picture any more.
    const MOST: usize = 40;
    let most = turns.values().copied().max().unwrap_or(0);
    if most == 0 {
        return Html::default();
    }
    let bar = |(index, (turns, runs)): (usize, (&u32, &usize))| {
        let height = (runs * TALL).div_ceil(most);
        Bar { turns: *turns, runs: *runs, x: index * WIDE + 6, y: 120 - height, height, middle: index * WIDE + 20 }
    };
    let bars: Vec<Bar> = turns.iter().take(MOST).enumerate().map(bar).collect();
    Html::of(&Picture { width: bars.len().max(4) * WIDE, bars })
}

/// Closes a breaker.
pub(in crate::console) async fn reset(State(console): State<Console>, form: Form) -> Result<Response, Failure> {
    form.visitor.needs(acts::RESET_BREAKER)?;
    let name = form.get("name");
    let done = console.host().dependencies().reset(name);
    if done {
        console.host().journal().flush().await?;
        form.visitor.say(&console, true, format!("Closed: the next call of {name} goes through."));
    } else {
        form.visitor.say(&console, false, format!("No breaker `{name}` remembers a fault."));
    }
    Ok(Redirect::to("/health").into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tallest_bar_is_as_tall_as_the_picture_and_the_table_has_the_same_numbers() {
        let shown = picture(&BTreeMap::from([(1, 4), (3, 1), (9, 2)]));
        let shown = shown.as_str();
        assert!(shown.contains("y=\"20\" width=\"28\" height=\"100\""), "{shown}");
        assert!(shown.contains("height=\"25\"") && shown.contains("height=\"50\""), "{shown}");
        assert!(shown.contains("<td class=\"number\">9</td><td class=\"number\">2</td>"), "{shown}");
        assert!(picture(&BTreeMap::new()).is_empty());
    }
}
