//! What a condition wants of one argument, at least.
//!
//! Only what follows from the schema for certain: where the argument is not so, the schema does not hold. Keywords beside those
//! that are read here can only restrict it further.

use serde_json::Value;

/// Signs that have a meaning in a regular expression.
const SIGNS: &str = r"\.+*?()|[]{}^$";

/// Signs that stand for themselves after a backslash.
const ESCAPED: &str = r"\.+*?()|[]{}^$/-";

/// What is wanted of an argument.
#[derive(Debug, PartialEq)]
pub(super) struct Needed<'a> {
    pub(super) argument: &'a str,
    /// Whether it has to be there.
    pub(super) required: bool,
    pub(super) what: What<'a>,
}

/// What an argument has to be, if it is there.
#[derive(Debug, PartialEq)]
pub(super) enum What<'a> {
    /// One of these texts and numbers.
    Is(&'a [Value]),
    /// Anything but a text, or a text that begins so.
    Begins(String),
}

impl<'a> Needed<'a> {
    /// The most telling of what a schema wants; `None` if nothing is for certain.
    pub(super) fn of(schema: &'a Value) -> Option<Self> {
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = schema.get("properties").and_then(Value::as_object)?;
        let needed = properties.iter().filter_map(|(name, schema)| {
            let required = required.contains(&name.as_str());
            What::of(schema).map(|what| Needed { argument: name, required, what })
        });
        needed.min_by_key(|needed| (matches!(needed.what, What::Begins(_)), !needed.required))
    }
}

impl<'a> What<'a> {
    fn of(schema: &'a Value) -> Option<Self> {
        let values = match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
            (Some(value), _) => Some(std::slice::from_ref(value)),
            (None, Some(values)) => Some(values.as_slice()),
            (None, None) => None,
        };
        let plain = |value: &Value| value.is_string() || number(value).is_some();
        if let Some(values) = values.filter(|values| values.iter().all(plain)) {
            return Some(Self::Is(values));
        }
        beginning(schema.get("pattern")?.as_str()?).map(Self::Begins)
    }
}

/// What is the same for equal numbers, however they are written. It may be the same for others.
pub(super) fn number(value: &Value) -> Option<u64> {
    // Zero has a sign that does not count.
    value.as_f64().map(|number| (number + 0.0).to_bits())
}

/// The text that everything begins with that a regular expression matches; `None` if it is empty or unclear.
fn beginning(pattern: &str) -> Option<String> {
    let mut rest = pattern.strip_prefix('^')?.chars().peekable();
    if pattern.contains('|') {
        return None;
    }
    let mut text = String::new();
    while let Some(sign) = rest.next() {
        let literal = match sign {
            '\\' => rest.next().filter(|sign| ESCAPED.contains(*sign)),
            sign => Some(sign).filter(|sign| !SIGNS.contains(*sign)),
        };
        // What may be left out begins nothing.
        let optional = matches!(rest.peek(), Some('?' | '*' | '{'));
        match literal.filter(|_| !optional) {
            Some(literal) => text.push(literal),
            None => break,
        }
    }
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_pattern_begins_with_is_read_as_far_as_it_is_certain() {
        for (pattern, expected) in [
            ("^/work/", Some("/work/")),
            ("^/work/a$", Some("/work/a")),
            (r"^a\.b\/c\-d", Some("a.b/c-d")),
            ("^ab?", Some("a")),
            ("^ab*", Some("a")),
            ("^ab{0,3}", Some("a")),
            ("^ab+", Some("ab")),
            (r"^a\.?", Some("a")),
            ("^a.b", Some("a")),
            (r"^a\d", Some("a")),
            (r"^a\b", Some("a")),
            ("^a[bc]", Some("a")),
            ("^a(?i)b", Some("a")),
            ("^ä+", Some("ä")),
            ("^a|^b", None),
            ("^(a|b)", None),
            ("^a?", None),
            ("^", None),
            ("^^a", None),
            ("a", None),
            ("(?i)^a", None),
        ] {
            assert_eq!(beginning(pattern).as_deref(), expected, "{pattern}");
        }
    }

    #[test]
    fn the_most_telling_argument_is_taken() {
        let texts = json!(["x"]);
        for (schema, argument) in [
            (json!({ "properties": { "a": { "pattern": "^x" }, "b": { "const": "x" } } }), Some("b")),
            (json!({ "properties": { "a": { "const": "x" }, "b": { "enum": texts } }, "required": ["b"] }), Some("b")),
            (json!({ "properties": { "a": { "const": null }, "b": { "pattern": "^x" } } }), Some("b")),
            (json!({ "properties": { "a": { "enum": ["x", null] } } }), None),
            (json!({ "properties": { "a": true } }), None),
            (json!({ "not": { "properties": { "a": { "const": "x" } } } }), None),
            (json!({ "anyOf": [{ "properties": { "a": { "const": "x" } } }] }), None),
            (json!(false), None),
        ] {
            assert_eq!(Needed::of(&schema).map(|needed| needed.argument), argument, "{schema}");
        }
    }

    #[test]
    fn equal_numbers_are_one() {
        let same = |left, right| number(&left) == number(&right);
        assert!(same(json!(1), json!(1.0)) && same(json!(0), json!(-0.0)) && same(json!(u64::MAX), json!(u64::MAX)));
        assert!(!same(json!(1), json!(2)) && number(&json!("1")).is_none());
    }
}
