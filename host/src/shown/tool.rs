//! A tool, and whether anything can let it run.

use serde::Serialize;
use serde_json::Value;
use toolhold_core::describe::{Hints, Need};
use toolhold_core::id::{ToolDigest, ToolName};
use toolhold_core::policy::Policy;
use toolhold_core::tool::Tool;
use utoipa::ToSchema;

use super::schema;

/// A tool of the manifest, as its author describes it, and whether any rule could let it run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tool)]
pub(crate) struct ToolCard {
    /// `component.tool`.
    #[schema(value_type = String)]
    pub(crate) name: ToolName,
    /// For people. Any text: escape before showing.
    pub(crate) title: String,
    /// For models. Any text: escape before showing.
    pub(crate) description: String,
    /// Its component's bytes.
    #[schema(value_type = String)]
    pub(crate) digest: ToolDigest,
    /// Whether some call of it could run, by the rules.
    pub(crate) could_run: bool,
    /// What its author says of its behaviour.
    #[schema(value_type = schema::Hints)]
    pub(crate) hints: Hints,
    /// What its author says that it needs.
    #[schema(value_type = Vec<schema::Need>)]
    pub(crate) needs: Vec<Need>,
    /// The JSON Schema of its arguments.
    pub(crate) input_schema: Value,
    /// The JSON Schema of its result, if it has one.
    #[schema(value_type = Value)]
    pub(crate) output_schema: Option<Value>,
}

impl ToolCard {
    pub(crate) fn of(tool: &Tool, policy: &Policy) -> Self {
        let info = tool.info();
        Self {
            name: tool.name().clone(),
            title: info.title.clone(),
            description: info.description.clone(),
            digest: tool.digest(),
            could_run: policy.could_run(tool.name().as_str()),
            hints: info.hints,
            needs: info.needs.clone(),
            input_schema: info.input_schema.clone(),
            output_schema: info.output_schema.clone(),
        }
    }
}
