//! What may stand in for a tool: another one that exists, along a chain that ends, or a value that the tool could have given.

use std::collections::BTreeMap;

use crate::manifest::{Code, Fallback, Located, Problem, suggest};

use super::Entry;

/// Everything that is wrong with the fallbacks of all tools.
pub(super) fn problems(tools: &BTreeMap<String, Entry>) -> Vec<Problem> {
    let own = tools.values().filter_map(|entry| Some((entry, entry.reliability.fallback.as_ref()?)));
    own.filter_map(|(entry, fallback)| problem(tools, entry, fallback)).collect()
}

fn problem(tools: &BTreeMap<String, Entry>, entry: &Entry, fallback: &Located<Fallback>) -> Option<Problem> {
    match &fallback.value {
        Fallback::Value(value) => {
            let violations = entry.tool.check_output(&value.to_string()).err()?;
            let message = format!("`{}` could not have given this value: {violations}", entry.tool.name());
            let problem = Problem::new(Code::Fallback, &fallback.span, message).label("breaks the output schema");
            Some(problem.help("write a value that conforms to the tool's output schema; `toolhold inspect` shows it"))
        }
        Fallback::Tool(name) if !tools.get(name.as_str()).is_some_and(|other| other.exposed) => {
            let message = format!("there is no tool `{name}` that could stand in");
            let names = tools.values().filter(|entry| entry.exposed).map(|entry| entry.tool.name().as_str());
            let help = suggest(name.as_str(), names.collect::<Vec<_>>(), "the tools are");
            Some(Problem::new(Code::UnknownTool, &fallback.span, message).label("no such tool").maybe_help(help))
        }
        Fallback::Tool(_) => leads_back(tools, entry).then(|| {
            let message = format!("the fallbacks of `{}` come back to it", entry.tool.name());
            let problem = Problem::new(Code::Fallback, &fallback.span, message).label("on a circle");
            problem.help("let the chain end with a tool that has no fallback, or with a value")
        }),
    }
}

/// Whether whoever follows the fallbacks of a tool meets it again.
fn leads_back(tools: &BTreeMap<String, Entry>, entry: &Entry) -> bool {
    let next = |entry: &Entry| match entry.reliability.fallback.as_ref().map(|fallback| &fallback.value) {
        Some(Fallback::Tool(name)) => tools.get(name.as_str()),
        Some(Fallback::Value(_)) | None => None,
    };
    // Whoever has met as many as there are has met one twice.
    std::iter::successors(next(entry), |entry| next(entry))
        .take(tools.len())
        .any(|other| other.tool.name() == entry.tool.name())
}
