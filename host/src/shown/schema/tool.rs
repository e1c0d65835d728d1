//! Tools, and why they may do something or not.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What an author says of a tool's behaviour.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Hints {
    /// Changes nothing outside of the sandbox.
    read_only: bool,
    /// May delete or overwrite.
    destructive: bool,
    /// A second call has no further effect.
    idempotent: bool,
    /// Talks to things outside of the granted directories.
    open_world: bool,
}

/// A declared need.
#[derive(ToSchema)]
pub(crate) struct Need {
    /// What kind of effect.
    effect: String,
    /// A glob over guest paths, or an origin.
    target: String,
    /// For the person who grants it.
    reason: String,
}

/// Why a call would be decided as it would.
#[derive(ToSchema)]
pub(crate) struct Explanation {
    /// The tool.
    tool: String,
    /// What happens to the call: `allow`, `deny`, `ask` or `preview`.
    verdict: String,
    /// Why it is denied, if it is.
    denial: Option<String>,
    /// The rule that decided.
    decided_by: Option<RuleRef>,
    /// Why that rule exists.
    reason: Option<String>,
    /// The line of the manifest that makes every call a preview.
    #[schema(required = false)]
    previewed_at: Value,
    /// Every rule about this tool, strongest first, and what became of it.
    rules: Vec<BTreeMap<String, Value>>,
    /// How many rules are about other tools only.
    rules_about_other_tools: u64,
    /// Directories that the call could reach if it were allowed.
    directories: Vec<BTreeMap<String, Value>>,
    /// Requests that it could send.
    requests: Vec<Value>,
    /// Names of the environment variables that it would see.
    env: Vec<String>,
    /// The limits that would apply.
    limits: Vec<BTreeMap<String, Value>>,
    /// What would change a denial: words, a line, a table for the manifest.
    suggestion: Value,
}

/// Why a tool may touch a path, or may not.
#[derive(ToSchema)]
pub(crate) struct PathExplanation {
    /// The tool.
    tool: String,
    /// The path.
    path: String,
    /// What it would do with it.
    access: String,
    /// Whether it may.
    allowed: bool,
    /// What decides.
    reason: Value,
    /// The line of the manifest that decides.
    at: Value,
    /// What would change it.
    suggestion: Value,
}

/// A rule of the manifest.
#[derive(ToSchema)]
pub(crate) struct RuleRef {
    /// Its name.
    name: String,
    /// Its line.
    at: Value,
}
