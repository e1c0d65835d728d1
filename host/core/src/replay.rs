//! Compares a call with the same call made once more.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::effect::{Change, ChangeKind, EffectReport, Request, RequestState};
use crate::id::Digest;
use crate::limit::Limit;
use crate::limit::Usage;
use crate::outcome::Outcome;

/// What a call came to, as far as another one can be compared with it.
#[derive(Debug, Clone)]
pub struct Came<'a> {
    /// Its result or failure.
    pub outcome: &'a Outcome,
    /// What it did outside of its sandbox.
    pub effects: &'a EffectReport,
    /// Its fuel, where that is known.
    pub fuel: Option<u64>,
}

/// Something that is not the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// In what: `result`, `changes`, `requests`, `labels`, `fuel`.
    pub of: String,
    /// What it was. Any text: escape before showing.
    pub before: String,
    /// What it is now. Any text: escape before showing.
    pub after: String,
}

impl Difference {
    fn of(what: &str, before: impl Into<String>, after: impl Into<String>) -> Self {
        Self { of: what.to_owned(), before: before.into(), after: after.into() }
    }
}

/// Fuel of a call, if its use is known.
#[must_use]
pub fn fuel(usage: &Usage) -> u64 {
    usage.get(Limit::Fuel)
}

/// What differs. Nothing where both came to the same.
#[must_use]
pub fn differences(before: &Came<'_>, after: &Came<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    if !is_same(before.outcome, after.outcome) {
        found.push(Difference::of("result", in_words(before.outcome), in_words(after.outcome)));
    }
    lists("changes", before.effects.changes.iter().map(change), after.effects.changes.iter().map(change), &mut found);
    let (were, are) = (before.effects.requests.iter().map(request), after.effects.requests.iter().map(request));
    lists("requests", were, are, &mut found);
    let counts = |effects: &EffectReport| (effects.changes_left_out, effects.requests_left_out);
    if counts(before.effects) != counts(after.effects) {
        let words = |(changes, requests)| format!("{changes} further changes and {requests} further requests");
        found.push(Difference::of("changes", words(counts(before.effects)), words(counts(after.effects))));
    }
    let (were, are) = (before.effects.labels.iter(), after.effects.labels.iter());
    lists("labels", were.map(ToString::to_string), are.map(ToString::to_string), &mut found);
    if let (Some(was), Some(is)) = (before.fuel, after.fuel)
        && was != is
    {
        found.push(Difference::of("fuel", was.to_string(), is.to_string()));
    }
    found
}

/// What a person and a model see of both. What only the operator sees of a failure may name what is here today.
fn is_same(before: &Outcome, after: &Outcome) -> bool {
    match (before, after) {
        (Outcome::Success(before), Outcome::Success(after)) => before == after,
        (Outcome::Failure(before), Outcome::Failure(after)) => {
            (before.class, &before.code, &before.message) == (after.class, &after.code, &after.message)
        }
        _ => false,
    }
}

fn in_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Success(value) => Value::to_string(value),
        Outcome::Failure(failure) => format!("{}: {}", failure.code, failure.message),
    }
}

/// A change without its times, which are those of the moment, and without what was there before.
fn change(change: &Change) -> String {
    let kind = match &change.kind {
        ChangeKind::Created => "created".to_owned(),
        ChangeKind::Changed => "changed".to_owned(),
        ChangeKind::Deleted => "deleted".to_owned(),
        ChangeKind::Moved { from } => format!("moved from {from}"),
        ChangeKind::Metadata => "metadata".to_owned(),
    };
    let after = change.after.as_ref().map(|after| {
        let hash = after.sha256.as_ref().map(Digest::to_string).unwrap_or_default();
        format!(", {} bytes {hash}", after.size)
    });
    format!("{} {kind}{}", change.path, after.unwrap_or_default())
}

fn request(request: &Request) -> String {
    let state = match &request.state {
        RequestState::Refused { .. } => "refused".to_owned(),
        RequestState::Withheld => "withheld".to_owned(),
        RequestState::NotSent { .. } => "not sent".to_owned(),
        RequestState::Sent { .. } => "sent and not answered".to_owned(),
        RequestState::Answered { status } => format!("answered with {status}"),
    };
    format!("{} {} {state}, {} bytes", request.method, request.url, request.sent_bytes)
}

/// Place by place: the first that differs tells most, and the rest may follow from it.
fn lists(
    what: &str,
    before: impl Iterator<Item = String>,
    after: impl Iterator<Item = String>,
    found: &mut Vec<Difference>,
) {
    let (before, after): (Vec<_>, Vec<_>) = (before.collect(), after.collect());
    let nothing = || "nothing".to_owned();
    for index in 0..before.len().max(after.len()) {
        let (was, is) = (before.get(index), after.get(index));
        if was != is {
            let [was, is] = [was, is].map(|one| one.cloned().unwrap_or_else(nothing));
            found.push(Difference::of(what, was, is));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::effect::{Content, EntryKind, Properties};
    use crate::outcome::{Class, Failure};

    fn created(content: &[u8], modified: u64) -> Change {
        let after = Properties {
            kind: EntryKind::File,
            size: content.len() as u64,
            sha256: Some(Digest::of(content)),
            modified,
            mode: 0o644,
            target: None,
        };
        Change {
            path: "/work/a".into(),
            kind: ChangeKind::Created,
            before: None,
            after: Some(after),
            content: Content::Same,
        }
    }

    fn told(before: (&Outcome, &EffectReport, u64), after: (&Outcome, &EffectReport, u64)) -> Vec<String> {
        let came = |(outcome, effects, fuel)| Came { outcome, effects, fuel: Some(fuel) };
        differences(&came(before), &came(after)).into_iter().map(|difference| difference.of).collect()
    }

    #[test]
    fn what_is_the_same_but_for_the_moment_is_the_same() {
        let outcome = Outcome::Success(json!({"a": 1}));
        let at = |modified| EffectReport { changes: vec![created(b"x", modified)], ..EffectReport::default() };
        assert_eq!(told((&outcome, &at(1), 7), (&outcome, &at(2), 7)), [] as [&str; 0]);
        let failed = |detail: &str| Outcome::Failure(Failure::new(Class::Tool, "c", "m").with_detail(detail));
        let nothing = EffectReport::default();
        assert_eq!(told((&failed("a"), &nothing, 7), (&failed("b"), &nothing, 7)), [] as [&str; 0]);
    }

    #[test]
    fn each_kind_of_difference_is_told() {
        let outcome = Outcome::Success(json!(1));
        let nothing = EffectReport::default();
        let other = Outcome::Success(json!(2));
        assert_eq!(told((&outcome, &nothing, 7), (&other, &nothing, 8)), ["result", "fuel"]);
        let changes = |content: &[u8]| EffectReport { changes: vec![created(content, 1)], ..EffectReport::default() };
        assert_eq!(told((&outcome, &changes(b"x"), 7), (&outcome, &changes(b"y"), 7)), ["changes"]);
        assert_eq!(told((&outcome, &changes(b"x"), 7), (&outcome, &nothing, 7)), ["changes"]);
        let request = |state| EffectReport {
            requests: vec![Request::new("POST", "http://a/", state)],
            labels: ["private".parse().unwrap()].into(),
            ..EffectReport::default()
        };
        let (sent, refused) =
            (RequestState::Answered { status: 200 }, RequestState::Refused { why: "not on record".into() });
        assert_eq!(told((&outcome, &request(sent), 7), (&outcome, &request(refused), 7)), ["requests"]);
        let unlabelled = EffectReport { labels: std::collections::BTreeSet::new(), ..request(RequestState::Withheld) };
        assert_eq!(told((&outcome, &request(RequestState::Withheld), 7), (&outcome, &unlabelled, 7)), ["labels"]);
        let left_out = EffectReport { requests_left_out: 1, ..EffectReport::default() };
        assert_eq!(told((&outcome, &left_out, 7), (&outcome, &nothing, 7)), ["changes"]);
    }
}
