//! Values and schemas in few words, for messages to a model. Short, one line, no hidden character.

use serde_json::Value;

use crate::escape::short as shown;

/// Longest piece of a value that is quoted, in bytes.
const MAX_VALUE: usize = 60;

/// Most alternatives that are listed.
const MAX_LISTED: usize = 12;

/// A value with its type: `the string "3"`.
pub(super) fn with_type(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(_) => format!("the string {}", short(value)),
        Value::Array(items) => format!("an array of {}", counted(items.len() as u64, "item")),
        Value::Object(fields) => format!("an object with {}", counted(fields.len() as u64, "field")),
    }
}

/// A value as JSON text, cut.
pub(super) fn short(value: &Value) -> String {
    match value {
        // Cut before it is quoted: a megabyte is not written out to show sixty bytes.
        Value::String(text) if text.len() > MAX_VALUE => format!("\"{}\"", shown(text, MAX_VALUE)),
        Value::Array(items) if items.len() > MAX_LISTED => with_type(value),
        Value::Object(fields) if fields.len() > MAX_LISTED => with_type(value),
        _ => shown(&value.to_string(), MAX_VALUE).into_owned(),
    }
}

/// `"a", "b" or "c"`.
pub(super) fn alternatives<'a>(values: impl ExactSizeIterator<Item = &'a Value>) -> String {
    let total = values.len();
    let mut words: Vec<String> = values.take(MAX_LISTED).map(short).collect();
    if total > MAX_LISTED {
        return format!("{} or {} more", words.join(", "), total - MAX_LISTED);
    }
    match words.pop() {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
        None => String::new(),
    }
}

/// What a schema asks for in a word or two: `integer`, `array of string`, `one of "a" or "b"`.
pub(super) fn asked(schema: &Value) -> Option<String> {
    if let Some(constant) = schema.get("const") {
        return Some(short(constant));
    }
    if let Some(Value::Array(options)) = schema.get("enum") {
        return Some(alternatives(options.iter()));
    }
    match schema.get("type")? {
        Value::String(name) if name == "array" => {
            let item = schema.get("items").and_then(asked);
            Some(
                item.map_or_else(
                    || "array".to_owned(),
                    |item| shown(&format!("array of {item}"), MAX_VALUE).into_owned(),
                ),
            )
        }
        Value::String(name) => Some(name.clone()),
        Value::Array(names) => Some(names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")),
        _ => None,
    }
}

/// ` (string: the file to read)`, or nothing where the schema says nothing.
pub(super) fn note(schema: Option<&Value>) -> String {
    let Some(schema) = schema else { return String::new() };
    let description =
        schema.get("description").and_then(Value::as_str).map(|text| shown(text.trim(), 160).into_owned());
    match (asked(schema), description.filter(|text| !text.is_empty())) {
        (Some(asked), Some(text)) => format!(" ({asked}: {text})"),
        (Some(one), None) | (None, Some(one)) => format!(" ({one})"),
        (None, None) => String::new(),
    }
}

/// `1 item`, `2 items`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_short_and_say_their_type() {
        assert_eq!(with_type(&json!("3")), r#"the string "3""#);
        assert_eq!(with_type(&json!([1])), "an array of 1 item");
        let long = with_type(&json!("x".repeat(1 << 20)));
        assert!(long.len() < 120 && long.contains("1048516 bytes more"), "{long}");
        assert!(!with_type(&json!("a\u{202e}b\nc")).contains(['\u{202e}', '\n']));
    }

    #[test]
    fn lists_read_as_a_person_would_say_them() {
        let many: Vec<_> = (0..20).map(Value::from).collect();
        assert_eq!(alternatives([json!("a"), json!("b")].iter()), r#""a" or "b""#);
        assert!(alternatives(many.iter()).ends_with("11 or 8 more"));
        assert_eq!(
            note(Some(&json!({"type": "array", "items": {"type": "string"}, "description": "the files"}))),
            " (array of string: the files)"
        );
        assert_eq!(note(Some(&json!(true))), "");
    }
}
