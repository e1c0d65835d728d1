//! What a call used of its limits: a bar and two numbers each.

use askama::Template;
use serde_json::Value;
use toolhold_core::explain::LimitLine;
use toolhold_core::limit::{LIMITS, Spec};

use crate::console::html::Html;
use crate::console::text;

/// Nearer to its limit than this, in percent, a use is worth a look.
const NEAR: u64 = 80;

/// One limit.
struct Row {
    name: &'static str,
    doc: &'static str,
    used: String,
    allowed: String,
    percent: u64,
    near: bool,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<table class="usage"><caption class="hidden">Used of each limit</caption>
<thead class="hidden"><tr><th>Limit</th><th>Share</th><th>Used</th></tr></thead><tbody>
{% for row in rows %}<tr{% if row.near %} class="near"{% endif %}><th scope="row" title="{{ row.doc }}">{{ row.name }}</th>
<td class="share"><svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="6"/><rect class="fill" width="{{ row.percent }}" height="6"/></svg></td>
<td class="of">{{ row.used }}{% if row.allowed != "" %} <span class="faint">of {{ row.allowed }}</span>{% endif %}{% if row.near %} <span class="sign" title="near its limit">!</span>{% endif %}</td></tr>
{% endfor %}</tbody></table>"#
)]
struct Usage {
    rows: Vec<Row>,
}

/// What is stored of a call's use, beside the limits of its tool as they are now. Limits of which nothing was used are left out.
pub(in crate::console) fn usage(stored: &str, limits: &[LimitLine]) -> Html {
    let Ok(Value::Object(used)) = serde_json::from_str::<Value>(stored) else { return Html::default() };
    let row = |spec: &'static Spec| {
        let used = used.get(spec.key)?.as_u64().filter(|used| *used > 0)?;
        let allowed = limits.iter().find(|line| line.limit == spec.limit).map(|line| line.number);
        let percent = allowed.map_or(0, |allowed| percent(used, allowed));
        Some(Row {
            name: spec.key,
            doc: spec.doc,
            used: text::amount(used, spec.unit),
            allowed: allowed.map(|allowed| text::amount(allowed, spec.unit)).unwrap_or_default(),
            percent,
            near: percent >= NEAR,
        })
    };
    let rows: Vec<Row> = LIMITS.iter().filter_map(row).collect();
    if rows.is_empty() { Html::default() } else { Html::of(&Usage { rows }) }
}

/// How much of `allowed` that is; something is never nothing.
fn percent(used: u64, allowed: u64) -> u64 {
    let share = u128::from(used) * 100 / u128::from(allowed.max(1));
    u64::try_from(share).unwrap_or(100).clamp(1, 100)
}

#[cfg(test)]
mod tests {
    use toolhold_core::explain::LimitFrom;
    use toolhold_core::limit::Limit;

    use super::*;

    #[test]
    fn what_was_used_stands_beside_what_may_be() {
        let limit = |limit, number| LimitLine { limit, bound: String::new(), number, from: LimitFrom::Default };
        let limits = [limit(Limit::Memory, 1 << 20), limit(Limit::Fuel, 1_000_000)];
        let shown = usage(r#"{"fuel": 950000, "memory": 1024, "time": 0, "output": 5}"#, &limits);
        let shown = shown.as_str();
        assert!(
            shown.contains("950\u{a0}000 <span class=\"faint\">of 1\u{a0}000\u{a0}000</span> <span class=\"sign\""),
            "{shown}"
        );
        assert!(shown.contains("<rect class=\"fill\" width=\"95\""), "{shown}");
        assert!(shown.contains("1.0 KiB <span class=\"faint\">of 1.0 MiB</span>"), "{shown}");
        assert!(shown.contains("5 B</td>"), "its limit is not known: {shown}");
        assert!(!shown.contains(">time<"), "{shown}");
        assert!(usage("no json", &limits).is_empty() && usage("{}", &limits).is_empty());
    }
}
