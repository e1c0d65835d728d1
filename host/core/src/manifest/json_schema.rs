//! The JSON Schema of a manifest, for editors: generated from the table of keys that the checker walks.
//!
//! It says what is in reach of JSON Schema: keys, types, words, the form of strings. What takes a compiler (patterns, `when`)
//! or more than one key is left to `toolhold manifest check`.

use serde_json::{Map, Value, json};

use crate::limit::Unit;

use super::amount;
use super::keys::{Key, MANIFEST, Otherwise, Shape, TABLES, Table};
use super::text::Text;

/// The schema, in JSON Schema 2020-12.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = table(&MANIFEST);
    if let Value::Object(fields) = &mut schema {
        fields.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        fields.insert("title".into(), "Toolhold permission manifest, version 1".into());
        fields.insert("$defs".into(), amounts().into_iter().chain(texts()).collect::<Map<_, _>>().into());
    }
    schema
}

fn table(table: &Table) -> Value {
    let properties: Map<String, Value> = table.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<_> =
        table.keys.iter().filter(|key| matches!(key.otherwise, Otherwise::Required)).map(|key| key.name).collect();
    json!({ "type": "object", "description": table.doc, "properties": properties, "required": required, "additionalProperties": false })
}

fn property(key: &Key) -> Value {
    let mut schema = shape(&key.shape);
    if let Value::Object(fields) = &mut schema {
        let otherwise = match key.otherwise {
            Otherwise::Required => "required".to_owned(),
            Otherwise::Is(words) => format!("default: {words}"),
            Otherwise::Amount(number) => match key.shape {
                Shape::Amount { unit, .. } => format!("default: {}", amount::show(number, unit)),
                _ => format!("default: {number}"),
            },
        };
        fields.insert("description".into(), format!("{} ({otherwise})", key.doc).into());
    }
    schema
}

fn shape(shape: &Shape) -> Value {
    match shape {
        Shape::Version => json!({ "const": 1 }),
        Shape::Text(kind) => string(kind),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Choice(words) => json!({ "enum": words.iter().map(|(word, _)| word).collect::<Vec<_>>() }),
        Shape::Amount { unit, least } => json!({ "$ref": format!("#/$defs/{}", amount_name(*unit, *least)) }),
        Shape::List { of, may_be_empty } => {
            json!({ "type": "array", "items": string(of), "minItems": u8::from(!may_be_empty) })
        }
        Shape::Numbers { least, most, .. } => json!({
            "type": "array", "items": { "type": "integer", "minimum": least, "maximum": most }, "minItems": 1
        }),
        Shape::Map { key, of } => {
            json!({ "type": "object", "propertyNames": string(key), "additionalProperties": self::shape(of) })
        }
        Shape::Table(known) => table(known),
        Shape::Tables(known) => json!({ "type": "array", "items": table(known) }),
        Shape::Condition => json!({ "type": "object" }),
        Shape::Json => json!({}),
    }
}

fn string(kind: &Text) -> Value {
    if kind.pattern.is_empty() {
        return json!({ "type": "string" });
    }
    json!({ "$ref": format!("#/$defs/{}", text_name(kind)) })
}

/// Each form of text once, as [`amounts`]: what reads a schema bounds its patterns.
fn texts() -> Map<String, Value> {
    let keys = TABLES.iter().flat_map(|table| table.keys);
    let kinds = keys.flat_map(|key| kinds(&key.shape)).filter(|kind| !kind.pattern.is_empty());
    kinds.map(|kind| (text_name(kind), json!({ "type": "string", "pattern": kind.pattern }))).collect()
}

/// The kinds of text in a shape, but for the tables in it, which are walked by themselves.
fn kinds(shape: &Shape) -> Vec<&'static Text> {
    match shape {
        Shape::Text(kind) | Shape::List { of: kind, .. } => vec![kind],
        Shape::Map { key, of } => std::iter::once(*key).chain(kinds(of)).collect(),
        _ => Vec::new(),
    }
}

fn text_name(kind: &Text) -> String {
    let words = kind.what.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// Each form of amount once: most keys of a manifest are amounts.
fn amounts() -> Map<String, Value> {
    let keys = TABLES.iter().flat_map(|table| table.keys);
    let form = |key: &Key| match key.shape {
        Shape::Amount { unit, least } => Some((amount_name(unit, least), amount(unit, least))),
        _ => None,
    };
    keys.filter_map(form).collect()
}

fn amount_name(unit: Unit, least: u64) -> String {
    let unit = match unit {
        Unit::Count => "count",
        Unit::Bytes => "bytes",
        Unit::Micros => "time",
        Unit::MicroDollars => "money",
    };
    if least == 0 { unit.to_owned() } else { format!("{unit}-from-{least}") }
}

/// A time and a sum of money always have a unit; the others may be plain integers.
fn amount(unit: Unit, least: u64) -> Value {
    let suffixes: Vec<_> = amount::suffixes(unit).iter().map(|(suffix, _)| *suffix).collect();
    let needs_unit = matches!(unit, Unit::Micros | Unit::MicroDollars);
    let optional = if needs_unit { "" } else { "?" };
    let text = json!({ "type": "string", "pattern": format!("^[0-9][0-9_]* *({}){optional}$", suffixes.join("|")) });
    if needs_unit { text } else { json!({ "anyOf": [{ "type": "integer", "minimum": least }, text] }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_forms_of_text_have_one_name() {
        let known = texts();
        for kind in TABLES.iter().flat_map(|table| table.keys).flat_map(|key| kinds(&key.shape)) {
            let pattern = known.get(&text_name(kind)).and_then(|form| form.get("pattern")?.as_str());
            assert_eq!(pattern.unwrap_or_default(), kind.pattern, "{}", kind.what);
        }
    }
}
