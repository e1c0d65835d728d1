//! A host's tools as a client lists them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::Value;
use toolhold_core::describe::Hints;
use toolhold_core::id::ToolName;
use toolhold_core::run::name_for_model;
use toolhold_core::tool::Tool as Known;

use crate::Host;

/// The tools, in the order of their names, which is the same each time.
pub(super) struct Tools {
    listed: Vec<Tool>,
    names: BTreeMap<String, Callable>,
}

/// A tool that a client may name.
#[derive(Debug, Clone)]
pub(super) struct Callable {
    pub(super) name: ToolName,
    pub(super) has_output_schema: bool,
}

impl Tools {
    /// Those of a host that some call of could run: what never runs would only mislead a model.
    pub(super) fn of(host: &Host) -> Self {
        let could_run = |tool: &&Known| host.policy().could_run(tool.name().as_str());
        let mut known: Vec<_> = host.tools().filter(could_run).collect();
        known.sort_by(|left, right| left.name().cmp(right.name()));
        Self {
            listed: known.iter().map(|tool| listed(tool)).collect(),
            // Of all: a call of one that is not listed is denied and recorded like any other.
            names: host.tools().flat_map(spelled).collect(),
        }
    }

    pub(super) fn listed(&self) -> &[Tool] {
        &self.listed
    }

    /// The tool that a client means: by the name that is listed, or by ours.
    pub(super) fn find(&self, spelled: &str) -> Option<&Callable> {
        self.names.get(spelled)
    }
}

/// A tool under both of its names.
fn spelled(tool: &Known) -> [(String, Callable); 2] {
    let callable = Callable { name: tool.name().clone(), has_output_schema: tool.info().output_schema.is_some() };
    [(tool.name().as_str().to_owned(), callable.clone()), (name_for_model(tool.name()), callable)]
}

/// Names are written as model APIs take them, because that is where clients send them on to.
fn listed(tool: &Known) -> Tool {
    let info = tool.info();
    let object = |schema: &Value| schema.as_object().cloned().unwrap_or_else(JsonObject::new);
    let mut listed = Tool::new(name_for_model(tool.name()), info.description.clone(), object(&info.input_schema));
    listed.title = Some(info.title.clone());
    listed.output_schema = info.output_schema.as_ref().map(|schema| Arc::new(object(schema)));
    listed.annotations = Some(annotations(info.hints));
    listed
}

fn annotations(hints: Hints) -> ToolAnnotations {
    let (read_only, destructive) = (Some(hints.read_only), Some(hints.destructive));
    ToolAnnotations::from_raw(None, read_only, destructive, Some(hints.idempotent), Some(hints.open_world))
}
