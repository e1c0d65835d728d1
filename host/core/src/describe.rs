//! What a component says of its tools: the content of its `toolhold:tool` custom section, or of `describe`.
//!
//! A description is a claim. It is shown to people and models, it is a *ceiling* for grants, and it never widens one.

use serde::{Deserialize, Serialize};

use crate::id::LocalName;

/// The custom section that `toolhold build` writes, so that a component's tools are known without running it.
pub const SECTION: &str = "toolhold:tool";

/// The interface that the host calls.
pub const WORLD: &str = "toolhold:tool/described@0.1.0";

/// The whole section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Version of this form. Only 1 exists.
    pub format: u32,
    /// The tools, in the component's order.
    pub tools: Vec<ToolInfo>,
}

/// One tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ToolInfo {
    /// Unique within the component.
    pub name: LocalName,
    /// Short name for people.
    pub title: String,
    /// What the model reads.
    pub description: String,
    /// JSON Schema of the arguments.
    pub input_schema: serde_json::Value,
    /// JSON Schema of the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<serde_json::Value>,
    /// What the author says of its behaviour.
    #[serde(default)]
    pub hints: Hints,
    /// The ceiling of what a grant can give it.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Further facts.
    #[serde(default)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// What the author says of a tool's behaviour. The default is the worst case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hints {
    /// Changes nothing outside of the sandbox.
    pub read_only: bool,
    /// May delete or overwrite what was there before.
    pub destructive: bool,
    /// A second call with the same arguments has no further effect.
    pub idempotent: bool,
    /// Talks to things outside of the granted directories.
    pub open_world: bool,
}

impl Default for Hints {
    fn default() -> Self {
        Self { read_only: false, destructive: true, idempotent: false, open_world: true }
    }
}

/// One declared need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Need {
    /// What kind of effect.
    pub effect: EffectKind,
    /// A glob over guest paths, or an origin.
    pub target: String,
    /// For the person who grants it.
    pub reason: String,
}

/// What a call touches outside of its sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectKind {
    /// Reads files.
    Read,
    /// Creates, changes or deletes files.
    Write,
    /// Sends requests.
    Network,
}
