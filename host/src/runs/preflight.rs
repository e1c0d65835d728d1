//! What can be known of a run before a token is spent on it.

use std::collections::BTreeMap;

use serde::Serialize;
use toolhold_core::breaker::State;
use toolhold_core::cost::in_dollars;
use toolhold_core::id::ToolName;
use toolhold_core::run::{RunLimits, ToolSpec};

use super::past::Past;
use crate::agent::model::Kind;
use crate::agent::{Models, RunEvent};
use crate::journal::{self, RunFilter};
use crate::{Host, clock};

/// How many earlier runs are looked through for one whose tools are known.
const LOOKED_THROUGH: u32 = 20;

/// Something that stands in the way of a run, or may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The run would come to nothing.
    pub blocks: bool,
    /// A stable code.
    pub code: &'static str,
    /// What it is, and what would mend it. Holds names of tools and models: escape before showing.
    pub message: String,
}

fn finding(blocks: bool, code: &'static str, message: String) -> Finding {
    Finding { blocks, code, message }
}

/// What stands in the way of a run with these tools, models and limits. Asks no model and runs nothing.
#[must_use]
pub fn check(host: &Host, tools: &[ToolSpec], models: &Models<'_>, limits: &RunLimits) -> Vec<Finding> {
    let mut found = of_tools(host, tools, limits);
    found.extend(of_models(host, models, limits));
    found
}

fn of_tools(host: &Host, tools: &[ToolSpec], limits: &RunLimits) -> Vec<Finding> {
    let never: Vec<&str> =
        tools.iter().map(|tool| tool.name.as_str()).filter(|name| !host.policy().could_run(name)).collect();
    let mut found = Vec::new();
    if tools.is_empty() {
        found.push(finding(false, "no-tools", "there are no tools: add components to the manifest".into()));
    } else if never.len() == tools.len() {
        let message = "no rule of the manifest lets any tool run: the model can do nothing; `toolhold explain` tells what \
                       would allow a call";
        found.push(finding(true, "nothing-allowed", message.into()));
    } else if !never.is_empty() {
        let message = format!("whatever the arguments, no rule lets these run: {}", never.join(", "));
        found.push(finding(false, "never-allowed", message));
    }
    if limits.calls == 0 && !tools.is_empty() {
        found.push(finding(true, "no-calls", "`max-tool-calls` of `[run]` is 0: no tool can be called".into()));
    }
    found
}

fn of_models(host: &Host, models: &Models<'_>, limits: &RunLimits) -> Vec<Finding> {
    let mut found = Vec::new();
    let (mut left_alone, now) = (0, clock::micros());
    let breakers = host.dependencies().breakers();
    for model in models {
        let name = &model.identity().name;
        let most = model.prices().map_or(0, |prices| prices.cost(0, u64::from(limits.tokens_per_turn), 0));
        if most > limits.cost {
            let message = format!(
                "one turn of `{name}` may cost {} dollars, and `max-cost` of `[run]` is {}: raise it, or lower \
                 `max-tokens-per-turn`",
                in_dollars(most),
                in_dollars(limits.cost)
            );
            found.push(finding(true, "too-dear", message));
        }
        let breaker = breakers.iter().find(|breaker| breaker.name == format!("model:{name}"));
        let is_open = breaker.is_some_and(|breaker| matches!(breaker.state, State::Open { until } if until > now));
        if model.identity().kind == Kind::Remote && is_open {
            left_alone += 1;
            let message = format!("`{name}` failed too often lately and is left alone: `toolhold breakers list`");
            found.push(finding(false, "left-alone", message));
        }
    }
    if left_alone > 0 && left_alone == models.len() {
        let message = "every model is left alone: wait, or `toolhold breakers reset`".to_owned();
        found.push(finding(true, "all-left-alone", message));
    }
    found
}

/// What is different in the tools of a host since its last run, or since this one.
///
/// # Errors
///
/// The journal cannot be read.
pub fn drift(host: &Host, now: &[ToolSpec]) -> Result<Vec<Finding>, journal::Error> {
    let reader = host.journal().reader()?;
    let runs = reader.runs(&RunFilter { limit: LOOKED_THROUGH, ..RunFilter::default() })?;
    let before = runs.iter().find_map(|run| {
        // What cannot be read is a matter for `audit verify`, not for the next run.
        let past = Past::of(&reader, &run.run).ok()?;
        match past.history.into_iter().next()?.event {
            RunEvent::RunStarted(start) => Some(start.tools),
            _ => None,
        }
    });
    Ok(before.map(|before| differences(&before, now)).unwrap_or_default())
}

/// How tools differ from what they were.
#[must_use]
pub fn differences(before: &[ToolSpec], now: &[ToolSpec]) -> Vec<Finding> {
    let known: BTreeMap<&ToolName, &ToolSpec> = before.iter().map(|tool| (&tool.name, tool)).collect();
    let present: BTreeMap<&ToolName, &ToolSpec> = now.iter().map(|tool| (&tool.name, tool)).collect();
    let mut found = Vec::new();
    for (name, tool) in &known {
        let message = match present.get(name) {
            None => format!("`{name}` is not there any more"),
            Some(new) if new.input_schema != tool.input_schema => {
                format!("the arguments of `{name}` are described differently")
            }
            Some(new) if new.description != tool.description => format!("`{name}` is described differently"),
            Some(_) => continue,
        };
        found.push(finding(false, "tool-changed", format!("since the last run: {message}")));
    }
    let new: Vec<&str> = present.keys().filter(|name| !known.contains_key(*name)).map(|name| name.as_str()).collect();
    if !new.is_empty() {
        found.push(finding(false, "tool-added", format!("new since the last run: {}", new.join(", "))));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tool(name: &str, description: &str, schema: serde_json::Value) -> ToolSpec {
        ToolSpec { name: name.parse().unwrap(), description: description.into(), input_schema: schema, digest: None }
    }

    #[test]
    fn what_a_tool_says_of_itself_is_compared_and_not_its_bytes() {
        let one = tool("a.one", "d", json!({}));
        let rebuilt = ToolSpec { digest: Some(toolhold_core::id::Digest::of(b"x")), ..one.clone() };
        assert_eq!(differences(std::slice::from_ref(&one), &[rebuilt]), []);
        let words = |now: &[ToolSpec]| -> Vec<String> {
            differences(std::slice::from_ref(&one), now).into_iter().map(|finding| finding.message).collect()
        };
        assert_eq!(words(&[]), ["since the last run: `a.one` is not there any more"]);
        assert!(words(&[tool("a.one", "d", json!({"type": "object"}))])[0].contains("described differently"));
        assert!(words(&[tool("a.one", "other", json!({}))])[0].contains("`a.one` is described differently"));
        assert_eq!(words(&[one.clone(), tool("b.two", "", json!({}))]), ["new since the last run: b.two"]);
    }
}
