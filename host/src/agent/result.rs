//! What a model is shown of a call's outcome: JSON text, bounded, with data and errors told apart.
//!
//! Only the parts of an outcome that are meant for a model get here: no detail, no log, nothing that a guest printed.

use serde_json::json;
use toolhold_core::outcome::{CallReport, Outcome};

use super::report::FailureSummary;

/// The outcome of a call that reached the host.
pub(crate) fn of_call(report: &CallReport, most_bytes: usize) -> String {
    match &report.outcome {
        Outcome::Success(value) => {
            let text = value.to_string();
            if text.len() <= most_bytes {
                return format!(r#"{{"data":{text}}}"#);
            }
            let shown = text.floor_char_boundary(most_bytes);
            let note =
                format!("only the first {shown} of {} bytes are shown, as text; ask for a smaller part", text.len());
            json!({"truncated": note, "data": text.get(..shown)}).to_string()
        }
        Outcome::Failure(failure) => of_failure(
            &FailureSummary { class: failure.class, code: failure.code.clone(), message: failure.message.clone() },
            most_bytes,
        ),
    }
}

/// A failure, wherever it comes from.
pub(crate) fn of_failure(failure: &FailureSummary, most_bytes: usize) -> String {
    let shown = failure.message.floor_char_boundary(most_bytes);
    let code: String = failure.code.chars().take(100).collect();
    json!({"error": {"class": failure.class, "code": code, "message": failure.message.get(..shown)}}).to_string()
}
