//! What a component says of its tools, from whichever place it says it, checked the same way.
//!
//! All of it comes from the component's author. Sizes are bounded here because a description is shown to a model with every
//! request; what it claims is judged elsewhere.

use std::collections::BTreeSet;

use serde_json::Value;
use toolhold_core::describe::{Description, EffectKind, Hints, Need, ToolInfo};
use toolhold_core::id;

use crate::bindings::toolhold::tool::types as wit;

/// Tools of one component.
const MAX_TOOLS: usize = 256;

/// Bytes of one tool's description, the part that a model reads.
const MAX_DESCRIPTION: usize = 4 << 10;

/// Bytes of a title.
const MAX_TITLE: usize = 256;

/// Bytes of a JSON Schema.
const MAX_SCHEMA: usize = 256 << 10;

/// Bytes of further facts.
const MAX_EXTRA: usize = 64 << 10;

/// Declared needs of one tool.
const MAX_NEEDS: usize = 64;

/// Bytes of a need's target or reason.
const MAX_NEED: usize = 1 << 10;

/// The only form of the section that exists.
const FORMAT: u32 = 1;

/// Why a description is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The section is not what `toolhold build` writes.
    #[error("the component's `toolhold:tool` section cannot be read: {0}")]
    Section(String),
    /// Another version of the section.
    #[error("the component's `toolhold:tool` section has format {0}; this host reads format {FORMAT}")]
    Format(u32),
    /// No tool, or too many.
    #[error("the component describes {0} tools; between 1 and {MAX_TOOLS} are allowed")]
    Count(usize),
    /// A tool's name is not one.
    #[error(transparent)]
    Name(#[from] id::Error),
    /// Two tools of the same name.
    #[error("the component describes two tools named `{0}`")]
    Duplicate(String),
    /// A part is too long.
    #[error("tool `{tool}`: {part} has {size} bytes; at most {most} are allowed")]
    TooLong {
        /// Which tool.
        tool: String,
        /// Which part.
        part: &'static str,
        /// Its size.
        size: usize,
        /// The bound.
        most: usize,
    },
    /// A part that should be a JSON object is not.
    #[error("tool `{tool}`: {part} is not the text of a JSON object: {why}")]
    Json {
        /// Which tool.
        tool: String,
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// A description from the text of the custom section or of the cache.
///
/// # Errors
///
/// [`Error`] if any part is not acceptable.
pub(crate) fn from_json(json: &[u8]) -> Result<Description, Error> {
    let description: Description = serde_json::from_slice(json).map_err(|error| Error::Section(error.to_string()))?;
    if description.format != FORMAT {
        return Err(Error::Format(description.format));
    }
    check(description)
}

/// The text that [`from_json`] reads.
pub(crate) fn to_json(description: &Description) -> Option<Vec<u8>> {
    serde_json::to_vec(description).ok()
}

/// A description from what `describe` returned.
///
/// # Errors
///
/// [`Error`] if any part is not acceptable.
pub(crate) fn from_guest(tools: Vec<wit::ToolInfo>) -> Result<Description, Error> {
    if tools.len() > MAX_TOOLS {
        return Err(Error::Count(tools.len()));
    }
    let tools = tools.into_iter().map(tool).collect::<Result<_, _>>()?;
    check(Description { format: FORMAT, tools })
}

fn tool(tool: wit::ToolInfo) -> Result<ToolInfo, Error> {
    let name: id::LocalName = tool.name.parse()?;
    let text = name.as_str();
    Ok(ToolInfo {
        title: tool.title,
        description: tool.description,
        input_schema: schema(text, "the input schema", &tool.input_schema)?,
        output_schema: tool.output_schema.map(|json| schema(text, "the output schema", &json)).transpose()?,
        hints: Hints {
            read_only: tool.hints.read_only,
            destructive: tool.hints.destructive,
            idempotent: tool.hints.idempotent,
            open_world: tool.hints.open_world,
        },
        needs: tool.needs.into_iter().map(need).collect(),
        extra: object(text, "`extra`", &tool.extra, MAX_EXTRA)?,
        name,
    })
}

fn need(need: wit::Need) -> Need {
    let effect = match need.effect {
        wit::Effect::Read => EffectKind::Read,
        wit::Effect::Write => EffectKind::Write,
        wit::Effect::Network => EffectKind::Network,
    };
    Need { effect, target: need.target, reason: need.reason }
}

fn schema(tool: &str, part: &'static str, json: &str) -> Result<Value, Error> {
    object(tool, part, json, MAX_SCHEMA).map(Value::Object)
}

fn object(tool: &str, part: &'static str, json: &str, most: usize) -> Result<serde_json::Map<String, Value>, Error> {
    within(tool, part, json.len(), most)?;
    serde_json::from_str(json).map_err(|error| Error::Json { tool: tool.into(), part, why: error.to_string() })
}

fn check(description: Description) -> Result<Description, Error> {
    if description.tools.is_empty() || description.tools.len() > MAX_TOOLS {
        return Err(Error::Count(description.tools.len()));
    }
    let mut names = BTreeSet::new();
    for tool in &description.tools {
        let name = tool.name.as_str();
        if !names.insert(name) {
            return Err(Error::Duplicate(name.into()));
        }
        within(name, "the description", tool.description.len(), MAX_DESCRIPTION)?;
        within(name, "the title", tool.title.len(), MAX_TITLE)?;
        within(name, "the list of needs", tool.needs.len(), MAX_NEEDS)?;
        for need in &tool.needs {
            within(name, "a need", need.target.len().max(need.reason.len()), MAX_NEED)?;
        }
        check_object(name, "the input schema", &tool.input_schema)?;
        tool.output_schema.iter().try_for_each(|schema| check_object(name, "the output schema", schema))?;
    }
    Ok(description)
}

fn check_object(tool: &str, part: &'static str, schema: &Value) -> Result<(), Error> {
    if schema.is_object() {
        within(tool, part, schema.to_string().len(), MAX_SCHEMA)
    } else {
        Err(Error::Json { tool: tool.into(), part, why: "it is something else".into() })
    }
}

fn within(tool: &str, part: &'static str, size: usize, most: usize) -> Result<(), Error> {
    if size > most { Err(Error::TooLong { tool: tool.into(), part, size, most }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str) -> wit::ToolInfo {
        wit::ToolInfo {
            name: name.into(),
            title: "T".into(),
            description: "D".into(),
            input_schema: r#"{"type":"object"}"#.into(),
            output_schema: None,
            hints: wit::Hints { read_only: true, destructive: false, idempotent: true, open_world: false },
            needs: vec![wit::Need { effect: wit::Effect::Read, target: "/**".into(), reason: "r".into() }],
            extra: "{}".into(),
        }
    }

    #[test]
    fn a_description_survives_the_cache() {
        let description = from_guest(vec![info("one"), info("two")]).unwrap();
        assert_eq!(from_json(&to_json(&description).unwrap()).unwrap(), description);
    }

    #[test]
    fn hostile_descriptions_are_refused_with_the_reason() {
        assert_eq!(from_guest(vec![]), Err(Error::Count(0)));
        assert_eq!(from_guest(vec![info("a"); 257]), Err(Error::Count(257)));
        assert_eq!(from_guest(vec![info("a"), info("a")]), Err(Error::Duplicate("a".into())));
        assert!(matches!(from_guest(vec![info("../x")]), Err(Error::Name(_))));
        let long = wit::ToolInfo { description: "x".repeat(4097), ..info("a") };
        assert!(matches!(from_guest(vec![long]), Err(Error::TooLong { part: "the description", .. })));
        let list = wit::ToolInfo { input_schema: "[]".into(), ..info("a") };
        assert!(matches!(from_guest(vec![list]), Err(Error::Json { part: "the input schema", .. })));
        let nested = wit::ToolInfo { input_schema: "[".repeat(100_000), ..info("a") };
        assert!(matches!(from_guest(vec![nested]), Err(Error::Json { .. })));
        let large = wit::ToolInfo { extra: format!("{{\"x\":\"{}\"}}", "x".repeat(70_000)), ..info("a") };
        assert!(matches!(from_guest(vec![large]), Err(Error::TooLong { part: "`extra`", .. })));
    }

    #[test]
    fn a_section_of_another_form_is_refused() {
        assert_eq!(from_json(br#"{"format":2,"tools":[]}"#), Err(Error::Format(2)));
        assert!(matches!(from_json(br#"{"format":1,"tools":[],"more":1}"#), Err(Error::Section(_))));
        assert!(matches!(from_json(b"\xff"), Err(Error::Section(_))));
    }
}
