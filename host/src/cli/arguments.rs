//! The arguments of a call on a command line: JSON, `@file`, `-` for standard input, or `key=value` pairs.
//!
//! The tool's schema says what a `value` is: where a string is allowed it is taken literally, so that `path=007` stays
//! text; elsewhere it is read as JSON. `key:=JSON` is always JSON, `key=@file` is the text of a file.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

/// The JSON object that `words` spell, as text.
///
/// # Errors
///
/// Says which word is wrong and what is expected.
pub(super) fn parse(words: &[String], schema: &Value) -> anyhow::Result<String> {
    match words {
        [] => Ok("{}".to_owned()),
        [one] if one == "-" => from_stdin(),
        [one] if one.starts_with('@') => read(one.trim_start_matches('@')),
        [one] if one.trim_start().starts_with('{') => Ok(one.clone()),
        pairs => Ok(Value::Object(from_pairs(pairs, schema)?).to_string()),
    }
}

fn from_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("standard input cannot be read as UTF-8 text")?;
    Ok(text)
}

fn read(path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(Path::new(path)).with_context(|| format!("`{path}` cannot be read as UTF-8 text"))
}

fn from_pairs(pairs: &[String], schema: &Value) -> anyhow::Result<Map<String, Value>> {
    let mut map = Map::new();
    for pair in pairs {
        let Some((key, value)) = pair.split_once('=') else {
            bail!("`{pair}` is not an argument: write `key=value`, `key:=JSON`, a JSON object, `@file` or `-`");
        };
        let (key, value) = match key.strip_suffix(':') {
            Some(key) => {
                (key, serde_json::from_str(value).with_context(|| format!("the value of `{key}:=` is not JSON"))?)
            }
            None => (key, literal(key, value, schema)?),
        };
        if map.insert(key.to_owned(), value).is_some() {
            bail!("`{key}` is given twice");
        }
    }
    Ok(map)
}

fn literal(key: &str, value: &str, schema: &Value) -> anyhow::Result<Value> {
    if let Some(path) = value.strip_prefix('@') {
        return Ok(Value::String(read(path)?));
    }
    let text = Value::String(value.to_owned());
    if allows_string(schema.pointer("/properties").and_then(|properties| properties.get(key))) {
        return Ok(text);
    }
    Ok(serde_json::from_str(value).unwrap_or(text))
}

/// Whether a string conforms to the property's declared type. An unknown property is text: validation will name it.
fn allows_string(property: Option<&Value>) -> bool {
    let Some(property) = property else { return true };
    match property.get("type") {
        Some(Value::String(kind)) => kind == "string",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
        _ => ["anyOf", "oneOf"]
            .iter()
            .filter_map(|key| property.get(*key)?.as_array())
            .flatten()
            .any(|option| allows_string(Some(option))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Value {
        let schema = serde_json::json!({"properties": {
            "path": {"type": "string"}, "limit": {"type": "integer"}, "glob": {"type": ["array", "null"]},
            "deep": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        }});
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        serde_json::from_str(&parse(&words, &schema).unwrap()).unwrap()
    }

    #[test]
    fn the_schema_says_what_a_value_is() {
        assert_eq!(
            parsed(&["path=007", "limit=3", "glob=[\"a\"]", "deep=true"]),
            serde_json::json!({"path": "007", "limit": 3, "glob": ["a"], "deep": "true"})
        );
    }

    #[test]
    fn json_is_taken_as_it_is() {
        assert_eq!(parsed(&["{\"a\": [1]}"]), serde_json::json!({"a": [1]}));
        assert_eq!(parsed(&["path:=[1]"]), serde_json::json!({"path": [1]}));
        assert_eq!(parsed(&[]), serde_json::json!({}));
    }

    #[test]
    fn a_word_that_is_no_argument_is_named() {
        let error = parse(&["oops".to_owned()], &Value::Null).unwrap_err();
        assert!(error.to_string().contains("`oops`"), "{error}");
        assert!(parse(&["a=1".to_owned(), "a=2".to_owned()], &Value::Null).unwrap_err().to_string().contains("twice"));
    }
}
