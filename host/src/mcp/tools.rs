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
    shape: Shape,
    asks_for_headers: bool,
}

/// What the results of a tool are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Shape {
    /// Any JSON value.
    #[default]
    Value,
    /// A JSON value that conforms to a schema which clients know.
    Structured,
    /// A list of blocks: texts, pictures, sounds, documents.
    Content,
}

impl Callable {
    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether its schema asks for arguments in headers, too.
    pub(super) fn asks_for_headers(&self) -> bool {
        self.asks_for_headers
    }
}

impl Tools {
    /// Those of a host that some call of could run: what never runs would only mislead a model. `short`: under their own names,
    /// where no two components have one of the same name.
    pub(super) fn of(host: &Host, short: bool) -> Self {
        let could_run = |tool: &&Known| host.policy().could_run(tool.name().as_str());
        let mut known: Vec<_> = host.tools().filter(could_run).collect();
        known.sort_by(|left, right| left.name().cmp(right.name()));
        // Of all: a call of one that is not listed is denied and recorded like any other.
        let mut names: BTreeMap<_, _> = host.tools().flat_map(spelled).collect();
        let own = if short { own_names(host.tools(), &names) } else { BTreeMap::new() };
        let name = |tool: &Known| own.get(tool.name()).cloned().unwrap_or_else(|| name_for_model(tool.name()));
        let mut listed: Vec<_> = known.iter().map(|tool| listed(tool, name(tool))).collect();
        listed.sort_by(|left, right| left.name.cmp(&right.name));
        for tool in host.tools() {
            names.extend(own.get(tool.name()).map(|name| (name.clone(), callable(tool))));
        }
        Self { listed, names }
    }

    pub(super) fn listed(&self) -> &[Tool] {
        &self.listed
    }

    /// What is listed of the tool that a client means.
    pub(super) fn get(&self, spelled: &str) -> Option<&Tool> {
        let name = &self.find(spelled)?.name;
        self.listed.iter().find(|tool| self.find(&tool.name).is_some_and(|listed| listed.name == *name))
    }

    /// The tool that a client means: by the name that is listed, or by ours.
    pub(super) fn find(&self, spelled: &str) -> Option<&Callable> {
        self.names.get(spelled)
    }
}

fn callable(tool: &Known) -> Callable {
    let asks_for_headers = mentions(&tool.info().input_schema, "x-mcp-header");
    Callable { name: tool.name().clone(), shape: shape(tool), asks_for_headers }
}

/// Whether a schema has this word, wherever it is.
fn mentions(schema: &Value, word: &str) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(name, value)| name == word || mentions(value, word)),
        Value::Array(items) => items.iter().any(|item| mentions(item, word)),
        _ => false,
    }
}

/// A tool under both of its names.
fn spelled(tool: &Known) -> [(String, Callable); 2] {
    [(tool.name().as_str().to_owned(), callable(tool)), (name_for_model(tool.name()), callable(tool))]
}

/// The names of tools without those of their components, of those that mean one tool and nothing else.
fn own_names<'a>(
    tools: impl Iterator<Item = &'a Known>,
    taken: &BTreeMap<String, Callable>,
) -> BTreeMap<ToolName, String> {
    let mut by_name: BTreeMap<String, Vec<ToolName>> = BTreeMap::new();
    for tool in tools {
        by_name.entry(tool.name().local().to_string()).or_default().push(tool.name().clone());
    }
    let only = |(name, tools): (String, Vec<ToolName>)| match <[ToolName; 1]>::try_from(tools) {
        Ok([tool]) if !taken.contains_key(&name) => Some((tool, name)),
        _ => None,
    };
    by_name.into_iter().filter_map(only).collect()
}

fn shape(tool: &Known) -> Shape {
    match (tool.gives_content(), &tool.info().output_schema) {
        (true, _) => Shape::Content,
        (false, Some(_)) => Shape::Structured,
        (false, None) => Shape::Value,
    }
}

/// Names are written as model APIs take them, because that is where clients send them on to.
fn listed(tool: &Known, name: String) -> Tool {
    let info = tool.info();
    let object = |schema: &Value| schema.as_object().cloned().unwrap_or_else(JsonObject::new);
    let mut listed = Tool::new(name, info.description.clone(), object(&info.input_schema));
    listed.title = Some(info.title.clone());
    // The schema of a list of blocks says what is in the list, and clients have no structured content to hold against it.
    let structured = info.output_schema.as_ref().filter(|_| shape(tool) == Shape::Structured);
    listed.output_schema = structured.map(|schema| Arc::new(object(schema)));
    listed.annotations = Some(annotations(info.hints));
    listed
}

fn annotations(hints: Hints) -> ToolAnnotations {
    let (read_only, destructive) = (Some(hints.read_only), Some(hints.destructive));
    ToolAnnotations::from_raw(None, read_only, destructive, Some(hints.idempotent), Some(hints.open_world))
}
