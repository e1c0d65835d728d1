//! The first place where two JSON values differ.

use std::fmt;

use serde_json::Value;
use toolhold_core::redact::REDACTED;

/// Characters of a value that are shown.
const SHOWN: usize = 120;

/// A place and what stands there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pointer: String,
    recorded: Option<String>,
    now: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.as_ref().map_or("nothing".to_owned(), |value| format!("`{value}`"));
        let place = if self.pointer.is_empty() { "the top" } else { &self.pointer };
        write!(out, "at `{place}` was {}, and now is {}", shown(&self.recorded), shown(&self.now))
    }
}

/// The first difference in the order of what was recorded. `[redacted]` in a recorded text stands for any text.
pub(super) fn difference(recorded: &Value, now: &Value) -> Option<Difference> {
    find(Some(recorded), Some(now), &mut String::new())
}

fn find(recorded: Option<&Value>, now: Option<&Value>, pointer: &mut String) -> Option<Difference> {
    match (recorded, now) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let mut known = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            known.find_map(|key| within(pointer, key, |pointer| find(one.get(key), other.get(key), pointer)))
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => (0..one.len().max(other.len()))
            .find_map(|at| within(pointer, &at.to_string(), |pointer| find(one.get(at), other.get(at), pointer))),
        (Some(Value::String(one)), Some(Value::String(other))) if fits(one, other) => None,
        // A value that was taken out as a whole.
        (Some(Value::String(one)), Some(_)) if one == REDACTED => None,
        (one, other) if one == other => None,
        (one, other) => Some(Difference { pointer: pointer.clone(), recorded: one.map(shown), now: other.map(shown) }),
    }
}

fn within<T>(pointer: &mut String, key: &str, find: impl FnOnce(&mut String) -> T) -> T {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
    let found = find(pointer);
    pointer.truncate(length);
    found
}

/// Whether `text` is `pattern` with some text for each `[redacted]`.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, mut pattern)) = pattern.split_once(REDACTED) else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(start) else { return false };
    while let Some((part, more)) = pattern.split_once(REDACTED) {
        let Some((_, after)) = rest.split_once(part) else { return false };
        (pattern, rest) = (more, after);
    }
    rest.ends_with(pattern)
}

/// The start of a value, on one line.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named_and_shown() {
        for (one, other, words) in [
            (
                json!({"a": [1, {"b/c": "x"}]}),
                json!({"a": [1, {"b/c": "y"}]}),
                r#"at `/a/1/b~1c` was `"x"`, and now is `"y"`"#,
            ),
            (json!({"a": 1}), json!({}), "at `/a` was `1`, and now is nothing"),
            (json!({}), json!({"a": 1}), "at `/a` was nothing, and now is `1`"),
            (json!([1]), json!([1, 2]), "at `/1` was nothing, and now is `2`"),
            (json!({"a": 1, "b": 1}), json!({"b": 2, "a": 2}), "at `/a`"),
            (json!(1), json!("1"), "at `the top`"),
            (json!({"a": null}), json!({}), "at `/a` was `null`, and now is nothing"),
        ] {
            let difference = difference(&one, &other).unwrap().to_string();
            assert!(difference.contains(words), "{difference}");
        }
        let long = difference(&json!("x".repeat(1000)), &json!("y")).unwrap().to_string();
        assert!(long.len() < 300 && long.contains('…'), "{long}");
    }

    #[test]
    fn what_is_the_same_has_none_and_what_was_redacted_may_be_anything() {
        for (one, other) in [
            (json!({"a": 1, "b": [true, null]}), json!({"b": [true, null], "a": 1})),
            (json!("key [redacted]!"), json!("key sk-1!")),
            (json!("[redacted] and [redacted]"), json!("a and b")),
            (json!("[redacted]"), json!({"a": 1})),
            (json!("[redacted]"), json!("[redacted]")),
        ] {
            assert_eq!(difference(&one, &other), None, "{one} {other}");
        }
        for (one, other) in [
            ("key [redacted]!", "key sk-1"),
            ("a[redacted]", "b"),
            ("[redacted] and [redacted]", "a or b"),
            ("a", "ab"),
        ] {
            assert!(difference(&json!(one), &json!(other)).is_some(), "{one} {other}");
        }
    }
}
