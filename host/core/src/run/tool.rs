//! What a model is told of a tool.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{ToolDigest, ToolName};

/// What a model is told of one tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// The tool.
    pub name: ToolName,
    /// What it does, in its author's words.
    pub description: String,
    /// JSON Schema of its arguments.
    pub input_schema: Value,
    /// Which bytes, where they are known. Not for the model: a later run can tell that the tool has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<ToolDigest>,
}
