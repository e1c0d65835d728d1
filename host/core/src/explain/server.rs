//! The MCP server that would make a call.

use serde::Serialize;

use crate::manifest::Line;
use crate::policy::{Entry, Facts, Policy};

/// The MCP server that would make a call. What it does then is not observed.
#[derive(Debug, Clone, Serialize)]
pub struct ServerLine {
    /// Where it is.
    pub at: String,
    /// The operator says that the tool changes nothing.
    pub read_only: bool,
    /// Whether the run, as it is narrowed, reaches it.
    pub within_run: bool,
    /// Names of the secrets that it gets.
    pub secrets: Vec<String>,
    /// What is said of its answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Where the manifest has it.
    pub line: Option<Line>,
}

impl Policy {
    pub(super) fn server_line(&self, entry: &Entry, facts: &Facts<'_>) -> Option<ServerLine> {
        let grant = entry.grants.server.as_ref()?;
        let component = self.manifest().components().get(entry.tool.name().component())?;
        Some(ServerLine {
            at: component.written.clone(),
            read_only: grant.reads_only,
            within_run: crate::policy::narrowed(&entry.grants, facts.scope).server.is_some(),
            secrets: grant.secrets.iter().map(ToString::to_string).collect(),
            labels: grant.labels.iter().map(ToString::to_string).collect(),
            line: component.server.as_ref().map(|server| self.manifest().source().line(&server.span)),
        })
    }
}
