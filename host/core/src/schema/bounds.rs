//! What is checked of a schema before anything else looks at it: size, depth, dialect, number of regular expressions.
//!
//! The compiler recurses over the schema and builds an automaton per pattern; these bounds keep both small.

use jsonschema::Draft;
use serde_json::Value;

use super::Error;

/// Longest schema, as compact text. The largest of 1,504 real tool schemas has 2 KiB.
pub(super) const MAX_BYTES: usize = 64 << 10;

/// Deepest nesting of a schema: what compilers and validators recurse over.
pub(super) const MAX_DEPTH: usize = 64;

/// Most regular expressions in a schema.
pub(super) const MAX_PATTERNS: usize = 64;

/// Memory that all compiled regular expressions of a schema share, in bytes.
pub(super) const PATTERN_MEMORY: usize = 8 << 20;

/// What the walk over a schema found.
#[derive(Debug)]
pub(super) struct Survey {
    /// Its dialect.
    pub(super) draft: Draft,
    /// How many regular expressions it has.
    pub(super) patterns: usize,
}

/// Checks every bound.
pub(super) fn survey(schema: &Value) -> Result<Survey, Error> {
    if !matches!(schema, Value::Object(_) | Value::Bool(_)) {
        return Err(Error::NotASchema(kind(schema)));
    }
    let patterns = count_patterns(schema, MAX_DEPTH)?;
    let bytes = schema.to_string().len();
    if bytes > MAX_BYTES {
        return Err(Error::TooLarge { bytes, limit: MAX_BYTES });
    }
    if patterns > MAX_PATTERNS {
        return Err(Error::TooManyPatterns { found: patterns, limit: MAX_PATTERNS });
    }
    Ok(Survey { draft: dialect(schema)?, patterns })
}

/// Recurses at most `levels` deep.
fn count_patterns(value: &Value, levels: usize) -> Result<usize, Error> {
    let below = levels.checked_sub(1).ok_or(Error::TooDeep(MAX_DEPTH))?;
    match value {
        Value::Array(items) => items.iter().map(|item| count_patterns(item, below)).sum(),
        Value::Object(fields) => {
            let own = usize::from(fields.get("pattern").is_some_and(Value::is_string))
                + fields.get("patternProperties").and_then(Value::as_object).map_or(0, serde_json::Map::len);
            fields.values().map(|field| count_patterns(field, below)).sum::<Result<usize, _>>().map(|sum| sum + own)
        }
        _ => Ok(0),
    }
}

fn dialect(schema: &Value) -> Result<Draft, Error> {
    let Some(named) = schema.get("$schema") else { return Ok(Draft::Draft202012) };
    let named = named.as_str().ok_or_else(|| Error::Dialect(named.to_string()))?;
    let plain = named.trim_end_matches('#').trim_start_matches("https://").trim_start_matches("http://");
    match plain {
        "json-schema.org/draft/2020-12/schema" => Ok(Draft::Draft202012),
        "json-schema.org/draft-07/schema" => Ok(Draft::Draft7),
        _ => Err(Error::Dialect(named.to_owned())),
    }
}

/// What JSON calls the type of `value`, with an article.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// How large a value is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extent {
    /// A scalar has 1.
    pub(super) depth: usize,
    /// How many values it is made of, itself included.
    pub(super) parts: u64,
}

impl Extent {
    /// Measures a value: one walk over all of it.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::around(items.iter()),
            Value::Object(fields) => Self::around(fields.values()),
            // A long string takes longer than a short one: a pattern looks at all of it.
            Value::String(text) => Self { depth: 1, parts: 1 + text.len() as u64 / 64 },
            _ => Self { depth: 1, parts: 1 },
        }
    }

    fn around<'a>(parts: impl Iterator<Item = &'a Value>) -> Self {
        let whole = Self { depth: 0, parts: 0 };
        let inner = parts
            .map(Self::of)
            .fold(whole, |sum, part| Self { depth: sum.depth.max(part.depth), parts: sum.parts + part.parts });
        Self { depth: inner.depth + 1, parts: inner.parts + 1 }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_bound_is_named_where_it_is_crossed() {
        let deep = (0..70).fold(json!({}), |inner, _| json!({ "not": inner }));
        assert_eq!(survey(&deep).err(), Some(Error::TooDeep(MAX_DEPTH)));
        let long = json!({ "description": "x".repeat(MAX_BYTES) });
        assert!(matches!(survey(&long), Err(Error::TooLarge { limit: MAX_BYTES, .. })));
        let many: serde_json::Map<_, _> = (0..65).map(|n| (n.to_string(), json!(true))).collect();
        assert!(matches!(survey(&json!({ "patternProperties": many })), Err(Error::TooManyPatterns { found: 65, .. })));
        assert_eq!(survey(&json!(3)).err(), Some(Error::NotASchema("a number")));
    }

    #[test]
    fn two_dialects_are_known_however_their_name_is_spelled() {
        for (name, draft) in [
            ("https://json-schema.org/draft/2020-12/schema", Draft::Draft202012),
            ("http://json-schema.org/draft-07/schema#", Draft::Draft7),
            ("https://json-schema.org/draft-07/schema", Draft::Draft7),
        ] {
            assert_eq!(survey(&json!({ "$schema": name })).unwrap().draft, draft, "{name}");
        }
        for name in ["http://json-schema.org/draft-04/schema#", "https://example.org/mine", ""] {
            assert_eq!(survey(&json!({ "$schema": name })).err(), Some(Error::Dialect(name.to_owned())));
        }
    }
}
