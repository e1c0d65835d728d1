//! An approval as a person reads it who has to decide. Nothing of a model, a tool or a client is shown unescaped.

use serde_json::Value;
use toolhold_core::approval::{Approval, ApprovalState};
use toolhold_core::call::Mode;
use toolhold_core::escape;

use crate::approvals::ApprovalRecord;
use crate::cli::effects::{self, Landing};
use crate::cli::ui::{Tone, paint};

/// Bytes of arguments that are shown. More is pointed at.
const SHOWN: usize = 16 << 10;

/// Everything.
pub(super) fn whole(record: &ApprovalRecord) -> String {
    let approval = &record.approval;
    let head = |name: &str, value: &str| format!("{} {value}", paint(Tone::Strong, &format!("{name:<9}")));
    let who = match &approval.agent {
        Some(agent) => format!("agent {} of client {}", escape::line(agent), escape::line(&approval.client)),
        None => format!("client {}", escape::line(&approval.client)),
    };
    let mut lines = vec![
        head("approval", approval.id.as_str()),
        head("state", &state(record)),
        head("tool", approval.tool.as_str()),
        head("risk", approval.risk.as_str()),
        head(
            "rule",
            &format!("{}{}", escape::line(&approval.rule), if approval.every_time { " (asks every time)" } else { "" }),
        ),
    ];
    lines.extend(approval.reason.as_ref().map(|reason| head("because", &escape::line(reason))));
    lines.push(head("asked by", &format!("{who}, run {}, call {}", approval.run, approval.call)));
    lines.push(head(
        "asked at",
        &format!("{}, until {}", effects::time(approval.asked_at), effects::time(approval.expires_at)),
    ));
    if approval.mode == Mode::Preview {
        lines.push(head("mode", "a preview: nothing would land"));
    }
    if !approval.secrets.is_empty() {
        lines.push(head(
            "secrets",
            &format!("{} could be added to its requests", escape::line(&approval.secrets.join(", "))),
        ));
    }
    lines.push(head("bytes", &approval.digest.to_string()));
    lines.push(String::new());
    lines.extend(arguments("arguments", &approval.arguments));
    if approval.is_redacted() {
        lines.push(paint(Tone::Notice, "a secret stands in the arguments and is not shown"));
    }
    if let Some(new) = approval.answer.as_ref().and_then(|answer| answer.arguments.as_ref()) {
        lines.extend(arguments("the person's arguments", new));
    }
    lines.push(String::new());
    let is_other = approval.answer.as_ref().is_some_and(|answer| answer.arguments.is_some());
    let would = match record.foreseen.modified {
        true => "with the person's arguments, it would",
        false if is_other => "with the arguments that were asked for, it would",
        false => "it would",
    };
    lines.push(paint(Tone::Strong, would));
    lines.push(effects::whole(&record.foreseen.effects, Landing::Previewed));
    let urls = record.foreseen.effects.requests.iter().flat_map(|request| escape::odd_hosts(&request.url));
    lines.extend(urls.map(|note| paint(Tone::Bad, &format!("  ! {note}"))));
    if let Some(failure) = &record.foreseen.failure {
        lines.push(paint(
            Tone::Notice,
            &format!("it got no further: {}: {}", escape::line(&failure.code), escape::line(&failure.message)),
        ));
    }
    lines.join("\n")
}

fn state(record: &ApprovalRecord) -> String {
    let approval = &record.approval;
    let word = paint(tone(approval.state), approval.state.as_str());
    let Some(answer) = &approval.answer else {
        return match record.callers {
            0 => format!("{word}: an answer is for the next such call"),
            1 => format!("{word}: one call waits for the answer"),
            many => format!("{word}: {many} calls wait for the answer"),
        };
    };
    let by = escape::line(&answer.by);
    let reason = answer.reason.as_ref().map_or(String::new(), |reason| format!(": {}", escape::line(reason)));
    let Some(scope) = answer.scope else { return format!("{word}: rejected by {by}{reason}") };
    let otherwise = if answer.arguments.is_some() { " with other arguments" } else { "" };
    format!("{word}: approved by {by}{otherwise}, for {scope}; {}", uses(approval.uses))
}

fn uses(uses: u64) -> String {
    match uses {
        0 => "no call was made with it".to_owned(),
        1 => "one call was made with it".to_owned(),
        many => format!("{many} calls were made with it"),
    }
}

/// What came of a decision, in a line.
pub(super) fn decided(approval: &Approval) -> String {
    let is_other = approval.answer.as_ref().is_some_and(|answer| answer.arguments.is_some());
    let said = match approval.state {
        // A call that waited was faster than whoever asks.
        ApprovalState::Used if is_other => "modified; one call was made with it",
        ApprovalState::Used => "approved; one call was made with it",
        state => state.as_str(),
    };
    format!("{}: {said}", approval.id)
}

fn tone(state: ApprovalState) -> Tone {
    match state {
        ApprovalState::Waiting => Tone::Notice,
        ApprovalState::Approved | ApprovalState::Modified => Tone::Good,
        ApprovalState::Rejected | ApprovalState::Expired => Tone::Bad,
        ApprovalState::Used | ApprovalState::Withdrawn => Tone::Faint,
    }
}

/// JSON over lines, and what is odd about the hosts in it.
fn arguments(title: &str, text: &str) -> Vec<String> {
    let value: Option<Value> = serde_json::from_str(text).ok();
    let pretty = value.as_ref().and_then(|value| serde_json::to_string_pretty(value).ok());
    let whole = pretty.as_deref().unwrap_or(text);
    let end = whole.floor_char_boundary(SHOWN);
    let mut lines = vec![paint(Tone::Strong, title)];
    lines.extend(whole.get(..end).unwrap_or_default().lines().map(|line| format!("  {}", escape::line(line))));
    if end < whole.len() {
        lines.push(paint(Tone::Bad, &format!("  … {} bytes more: `--json` shows all of it", whole.len() - end)));
    }
    let odd = escape::odd_hosts(whole);
    lines.extend(odd.iter().map(|note| paint(Tone::Bad, &format!("  ! {note}"))));
    lines
}

#[cfg(test)]
mod tests {
    use toolhold_core::approval::{Answer, ApprovalScope, Foreseen};

    use super::*;

    fn record(arguments: &str, rule: &str) -> ApprovalRecord {
        let digest = toolhold_core::id::Digest::of(b"");
        let approval: Approval = serde_json::from_value(serde_json::json!({
            "id": "a", "call": "c", "run": "r", "client": "mcp\u{1b}[2J", "tool": "files.write", "digest": digest,
            "manifest": digest, "mode": "live", "arguments": arguments, "arguments_digest": digest, "binding": digest,
            "rule": rule, "risk": "high", "every_time": false, "asked_at": 1, "expires_at": 2, "state": "waiting", "uses": 0,
        }))
        .unwrap();
        ApprovalRecord { approval, foreseen: Foreseen::default(), callers: 0 }
    }

    #[test]
    fn what_a_person_approves_has_no_character_that_deceives() {
        let arguments = "{\"path\":\"/work/\u{202e}txt.exe\",\"text\":\"a\u{200b}b\\u001b[31m\"}";
        let shown = whole(&record(arguments, "ask\u{2066}"));
        let plain = anstream::adapter::strip_str(&shown).to_string();
        assert!(plain.chars().all(|sign| sign == '\n' || !escape::must_escape(sign)), "{plain:?}");
        for visible in ["\\u{202e}", "\\u{200b}", "\\u{2066}", "mcp\\u{1b}[2J"] {
            assert!(plain.contains(visible), "{visible} in {plain}");
        }
        let odd = whole(&record("{\"url\":\"https://p\u{430}ypal.com/\"}", "ask"));
        assert!(odd.contains("U+0430"), "{odd}");
    }

    #[test]
    fn who_approved_is_not_who_used_it() {
        let mut used = record("{}", "ask");
        let answer = Answer {
            by: "terminal:ann".into(),
            at: 2,
            scope: Some(ApprovalScope::Once),
            reason: None,
            arguments: None,
            binding: None,
        };
        used.approval = Approval { state: ApprovalState::Used, answer: Some(answer), uses: 1, ..used.approval };
        let shown = anstream::adapter::strip_str(&whole(&used)).to_string();
        assert!(shown.contains("used: approved by terminal:ann, for once; one call was made with it"), "{shown}");
        assert_eq!(decided(&used.approval), "a: approved; one call was made with it");
    }
}
