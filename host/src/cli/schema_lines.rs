//! The arguments of a tool, as lines for a person: what each is, which values it takes, and the fields of objects.

use serde_json::Value;
use toolhold_core::escape;

/// Objects within each other that are shown. Deeper ones are in the schema.
const DEPTH: usize = 3;

/// Values of an enumeration that are shown.
const VALUES: usize = 12;

/// A line per argument of a JSON Schema of an object, and below it one per field. What stands in it was written by a stranger.
pub(super) fn lines(schema: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    fields(schema, "--", 0, &mut lines);
    lines
}

fn fields(schema: &Value, mark: &str, depth: usize, lines: &mut Vec<String>) {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    for (name, property) in properties {
        let required = if is_required(schema, name) { ", required" } else { "" };
        let about = property.get("description").and_then(Value::as_str).unwrap_or_default();
        // It stands in one line; what a line break would set apart is set apart by a space.
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        let (indent, name, kind) = ("  ".repeat(depth), escape::line(name), kind(property));
        lines.push(format!("{indent}{mark}{name} ({kind}{required})  {}", escape::line(&about)).trim_end().to_owned());
        if depth < DEPTH {
            fields(property, ".", depth + 1, lines);
            property.get("items").into_iter().for_each(|item| fields(item, "[].", depth + 1, lines));
        }
    }
}

fn is_required(schema: &Value, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|required| required.iter().any(|entry| entry == name))
}

fn kind(schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values_of(values);
    }
    if let Some(value) = schema.get("const") {
        return values_of(std::slice::from_ref(value));
    }
    match schema.get("type") {
        Some(Value::String(kind)) if kind == "array" => match schema.get("items").filter(|items| items.is_object()) {
            Some(items) => format!("array of {}", self::kind(items)),
            None => "array".to_owned(),
        },
        Some(Value::String(kind)) => escape::line(kind).into_owned(),
        Some(Value::Array(kinds)) => {
            let kinds: Vec<_> = kinds.iter().filter_map(Value::as_str).collect();
            escape::line(&kinds.join(" or ")).into_owned()
        }
        _ => "any of several".to_owned(),
    }
}

/// `one of "a", "b"`, each as JSON.
fn values_of(values: &[Value]) -> String {
    let shown: Vec<_> = values.iter().take(VALUES).map(|value| escape::line(&value.to_string()).into_owned()).collect();
    let more = values.len().saturating_sub(VALUES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    match values {
        [_] => shown.concat(),
        _ => format!("one of {}{more}", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_fields_and_lines_of_a_description_are_shown() {
        let schema = json!({
            "properties": {
                "mode": {"enum": ["fast", "safe"], "description": "How.\nCareful   otherwise."},
                "edits": {"type": "array", "items": {"type": "object", "required": ["old"], "properties": {
                    "old": {"type": "string"}, "all": {"type": ["boolean", "null"]},
                }}},
                "place": {"type": "object", "properties": {"line": {"type": "integer"}, "kind": {"const": "end"}}},
                "free": {},
            },
            "required": ["mode"],
        });
        let expected = [
            "--mode (one of \"fast\", \"safe\", required)  How. Careful otherwise.",
            "--edits (array of object)",
            "  [].old (string, required)",
            "  [].all (boolean or null)",
            "--place (object)",
            "  .line (integer)",
            "  .kind (\"end\")",
            "--free (any of several)",
        ];
        assert_eq!(lines(&schema), expected);
    }

    #[test]
    fn what_a_stranger_wrote_is_shown_and_not_obeyed_and_deep_schemas_end() {
        let mut schema = json!({"type": "string", "enum": (0..100).collect::<Vec<_>>()});
        for _ in 0..50 {
            schema = json!({"type": "object", "properties": {"a\u{1b}[2J": schema}});
        }
        let lines = lines(&schema);
        assert_eq!(lines.len(), DEPTH + 1);
        assert!(lines.iter().all(|line| !line.chars().any(char::is_control)), "{lines:?}");
        let many = kind(&json!({"enum": (0..100).collect::<Vec<_>>()}));
        assert!(many.ends_with("and 88 more"), "{many}");
    }
}
