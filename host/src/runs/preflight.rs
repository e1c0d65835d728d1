//! What can be known of a run before a token is spent on it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use toolhold_core::breaker::State;
use toolhold_core::cost::in_dollars;
use toolhold_core::id::{RunId, ToolName};
use toolhold_core::run::{RunLimits, ToolSpec};
use toolhold_core::shape::Shape;
use toolhold_core::tape::{Answer, Exchange, Tape};

use super::past::Past;
use crate::agent::model::Kind;
use crate::agent::{Models, RunEvent};
use crate::journal::{self, RunFilter};
use crate::{Host, clock};

/// How many earlier runs are looked through for one whose tools are known.
const LOOKED_THROUGH: u32 = 20;

/// How many attempts at calls of earlier runs are looked through for what servers answered.
const LOOKED_AT: u32 = 200;

/// How many differences of one answer are told.
const MOST_MISSED: usize = 5;

/// How long a model may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(10);

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

/// Whether the models can be reached, each asked for what costs no token. Models that play a file are not asked.
pub async fn reach(models: &mut Models<'_>) -> Vec<Finding> {
    let (mut found, mut away, all) = (Vec::new(), 0, models.len());
    for model in models.iter_mut().filter(|model| model.identity().kind == Kind::Remote) {
        let name = model.identity().name.clone();
        let why = match tokio::time::timeout(PATIENCE, model.reach()).await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it did not answer within {} seconds", PATIENCE.as_secs()),
        };
        away += 1;
        found.push(finding(false, "model-away", format!("`{name}` cannot be asked now: {why}")));
    }
    if away > 0 && away == all {
        let message = "no model can be asked now; `--offline` leaves this out".to_owned();
        found.push(finding(true, "all-models-away", message));
    }
    found
}

/// What servers answered to tools in the last run in another shape than before, by what is on record for replays.
///
/// # Errors
///
/// The journal cannot be read.
pub fn answers(host: &Host) -> Result<Vec<Finding>, journal::Error> {
    // By tool and endpoint: the last run that asked it, its answers, and those of the runs before.
    let mut known: BTreeMap<String, (RunId, Shape, Option<Shape>)> = BTreeMap::new();
    for (run, tool, kept) in host.journal().reader()?.latest_tapes(LOOKED_AT)? {
        let Ok(tape) = serde_json::from_str::<Tape>(&kept.tape) else { continue };
        for exchange in &tape.exchanges {
            let Some(value) = json(exchange) else { continue };
            let endpoint = exchange.url.split(['?', '#']).next().unwrap_or_default();
            let name = format!("`{tool}` from {} {endpoint}", exchange.method);
            match known.get_mut(&name) {
                None => drop(known.insert(name, (run.clone(), Shape::of(&value), None))),
                Some((last, shape, _)) if *last == run => shape.add(&value),
                Some((_, _, before)) => before.get_or_insert_default().add(&value),
            }
        }
    }
    let differ = known.into_iter().filter_map(|(name, (run, now, before))| {
        let missed = before?.missed_in(&now);
        let words = missed.iter().take(MOST_MISSED).cloned().collect::<Vec<_>>().join(", ");
        let message = format!("what {name} got in run {run} has another shape than before: {words}");
        (!missed.is_empty()).then(|| finding(false, "answers-changed", message))
    });
    Ok(differ.collect())
}

/// The answer, if it is a whole one of JSON.
fn json(exchange: &Exchange) -> Option<serde_json::Value> {
    let Answer::Came(response) = &exchange.answer else { return None };
    let is_whole = response.is_whole && (200..300).contains(&response.status);
    serde_json::from_slice(&response.body.bytes().filter(|_| is_whole)?).ok()
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
