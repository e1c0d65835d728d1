//! What a model thinks of its own way, when it is asked to look back.

use serde::{Deserialize, Serialize};

/// The longest reason that is kept, in characters.
const LONGEST_WHY: usize = 500;

/// What the model thinks of its last turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether they brought it closer to the task's end.
    pub closer: bool,
    /// What it wants to do.
    pub next: Next,
    /// Why. Any text: escape before showing.
    #[serde(default)]
    pub why: String,
}

/// What a model wants to do after it has looked back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Next {
    /// The same way on.
    GoOn,
    /// Back to where it was, and another way.
    GoBack,
    /// Give the answer.
    Answer,
}

impl Verdict {
    /// What `text` says. What cannot be understood is no reason to stop.
    pub(crate) fn parse(text: &str) -> Self {
        let start = text.find('{').unwrap_or(0);
        let end = text.rfind('}').map_or(text.len(), |end| end + 1);
        let json = text.get(start..end).unwrap_or_default();
        let unclear =
            || Self { closer: true, next: Next::GoOn, why: "the model said nothing that can be understood".into() };
        let mut verdict: Self = serde_json::from_str(json).unwrap_or_else(|_| unclear());
        verdict.why = verdict.why.chars().take(LONGEST_WHY).collect();
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_read_from_what_models_write_around_it() {
        let json = r#"{"closer": false, "next": "go-back", "why": "a dead end"}"#;
        for text in [json.to_owned(), format!("```json\n{json}\n```"), format!("I think: {json}")] {
            assert_eq!(Verdict::parse(&text).next, Next::GoBack, "{text}");
        }
        for text in ["", "go back", "{}", r#"{"next": "sideways", "closer": true}"#, "}{"] {
            assert_eq!(Verdict::parse(text).next, Next::GoOn, "{text}");
        }
        let long = format!(r#"{{"closer": true, "next": "answer", "why": "{}"}}"#, "é".repeat(9_000));
        assert_eq!(Verdict::parse(&long).why.chars().count(), LONGEST_WHY);
    }
}
