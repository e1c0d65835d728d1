//! What a call changed and requested, or would: a line for each change with its diff below, and each request.
//!
//! A person decides by this. Nothing is said in colour alone, what is left out is counted, and a line of a file cannot be taken
//! for a line about another file: each diff is a box of its own.

use askama::Template;
use toolhold_core::effect::{
    Basis, Change, ChangeKind, Content, EffectReport, EntryKind, Properties, Request, RequestState, Unknown,
};

use super::host;
use crate::console::chip::Chip;
use crate::console::html::Html;
use crate::console::text::{counted, short, size};

/// Diffs of this many changes are open from the start; the others open at a click.
const OPEN: usize = 8;

/// The longest line of a diff that is shown, in bytes, and most lines of one.
const LONGEST_LINE: usize = 2000;
const MOST_LINES: usize = 2000;

/// How many digits of a hash are shown. Enough to tell two apart.
const HASH_SHOWN: usize = 12;

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="effects">
{% for change in changes %}{{ change }}{% endfor %}
{% if left_out > 0 %}<p class="more">… and {{ left_out }} more, not listed</p>{% endif %}
{% if !requests.is_empty() %}<ul class="requests">{% for request in requests %}{{ request }}{% endfor %}</ul>{% endif %}
{% if requests_left_out > 0 %}<p class="more">… and {{ requests_left_out }} more requests, not listed</p>{% endif %}
{% if !labels.is_empty() %}<p>Read data labelled {% for label in labels %}<span class="label">{{ label }}</span> {% endfor %}</p>{% endif %}
{% for text in unknown %}<p class="unknown"><span class="sign" aria-hidden="true">?</span> Not known: {{ text }}</p>{% endfor %}
{% if total != "" || basis != "" %}<p class="basis">{{ total }}{% if total != "" && basis != "" %} · {% endif %}{{ basis }}</p>{% endif %}</div>"#
)]
struct Effects {
    changes: Vec<Html>,
    left_out: u64,
    requests: Vec<Html>,
    requests_left_out: u64,
    labels: Vec<String>,
    unknown: Vec<String>,
    total: String,
    basis: &'static str,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"{% if lines.is_empty() %}<div class="change {{ class }}"><p class="summary"><span class="sign">{{ sign }}</span> <span class="word">{{ word }}</span> {% if from != "" %}<code>{{ from }}</code> → {% endif %}<code>{{ path }}</code> <span class="facts">{{ facts }}</span></p></div>
{% else %}<details class="change {{ class }}"{% if open %} open{% endif %}><summary><span class="sign">{{ sign }}</span> <span class="word">{{ word }}</span> {% if from != "" %}<code>{{ from }}</code> → {% endif %}<code>{{ path }}</code> <span class="facts">{{ facts }}</span></summary>
<div class="diff" tabindex="0" role="region" aria-label="Changes of {{ path }}"><pre>{% for line in lines %}<span class="line {{ line.class }}" data-before="{{ line.before }}" data-after="{{ line.after }}">{{ line.text }}
</span>{% endfor %}</pre></div>{% if cut != "" %}<p class="more">{{ cut }}</p>{% endif %}</details>
{% endif %}"#
)]
struct OneChange {
    class: &'static str,
    sign: &'static str,
    word: &'static str,
    from: String,
    path: String,
    facts: String,
    open: bool,
    lines: Vec<Line>,
    cut: String,
}

/// A line of a diff, with its number on each side.
struct Line {
    class: &'static str,
    before: String,
    after: String,
    text: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<li>{{ chip }} <code>{{ method }} {{ url }}</code>{% if let Some(why) = suspicion %} <span class="suspicion"><span class="sign" aria-hidden="true">!</span> {{ why }}</span>{% endif %} <span class="facts">{{ facts }}</span></li>"#
)]
struct OneRequest {
    chip: Html,
    method: String,
    url: String,
    suspicion: Option<&'static str>,
    facts: String,
}

/// Everything that is known of it.
pub(in crate::console) fn effects(report: &EffectReport) -> Html {
    if report.is_empty() && report.labels.is_empty() {
        return super::empty("It changed nothing and requested nothing.");
    }
    let mut changes: Vec<&Change> = report.changes.iter().collect();
    changes.sort_by(|one, other| one.path.cmp(&other.path));
    Html::of(&Effects {
        changes: changes.iter().enumerate().map(|(index, change)| one_change(change, index < OPEN)).collect(),
        left_out: report.changes_left_out,
        requests: report.requests.iter().map(one_request).collect(),
        requests_left_out: report.requests_left_out,
        labels: report.labels.iter().map(ToString::to_string).collect(),
        unknown: report.unknown.iter().map(unknown).collect(),
        // One change speaks for itself.
        total: if report.changes.len() + report.requests.len() > 1 { total(report) } else { String::new() },
        basis: match report.basis {
            Basis::Observed => "",
            Basis::UntilWithheld => "observed until a request that a preview may not send",
            Basis::UntilFailure => "observed until the failure, and thrown away",
        },
    })
}

/// How many changes and requests, in words.
pub(in crate::console) fn total(report: &EffectReport) -> String {
    let left_out = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let changes = report.changes.len().saturating_add(left_out(report.changes_left_out));
    let requests = report.requests.len().saturating_add(left_out(report.requests_left_out));
    match (changes, requests) {
        (0, _) if report.is_remote() => "not observed".to_owned(),
        (0, 0) => "no changes".to_owned(),
        (changes, 0) => counted(changes, "change"),
        (0, requests) => counted(requests, "request"),
        (changes, requests) => format!("{}, {}", counted(changes, "change"), counted(requests, "request")),
    }
}

fn one_change(change: &Change, open: bool) -> Html {
    let (class, sign, word) = match change.kind {
        ChangeKind::Created => ("created", "+", "created"),
        ChangeKind::Changed => ("changed", "~", "changed"),
        ChangeKind::Deleted => ("deleted", "−", "deleted"),
        ChangeKind::Moved { .. } => ("moved", "→", "moved"),
        ChangeKind::Metadata => ("metadata", "m", "other times or mode"),
    };
    let (lines, cut) = match &change.content {
        Content::Text { diff, cut, .. } => (lines(diff), *cut),
        _ => (Vec::new(), 0),
    };
    let cut = if cut > 0 { format!("… the diff is cut here, {} are missing", size(cut)) } else { String::new() };
    let from = match &change.kind {
        ChangeKind::Moved { from } => from.clone(),
        _ => String::new(),
    };
    Html::of(&OneChange { class, sign, word, from, path: change.path.clone(), facts: facts(change), open, lines, cut })
}

/// The lines of a unified diff.
fn lines(diff: &str) -> Vec<Line> {
    let (mut before, mut after) = (0_u64, 0_u64);
    let mut lines = Vec::new();
    for text in diff.split_terminator('\n').take(MOST_LINES) {
        let line = |class, before: Option<u64>, after: Option<u64>| Line {
            class,
            before: before.map(|number| number.to_string()).unwrap_or_default(),
            after: after.map(|number| number.to_string()).unwrap_or_default(),
            text: cut(text),
        };
        lines.push(match text.as_bytes().first() {
            Some(b'@') => {
                (before, after) = begin(text).unwrap_or((before, after));
                line("hunk", None, None)
            }
            Some(b'+') => {
                after = after.saturating_add(1);
                line("added", None, Some(after - 1))
            }
            Some(b'-') => {
                before = before.saturating_add(1);
                line("removed", Some(before - 1), None)
            }
            Some(b'\\') => line("note", None, None),
            _ => {
                (before, after) = (before.saturating_add(1), after.saturating_add(1));
                line("same", Some(before - 1), Some(after - 1))
            }
        });
    }
    lines
}

/// The first lines of a hunk: `@@ -12,3 +14,4 @@`.
fn begin(header: &str) -> Option<(u64, u64)> {
    let mut sides = header.split(' ').skip(1);
    let number = |side: &str| side.get(1..)?.split(',').next()?.parse().ok();
    Some((number(sides.next()?)?, number(sides.next()?)?))
}

fn cut(line: &str) -> String {
    let (head, tail) = line.split_at(line.floor_char_boundary(LONGEST_LINE));
    if tail.is_empty() { head.to_owned() } else { format!("{head}… ({} bytes more)", tail.len()) }
}

fn facts(change: &Change) -> String {
    let mut facts = Vec::new();
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => {
            if before.kind != after.kind {
                facts.push(format!("was a {}", kind(before.kind)));
            }
            if before.size != after.size {
                facts.push(format!("{} → {}", size(before.size), size(after.size)));
            }
            if before.mode != after.mode {
                facts.push(format!("mode {:03o} → {:03o}", before.mode & 0o7777, after.mode & 0o7777));
            }
            facts.extend(target(after));
        }
        (Some(one), None) | (None, Some(one)) => {
            facts.push(if one.kind == EntryKind::File { size(one.size) } else { kind(one.kind).to_owned() });
            facts.extend(target(one));
        }
        (None, None) => {}
    }
    match &change.content {
        Content::Same => {}
        Content::Text { added, removed, .. } => facts.push(format!("+{added} −{removed} lines")),
        Content::Binary => facts.push(format!("binary{}", hashes(change))),
        Content::TooLarge => facts.push(format!("too large to be compared{}", hashes(change))),
    }
    facts.join(", ")
}

fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Symlink => "symbolic link",
    }
}

fn target(entry: &Properties) -> Option<String> {
    entry.target.as_ref().map(|target| format!("link to {}", short(target, 200)))
}

fn hashes(change: &Change) -> String {
    let hash = |entry: &Option<Properties>| entry.as_ref().and_then(|entry| entry.sha256).map(|hash| hash.hex());
    let shown = |hex: String| hex.chars().take(HASH_SHOWN).collect::<String>();
    match (hash(&change.before).map(shown), hash(&change.after).map(shown)) {
        (Some(before), Some(after)) => format!(", sha256 {before} → {after}"),
        (Some(one), None) | (None, Some(one)) => format!(", sha256 {one}"),
        (None, None) => String::new(),
    }
}

fn one_request(request: &Request) -> Html {
    let chip = match &request.state {
        RequestState::Refused { .. } => Chip::bad("refused"),
        RequestState::Withheld => Chip::notice("withheld"),
        RequestState::NotSent { .. } => Chip::notice("not sent"),
        RequestState::Sent { .. } => Chip::bad("sent, no answer"),
        RequestState::Answered { .. } => Chip::good("answered"),
    };
    let (sent, received) = (size(request.sent_bytes), size(request.received_bytes));
    let mut facts = vec![match &request.state {
        RequestState::Withheld => format!("{sent} would be sent"),
        RequestState::Answered { status } => format!("status {status}, {sent} sent, {received} received"),
        RequestState::Sent { why } => format!("{sent} sent; {}", short(why, 300)),
        RequestState::Refused { why } | RequestState::NotSent { why } => short(why, 300),
    }];
    if !request.secrets.is_empty() {
        facts.push(format!("with the secrets {}", request.secrets.join(", ")));
    }
    if !request.returned.is_empty() {
        facts.push(format!("the answer held {}: taken out", request.returned.join(", ")));
    }
    Html::of(&OneRequest {
        chip: chip.html(),
        method: request.method.clone(),
        suspicion: host::suspicion(&request.url),
        url: cut(&request.url),
        facts: facts.join(", "),
    })
}

fn unknown(unknown: &Unknown) -> String {
    match unknown {
        Unknown::AfterWithheld => "what the tool would have done with the answer to a withheld request".to_owned(),
        Unknown::Direct { grant } => format!("what changed in {grant}: it is written in place (`atomic = false`)"),
        Unknown::Remote { server } => format!("{} (server {server})", toolhold_core::effect::NOT_OBSERVED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_has_the_numbers_of_its_lines() {
        let shown = lines("@@ -3,2 +3,3 @@\n three\n-four\n+FOUR\n+five\n\\ No newline at end of file\n");
        let told: Vec<_> = shown
            .iter()
            .map(|line| (line.class, line.before.as_str(), line.after.as_str(), line.text.as_str()))
            .collect();
        let expected = [
            ("hunk", "", "", "@@ -3,2 +3,3 @@"),
            ("same", "3", "3", " three"),
            ("removed", "4", "", "-four"),
            ("added", "", "4", "+FOUR"),
            ("added", "", "5", "+five"),
            ("note", "", "", "\\ No newline at end of file"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn no_header_of_a_diff_makes_a_number_of_what_is_none() {
        for header in ["@@", "@@ - +", "@@ -é +1 @@", "@@ -99999999999999999999 +1 @@", "@"] {
            assert_eq!(begin(header), None, "{header}");
        }
        assert_eq!(begin("@@ -1 +2,5 @@ fn main()"), Some((1, 2)));
        let last = lines("@@ -18446744073709551615 +18446744073709551615 @@\n one\n+two\n-three");
        assert_eq!(last.len(), 4, "there is no line after the last number");
    }

    #[test]
    fn a_file_cannot_write_markup_into_its_diff() {
        let change = Change {
            path: "/work/<img src=x onerror=alert(1)>\".txt".into(),
            kind: ChangeKind::Changed,
            before: None,
            after: None,
            content: Content::Text {
                diff: "@@ -1 +1 @@\n-</span></pre><script>alert(1)</script>\n+{{ 7*7 }} {% raw %}".into(),
                added: 1,
                removed: 1,
                cut: 9,
            },
        };
        let report = EffectReport { changes: vec![change], ..EffectReport::default() };
        let shown = effects(&report);
        let shown = shown.as_str();
        assert!(!shown.contains("<script") && !shown.contains("<img") && !shown.contains("\".txt"), "{shown}");
        assert!(shown.contains("&#60;script&#62;") && shown.contains("{{ 7*7 }} {% raw %}"), "{shown}");
        assert!(shown.contains("the diff is cut here, 9 B are missing"), "{shown}");
    }
}
