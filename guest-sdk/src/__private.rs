//! What the expansion of `#[tool]` calls. Not an interface for people: it changes with the macro.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::content::{self, Content};
use crate::{Effect, Error, Hints, Need, Result, ToolInfo, schema};

/// What `#[tool]` knows of a tool at compile time.
#[derive(Debug)]
pub struct Facts {
    /// Name of the tool.
    pub name: &'static str,
    /// Short name for people.
    pub title: &'static str,
    /// The doc comment.
    pub description: &'static str,
    /// Behaviour as the author sees it.
    pub hints: Hints,
    /// Effect, target and reason of each need.
    pub needs: &'static [(Effect, &'static str, &'static str)],
}

/// Any `Result` whose error becomes an [`Error`], so that a tool may use its own error type.
pub trait ToolResult {
    /// The type of a success.
    type Answer;
}

impl<T, E> ToolResult for std::result::Result<T, E> {
    type Answer = T;
}

/// The description of a tool, with its schemas.
#[must_use]
pub fn info<A: JsonSchema, R: JsonSchema>(facts: &Facts) -> ToolInfo {
    let need = |(effect, target, reason): &(Effect, &str, &str)| Need {
        effect: *effect,
        target: (*target).to_owned(),
        reason: (*reason).to_owned(),
    };
    let gives_content = R::schema_id() == Content::schema_id();
    ToolInfo {
        name: facts.name.to_owned(),
        title: facts.title.to_owned(),
        description: facts.description.to_owned(),
        input_schema: schema::input::<A>(),
        output_schema: Some(schema::output::<R>()),
        hints: facts.hints,
        needs: facts.needs.iter().map(need).collect(),
        extra: if gives_content { content::EXTRA } else { "{}" }.to_owned(),
    }
}

/// Arguments from the text of a JSON object.
///
/// # Errors
/// `invalid-args` with the place and the reason.
pub fn parse<A: DeserializeOwned>(arguments: &str) -> Result<A> {
    serde_json::from_str(arguments).map_err(|problem| Error::InvalidArgs(problem.to_string()))
}

/// A result as the text of a JSON value.
///
/// # Errors
/// The tool's own error, or `failed` if the value has no JSON form.
pub fn answer<T: Serialize, E: Into<Error>>(result: std::result::Result<T, E>) -> Result<String> {
    let value = result.map_err(Into::into)?;
    serde_json::to_string(&value).map_err(|problem| Error::Failed(format!("the result has no JSON form: {problem}")))
}
