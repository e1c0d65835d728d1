//! Compares what a call came to with what a case expects of it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::effect::{Change, ChangeKind, EntryKind, Request};
use crate::id::Digest;
use crate::outcome::{CallReport, Class, Failure, Outcome};
use crate::schema::CompiledSchema;

use super::{Case, Expected, ExpectedChange, ExpectedRequest};

/// What is in files after the call, by guest path, as far as it is known: to show it. Hashes decide.
pub type Contents = BTreeMap<String, String>;

/// One thing that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Of what, such as `result` or `change of /work/a.md`.
    pub of: String,
    /// What was expected; `None` where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What there is; `None` where nothing is. Any text: escape before showing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
}

impl Difference {
    fn new(of: impl Into<String>, expected: impl Into<Option<String>>, actual: impl Into<Option<String>>) -> Self {
        Self { of: of.into(), expected: expected.into(), actual: actual.into() }
    }
}

/// Everything that is not as `case` expects it. Nothing is: the case holds.
#[must_use]
pub fn judge(case: &Case, report: &CallReport, contents: &Contents) -> Vec<Difference> {
    let mut differences = outcome(&case.expected, &report.outcome);
    if is_thrown_away(&report.outcome) {
        differences.extend(changes(&case.changes, &[], contents));
        differences.extend(requests(&case.requests, &report.effects.requests));
        return differences;
    }
    differences.extend(changes(&case.changes, &report.effects.changes, contents));
    if report.effects.changes_left_out > 0 {
        let left_out = format!("{} more, which reports do not list", report.effects.changes_left_out);
        differences.push(Difference::new("changes", None, left_out));
    }
    differences.extend(requests(&case.requests, &report.effects.requests));
    differences
}

/// What a call that fails has staged never lands. One that ends at a request which a dry run may not send did not fail.
fn is_thrown_away(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failure(failure) if failure.class != Class::Withheld)
}

fn outcome(expected: &Expected, outcome: &Outcome) -> Vec<Difference> {
    match (expected, outcome) {
        (Expected::Success { exactly, schema, at }, Outcome::Success(value)) => {
            let mut differences = Vec::new();
            if let Some(exactly) = exactly.as_ref().filter(|exactly| !same(exactly, value)) {
                differences.push(Difference::new("result", pretty(exactly), pretty(value)));
            }
            differences.extend(schema.iter().filter_map(|schema| conforms(schema, value)));
            differences.extend(at.iter().filter_map(|(pointer, expected)| within(pointer, expected, value)));
            differences
        }
        (Expected::Success { exactly, .. }, Outcome::Failure(failure)) => {
            let expected = exactly.as_ref().map_or_else(|| "success".to_owned(), pretty);
            vec![Difference::new("result", expected, told(failure))]
        }
        (Expected::Failure { class, code, says }, Outcome::Failure(failure)) => {
            let same = class.is_none_or(|class| class == failure.class)
                && code.as_ref().is_none_or(|code| *code == failure.code)
                && says.as_ref().is_none_or(|says| failure.message.contains(says));
            if same { Vec::new() } else { vec![Difference::new("error", failing(expected), told(failure))] }
        }
        (Expected::Failure { .. }, Outcome::Success(value)) => {
            vec![Difference::new("error", failing(expected), format!("success: {}", pretty(value)))]
        }
    }
}

/// The same value: the order of keys has no meaning, and one number has several spellings.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

fn conforms(schema: &CompiledSchema, value: &Value) -> Option<Difference> {
    let violations = schema.validate(value).err()?;
    Some(Difference::new("result", format!("what conforms to `result-schema`: {violations}"), pretty(value)))
}

fn within(pointer: &str, expected: &Value, value: &Value) -> Option<Difference> {
    let actual = value.pointer(pointer);
    if actual.is_some_and(|actual| same(expected, actual)) {
        return None;
    }
    Some(Difference::new(format!("result at `{pointer}`"), pretty(expected), actual.map(pretty)))
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

fn told(failure: &Failure) -> String {
    format!("{} `{}`: {}", word(&failure.class), failure.code, failure.message)
}

fn failing(expected: &Expected) -> String {
    let Expected::Failure { class, code, says } = expected else { return String::new() };
    let class = class.as_ref().map_or_else(|| "a failure".to_owned(), word);
    let code = code.as_ref().map_or_else(String::new, |code| format!(" `{code}`"));
    let says = says.as_ref().map_or_else(String::new, |says| format!(" that says `{says}`"));
    format!("{class}{code}{says}")
}

/// The word that JSON has for it.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn changes(expected: &[ExpectedChange], actual: &[Change], contents: &Contents) -> Vec<Difference> {
    let missing = |expected: &ExpectedChange| match actual.iter().find(|actual| actual.path == expected.path) {
        Some(actual) => change(expected, actual, contents),
        None => Some(Difference::new(format!("change of {}", expected.path), expected.change.clone(), None)),
    };
    let is_surplus = |actual: &&Change| !expected.iter().any(|expected| expected.path == actual.path);
    let surplus = actual.iter().filter(is_surplus);
    let surplus = surplus.map(|actual| {
        let content = contents.get(&actual.path).map_or_else(String::new, |text| format!("\n{text}"));
        Difference::new(format!("change of {}", actual.path), None, format!("{}{content}", kind(actual)))
    });
    expected.iter().filter_map(missing).chain(surplus).collect()
}

/// What is different of one path for which a change is expected and there is one.
fn change(expected: &ExpectedChange, actual: &Change, contents: &Contents) -> Option<Difference> {
    let of = format!("change of {}", actual.path);
    let from = match &actual.kind {
        ChangeKind::Moved { from } => Some(from),
        _ => None,
    };
    let is_directory =
        actual.after.as_ref().or(actual.before.as_ref()).is_some_and(|entry| entry.kind == EntryKind::Directory);
    let is_moved_there = expected.from.as_ref().is_none_or(|expected| Some(expected) == from);
    if expected.change != kind(actual) || expected.is_directory != is_directory || !is_moved_there {
        let directory = |is: bool| if is { " directory" } else { "" };
        let origin = |from: Option<&String>| from.map_or_else(String::new, |from| format!(" from {from}"));
        let wanted =
            format!("{}{}{}", expected.change, directory(expected.is_directory), origin(expected.from.as_ref()));
        return Some(Difference::new(
            of,
            wanted,
            format!("{}{}{}", kind(actual), directory(is_directory), origin(from)),
        ));
    }
    let hash = actual.after.as_ref().and_then(|entry| entry.sha256);
    let known = || contents.get(&actual.path).cloned();
    let hashed = || hash.map_or_else(|| "too large to be compared".to_owned(), |hash| hash.to_string());
    if let Some(text) = expected.content.as_ref().filter(|text| hash != Some(Digest::of(text.as_bytes()))) {
        return Some(Difference::new(
            format!("content of {}", actual.path),
            text.clone(),
            known().unwrap_or_else(hashed),
        ));
    }
    let digest = expected.sha256.as_ref().map(|digits| format!("sha256:{digits}"));
    let digest = digest.filter(|digest| hash.map(|hash| hash.to_string()).as_ref() != Some(digest))?;
    Some(Difference::new(format!("content of {}", actual.path), digest, hashed()))
}

/// The word of reports.
fn kind(change: &Change) -> &'static str {
    match change.kind {
        ChangeKind::Created => "created",
        ChangeKind::Changed => "changed",
        ChangeKind::Deleted => "deleted",
        ChangeKind::Moved { .. } => "moved",
        ChangeKind::Metadata => "metadata",
    }
}

fn requests(expected: &[ExpectedRequest], actual: &[Request]) -> Option<Difference> {
    let fits = |(expected, actual): (&ExpectedRequest, &Request)| {
        expected.method == actual.method
            && expected.url == actual.url
            && expected.request.as_ref().is_none_or(|state| *state == state_of(actual))
    };
    if expected.len() == actual.len() && expected.iter().zip(actual).all(fits) {
        return None;
    }
    let wanted = |request: &ExpectedRequest| {
        let state = request.request.as_ref().map_or_else(String::new, |state| format!(" {state}"));
        format!("{} {}{state}", request.method, request.url)
    };
    let list = |lines: Vec<String>| (!lines.is_empty()).then(|| lines.join("\n"));
    let made = |request: &Request| format!("{} {} {}", request.method, request.url, state_of(request));
    let (wanted, made) = (expected.iter().map(wanted).collect(), actual.iter().map(made).collect());
    Some(Difference::new("requests", list(wanted), list(made)))
}

/// The word of reports.
fn state_of(request: &Request) -> String {
    let value = serde_json::to_value(&request.state).ok();
    value.and_then(|value| Some(value.get("request")?.as_str()?.to_owned())).unwrap_or_default()
}
