//! Looks at the calls of one turn before anything else does: pure, and in doubt it refuses.
//!
//! It decides nothing about permissions and knows no schema: that is the host's. It only makes sure that what goes to the
//! host is one call of one known tool with a JSON object, and that what goes back to the model is well-formed.

use std::collections::HashSet;

use serde_json::Value;

use super::limits::RunLimits;
use super::message::RequestedCall;
use super::names::Names;
use super::report::FailureSummary;
use super::turn::Turn;
use crate::id::ToolName;
use crate::outcome::Class;
use crate::{escape, schema};

/// The longest id that goes back to a model.
const LONGEST_ID: usize = 128;
/// The longest function name that model APIs take.
const LONGEST_NAME: usize = 64;
/// The longest name that is quoted in an error.
const LONGEST_QUOTE: usize = 80;

/// Remembers which ids were used in the run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Intake {
    used: HashSet<String>,
}

/// A call of a turn, looked at.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    /// The call as it goes back to the model: an id of its own, a possible name, an object as arguments.
    pub(crate) history: RequestedCall,
    /// The tool, as the model spelled it, shortened.
    pub(crate) spelled: String,
    /// What to do with it.
    pub(crate) verdict: Result<Sound, FailureSummary>,
}

/// A call that the host can be asked for.
#[derive(Debug, Clone)]
pub(crate) struct Sound {
    pub(crate) tool: ToolName,
    pub(crate) arguments: Value,
}

impl Intake {
    /// The calls of `turn`, and how many were dropped because there are too many.
    pub(crate) fn check(
        &mut self,
        turn: &Turn,
        number: u32,
        names: &Names,
        limits: &RunLimits,
    ) -> (Vec<Checked>, usize) {
        let mut of_turn = HashSet::new();
        let checked: Vec<_> = turn
            .calls
            .iter()
            .take(limits.calls_per_turn)
            .enumerate()
            .map(|(index, call)| {
                let is_repeated = !call.id.is_empty() && !of_turn.insert(call.id.as_str());
                let verdict = match () {
                    () if turn.finish.is_cut() => Err(refused("turn-cut-off", CUT.into())),
                    () if is_repeated => Err(refused("duplicate-call-id", DUPLICATE.into())),
                    () => sound(call, names),
                };
                Checked {
                    history: self.history(call, number, index, verdict.as_ref().ok()),
                    spelled: call.name.chars().take(LONGEST_QUOTE).collect(),
                    verdict,
                }
            })
            .collect();
        let dropped = turn.calls.len() - checked.len();
        (checked, dropped)
    }

    fn history(&mut self, call: &RequestedCall, turn: u32, index: usize, sound: Option<&Sound>) -> RequestedCall {
        let is_usable =
            (1..=LONGEST_ID).contains(&call.id.len()) && call.id.bytes().all(|byte| byte.is_ascii_graphic());
        let own = || format!("toolhold_{turn}_{index}");
        let mut id = if is_usable && !self.used.contains(&call.id) { call.id.clone() } else { own() };
        while !self.used.insert(id.clone()) {
            id.push('_');
        }
        // Servers parse the arguments of earlier calls and fail where they are no object.
        let arguments = sound.map_or_else(|| "{}".to_owned(), |sound| sound.arguments.to_string());
        RequestedCall { id, name: possible_name(&call.name), arguments }
    }
}

const CUT: &str = "the turn was cut off before its end, so none of its calls was run; ask for less in one turn";
const DUPLICATE: &str =
    "another call of this turn has the same id, so this one was not run; give each call an id of its own";

fn sound(call: &RequestedCall, names: &Names) -> Result<Sound, FailureSummary> {
    let Some(tool) = names.find(&call.name) else {
        return Err(unknown(&call.name, names));
    };
    // No text at all is how many models say "no arguments".
    let text = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
    // The host's own strict reader, so that what was looked at here and what the host decides on are the same.
    match schema::parse(text, "the arguments") {
        Ok(arguments) if arguments.is_object() => Ok(Sound { tool: tool.clone(), arguments }),
        Ok(other) => Err(refused(
            "arguments-not-an-object",
            format!("the arguments are {}; write one JSON object such as {{\"name\": \"value\"}}", kind(&other)),
        )),
        Err(violations) => Err(refused("invalid-json", violations.to_string())),
    }
}

fn unknown(spelled: &str, names: &Names) -> FailureSummary {
    let quoted = escape::short(spelled, LONGEST_QUOTE);
    let hint = match names.nearest(spelled) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => "use one of the tools that you were given".into(),
    };
    let message = format!("there is no tool `{quoted}`; {hint}");
    FailureSummary { class: Class::UnknownTool, code: "unknown-tool".into(), message }
}

fn refused(code: &str, message: String) -> FailureSummary {
    FailureSummary { class: Class::InvalidArguments, code: code.into(), message }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The name, in the characters that model APIs take.
fn possible_name(name: &str) -> String {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    let name: String =
        name.chars().take(LONGEST_NAME).map(|character| if allowed(character) { character } else { '_' }).collect();
    if name.is_empty() { "unnamed".into() } else { name }
}
