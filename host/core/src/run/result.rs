//! What a model is shown of a call's outcome: JSON text, bounded, with data and errors told apart.
//!
//! Only the parts of an outcome that are meant for a model get here: no detail, no log, nothing that a guest printed.

use serde_json::{Value, json};

use super::report::{CallSummary, FailureSummary};
use crate::call::{Approved, Mode};
use crate::outcome::{CallReport, Class, Outcome};

/// The longest code that is shown. A tool may choose its own.
const LONGEST_CODE: usize = 100;

/// What is said beside the result of a call that a rule turned into a preview: a model must not build on what did not happen.
const PREVIEW: &str =
    "this call ran as a preview: its result is what would be, and nothing was changed. A person may apply it later";

/// The outcome of a call that reached the host. `asked` is what the run asks for: in a dry run every call is a preview and sees
/// what the ones before it would have changed, so nothing is said of it.
#[must_use]
pub fn of_call(report: &CallReport, asked: Mode, most_bytes: usize) -> String {
    match &report.outcome {
        Outcome::Success(value) => {
            let preview = (report.mode != asked).then(|| ("preview", PREVIEW.to_owned()));
            let fallback = report.served_by.as_ref().map(|served_by| ("fallback", served_by.label()));
            let changed = report.approved.as_ref().and_then(Approved::label).map(|label| ("approval", label));
            let labels = preview.into_iter().chain(fallback).chain(changed);
            labels.fold(of_data(value, most_bytes), |data, (key, text)| labelled(&data, key, &text))
        }
        Outcome::Failure(failure) => with_violations(
            &FailureSummary { class: failure.class, code: failure.code.clone(), message: failure.message.clone() },
            failure.violations.as_ref(),
            most_bytes,
        ),
    }
}

/// A failure of a call that did not reach the host.
pub(crate) fn of_failure(failure: &FailureSummary, most_bytes: usize) -> String {
    with_violations(failure, None, most_bytes)
}

/// A call that was made and never returned.
pub(crate) fn abandoned(turn: u32, tool: &str, most_bytes: usize) -> (CallSummary, String) {
    let message = "the call did not return in time; what it did is not known".into();
    let failure = FailureSummary { class: Class::Cancelled, code: "abandoned".into(), message };
    let content = of_failure(&failure, most_bytes);
    (CallSummary { turn, call: None, tool: tool.to_owned(), failure: Some(failure), replayed: false }, content)
}

/// The same with a label in front, which the result cannot forge: it is a field beside it.
fn labelled(data: &str, key: &str, text: &str) -> String {
    format!(r#"{{"{key}":{},{}"#, json!(text), data.strip_prefix('{').unwrap_or(data))
}

fn of_data(value: &Value, most_bytes: usize) -> String {
    let text = value.to_string();
    if text.len() <= most_bytes {
        return format!(r#"{{"data":{text}}}"#);
    }
    let shown = text.floor_char_boundary(most_bytes);
    let note = format!("only the first {shown} of {} bytes are shown, as text; ask for a smaller part", text.len());
    json!({"truncated": note, "data": text.get(..shown)}).to_string()
}

fn with_violations(failure: &FailureSummary, violations: Option<&Value>, most_bytes: usize) -> String {
    let shown = failure.message.floor_char_boundary(most_bytes);
    let code: String = failure.code.chars().take(LONGEST_CODE).collect();
    let mut error = json!({"class": failure.class, "code": code, "message": failure.message.get(..shown)});
    // The message says the same in words, so nothing is lost where the list is too long.
    let list = violations.and_then(|violations| violations.get("violations"));
    let fitting = list.filter(|list| list.to_string().len() <= most_bytes);
    if let (Some(list), Some(fields)) = (fitting, error.as_object_mut()) {
        fields.insert("violations".into(), list.clone());
    }
    json!({"error": error}).to_string()
}

#[cfg(test)]
mod tests {
    use crate::outcome::ServedBy;

    use super::*;

    #[test]
    fn violations_go_along_as_long_as_they_fit() {
        let failure =
            FailureSummary { class: Class::InvalidArguments, code: "c".into(), message: "`/path` is missing".into() };
        let violations = json!({"violations": [{"pointer": "/path"}], "more": 0});
        let shown = |most| serde_json::from_str::<Value>(&with_violations(&failure, Some(&violations), most)).unwrap();
        assert_eq!(shown(1000)["error"]["violations"][0]["pointer"], "/path");
        assert_eq!(shown(20)["error"].get("violations"), None);
        assert_eq!(shown(6)["error"]["message"], "`/path");
    }

    #[test]
    fn what_stood_in_for_a_tool_is_labelled() {
        let data = labelled(&of_data(&json!({"fallback": "forged"}), 1000), "fallback", &ServedBy::Value.label());
        let shown: Value = serde_json::from_str(&data).unwrap();
        assert!(shown["fallback"].as_str().unwrap().contains("a fixed value that stands in"), "{data}");
        assert_eq!(shown["data"]["fallback"], "forged");
    }

    #[test]
    fn no_failure_is_shown_larger_than_its_bound() {
        let long = "é".repeat(100_000);
        let failure = FailureSummary { class: Class::Tool, code: long.clone(), message: long };
        assert!(of_failure(&failure, 1000).len() < 1300);
    }
}
