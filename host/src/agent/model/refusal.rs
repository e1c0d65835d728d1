//! Reads what a provider says when it does not answer: statuses, error bodies, and how long to wait.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::Error;

/// Characters of a provider's message that are kept.
const MESSAGE_CHARS: usize = 500;

/// The error of an answer with a status other than success.
pub(super) fn status(status: u16, headers: &HeaderMap, body: &str) -> Error {
    let parsed = serde_json::from_str::<Value>(body).ok();
    let (code, message) = parsed.as_ref().and_then(words).unwrap_or_else(|| (String::new(), shortened(body)));
    let message = if message.is_empty() { "no reason given".into() } else { message };
    let passing = is_passing_status(status) && !is_final_code(&code);
    Error::Status { status, message, retry_after: retry_after(headers), passing }
}

/// The error that an answer with a status of success holds, if it does.
pub(super) fn reported(answer: &Value) -> Option<Error> {
    let error = answer.get("error").filter(|error| !error.is_null() && **error != Value::Bool(false))?;
    let (code, message) = words(answer).unwrap_or_else(|| (String::new(), shortened(&error.to_string())));
    Some(failed(code, message))
}

/// The error that `body` is, in whichever form.
pub(super) fn report(body: &Value) -> Error {
    let (code, message) = words(body).unwrap_or_else(|| (String::new(), "no reason given".into()));
    failed(code, message)
}

fn failed(code: String, message: String) -> Error {
    let passing = code.parse().map_or_else(|_| is_passing_code(&code), is_passing_status);
    Error::Reported { code, message, passing }
}

/// Statuses after which the same request may work.
fn is_passing_status(status: u16) -> bool {
    matches!(status, 408 | 409 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=524 | 529)
}

fn is_passing_code(code: &str) -> bool {
    ["overloaded", "rate_limit", "server_error", "api_error", "timeout", "unavailable"]
        .iter()
        .any(|word| code.contains(word))
}

/// Codes that come with a passing status and still will not pass.
fn is_final_code(code: &str) -> bool {
    matches!(code, "insufficient_quota" | "billing_hard_limit_reached" | "access_terminated")
}

/// Code and message in any of the forms that providers use.
fn words(body: &Value) -> Option<(String, String)> {
    let error = body.get("error").unwrap_or(body);
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let named = |names: &[&str]| names.iter().find_map(|name| error.get(name).and_then(text));
    let message = named(&["message", "detail", "error", "msg"]).or_else(|| text(error))?;
    let code = named(&["code", "type", "status"]).unwrap_or_default();
    Some((code.chars().take(60).collect(), shortened(&message)))
}

/// How long the provider wants to be left alone: in milliseconds, in seconds, or until a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| text(name)?.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    if let Some(millis) = number("retry-after-ms") {
        return Duration::try_from_secs_f64(millis / 1000.0).ok();
    }
    if let Some(seconds) = number("retry-after") {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    // A date is compared with the server's own clock, so that ours does not matter.
    let date = |name: &str| Some(jiff::fmt::rfc2822::parse(text(name)?).ok()?.timestamp());
    let wait = date("retry-after")?.duration_since(date("date")?);
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

fn shortened(text: &str) -> String {
    text.trim().chars().take(MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_wait_is_read_in_all_its_forms() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (pairs, expected) in [
            (vec![("retry-after", "7")], Some(Duration::from_secs(7))),
            (vec![("retry-after", "1.5")], Some(Duration::from_millis(1500))),
            (vec![("retry-after-ms", "250"), ("retry-after", "7")], Some(Duration::from_millis(250))),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"), date], Some(Duration::from_secs(60))),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:40:37 GMT"), date], Some(Duration::ZERO)),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")], None),
            (vec![("retry-after", "-1")], None),
            (vec![("retry-after", "inf")], None),
            (vec![("retry-after", "soon")], None),
            (vec![("retry-after", "1e300")], None),
            (vec![], None),
        ] {
            assert_eq!(retry_after(&headers(&pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn only_what_can_pass_is_passing() {
        for (code, body, passing) in [
            (429, r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#, true),
            (429, r#"{"error":{"message":"pay","code":"insufficient_quota"}}"#, false),
            (529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, true),
            (503, "<html>busy</html>", true),
            (500, "", true),
            (400, r#"{"error":"bad request"}"#, false),
            (401, r#"{"detail":"who are you"}"#, false),
            (302, "", false),
        ] {
            let error = status(code, &HeaderMap::new(), body);
            assert!(matches!(error, Error::Status { passing: is, .. } if is == passing), "{code} {body}: {error:?}");
        }
    }

    #[test]
    fn an_error_within_a_success_is_found_in_any_form() {
        for (body, code, passing) in [
            (r#"{"error":{"message":"x","code":429}}"#, "429", true),
            (r#"{"error":{"message":"x","code":"502"}}"#, "502", true),
            (r#"{"error":{"message":"x","type":"overloaded_error"}}"#, "overloaded_error", true),
            (r#"{"error":{"message":"x","type":"invalid_request_error"}}"#, "invalid_request_error", false),
            (r#"{"error":"x"}"#, "", false),
            (r#"{"error":{"strange":[1]}}"#, "", false),
        ] {
            let found = reported(&serde_json::from_str(body).unwrap());
            let Some(Error::Reported { code: is, passing: may, .. }) = found else { panic!("{body}") };
            assert_eq!((is.as_str(), may), (code, passing), "{body}");
        }
        assert_eq!(reported(&serde_json::json!({"error": null, "choices": []})), None);
    }
}
