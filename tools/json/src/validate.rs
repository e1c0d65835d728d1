//! `validate`: a document against a JSON Schema, with every violation.

use jsonschema::{Retrieve, Uri};
use toolhold_sdk::prelude::*;

use crate::document::Document;

/// Violations returned.
const MAX_VIOLATIONS: usize = 100;
/// Bytes of a violation's words: they repeat what is wrong, which may be large.
const MAX_MESSAGE_BYTES: usize = 400;

/// One thing that is not as the schema says.
#[output]
pub(crate) struct Violation {
    /// JSON pointer of the place in the document; empty for the whole.
    path: String,
    /// What is wrong.
    message: String,
    /// JSON pointer of the rule in the schema.
    rule: String,
}

/// Whether a document is as a schema says.
#[output]
pub(crate) struct Verdict {
    /// True if nothing is wrong.
    valid: bool,
    /// What is wrong, at most 100 things.
    violations: Vec<Violation>,
    /// True if there are more.
    truncated: bool,
}

/// Checks a document against a JSON Schema (drafts 4 to 2020-12) and names every violation with its place.
#[tool(
    title = "Validate JSON",
    hints(read_only, idempotent),
    needs(read("/**", "reads the files it is asked to validate"))
)]
pub(crate) fn validate(
    /// Exactly one of `value`, `text` and `path`.
    document: Document,
    /// The schema: exactly one of `value`, `text` and `path`.
    schema: Document,
    /// Hold `format` against texts too: dates, addresses and others.
    #[serde(default)]
    formats: bool,
) -> Result<Verdict> {
    let (value, schema) = (document.value()?, schema.value()?);
    let validator =
        jsonschema::options().with_retriever(Refuse).should_validate_formats(formats).build(&schema).map_err(
            |problem| Error::invalid_args(format!("`schema` is no JSON Schema: {}", short(&problem.to_string()))),
        )?;
    let mut violations: Vec<Violation> = validator
        .iter_errors(&value)
        .take(MAX_VIOLATIONS + 1)
        .map(|problem| Violation {
            path: problem.instance_path().to_string(),
            message: short(&problem.to_string()),
            rule: problem.schema_path().to_string(),
        })
        .collect();
    let truncated = violations.len() > MAX_VIOLATIONS;
    violations.truncate(MAX_VIOLATIONS);
    Ok(Verdict { valid: violations.is_empty(), violations, truncated })
}

/// Nothing is fetched: a schema with everything it refers to is given.
struct Refuse;

impl Retrieve for Refuse {
    fn retrieve(&self, uri: &Uri<String>) -> std::result::Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("`{uri}` is not fetched; put it below `$defs`").into())
    }
}

fn short(text: &str) -> String {
    match text.get(..text.floor_char_boundary(MAX_MESSAGE_BYTES)) {
        Some(start) if start.len() < text.len() => format!("{start}…"),
        _ => text.to_owned(),
    }
}
