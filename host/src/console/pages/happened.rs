//! What an entry of the audit says, in words.

use serde_json::Value;
use toolhold_core::event::Event;
use toolhold_core::id::{CallId, RunId};

use crate::console::text;

/// An event, for people.
pub(super) struct Happened {
    /// Its kind, as it is written.
    pub(super) kind: String,
    /// How it is to be taken.
    pub(super) tone: Tone,
    /// Whatever else it says, each with its name.
    pub(super) facts: Vec<(String, String)>,
    /// The run that it is about.
    pub(super) run: Option<RunId>,
    /// The call that it is about.
    pub(super) call: Option<CallId>,
}

/// How something is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// As it is.
    Plain,
    /// It went well.
    Good,
    /// It did not.
    Bad,
    /// A person has to do with it.
    Person,
}

/// Digests are for programs: so much of one tells it from another.
const DIGEST_SHOWN: usize = 19;

/// The words of an event. By the form in which it is written, so that events that are new here are shown as well.
pub(super) fn of(event: &Event) -> Happened {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(event) else {
        return Happened { kind: String::new(), tone: Tone::Plain, facts: Vec::new(), run: None, call: None };
    };
    let kind = fields.remove("type").and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
    let mut id = |name: &str| fields.remove(name).and_then(|id| id.as_str().map(str::to_owned));
    let (run, call) = (id("run").and_then(|run| run.parse().ok()), id("call").and_then(|call| call.parse().ok()));
    let failed = fields.get("failure").is_some_and(|failure| !failure.is_null());
    let facts = fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, said(&value)));
    Happened { tone: tone(&kind, failed), facts: facts.collect(), kind, run, call }
}

fn said(value: &Value) -> String {
    match value {
        Value::String(text) if text.starts_with("sha256:") => text.chars().take(DIGEST_SHOWN).collect(),
        Value::String(text) => text::short(text, 300),
        Value::Array(items) => items.iter().map(said).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn tone(kind: &str, failed: bool) -> Tone {
    match kind {
        _ if failed => Tone::Bad,
        "call-denied" | "call-invalid" | "changes-refused" | "undo-refused" | "run-dead-lettered"
        | "access-refused" => Tone::Bad,
        "call-unknown" | "unknown-resolved" | "run-requeued" | "run-discarded" | "breaker-reset" => Tone::Person,
        kind if kind.starts_with("approval-") => Tone::Person,
        "call-settled" | "call-completed" | "changes-landed" => Tone::Good,
        _ => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_with_everything_that_it_says() {
        let event = Event::CallDenied {
            call: "c".parse().unwrap(),
            run: "r".parse().unwrap(),
            tool: "files.write".into(),
            arguments: None,
            code: "denied".into(),
            rule: Some("never".into()),
        };
        let told = of(&event);
        assert_eq!((told.kind.as_str(), told.tone), ("call-denied", Tone::Bad));
        assert_eq!((told.run.unwrap().as_str(), told.call.unwrap().as_str()), ("r", "c"));
        let facts: Vec<_> = told.facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(facts, [("tool", "files.write"), ("code", "denied"), ("rule", "never")]);
    }
}
