//! Which characters a tool's texts may have.
//!
//! A model reads them as instructions and a person approves what they see. A text that looks different from what it says
//! is refused rather than escaped: there is no honest reason for one, and an escaped one would still reach the model.

use std::fmt;

use serde_json::Value;

use crate::describe::ToolInfo;
use crate::escape::must_escape;

/// A character that hides, reorders or forges text, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenCharacter {
    /// Which text.
    pub field: &'static str,
    /// Which character.
    pub character: char,
    /// How many bytes before it.
    pub offset: usize,
}

impl fmt::Display for HiddenCharacter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = u32::from(self.character);
        write!(out, "{} has the hidden character U+{code:04X} at byte {}: remove it", self.field, self.offset)
    }
}

/// Checks all texts of a tool.
pub(super) fn check(info: &ToolInfo) -> Result<(), HiddenCharacter> {
    find("title", &info.title, "")?;
    find("description", &info.description, "\n\t")?;
    for need in &info.needs {
        find("target of a need", &need.target, "")?;
        find("reason of a need", &need.reason, "")?;
    }
    find_in("input schema", &info.input_schema)?;
    info.output_schema.as_ref().map_or(Ok(()), |schema| find_in("output schema", schema))?;
    info.extra.iter().try_for_each(|(key, value)| find("extra", key, "").and_then(|()| find_in("extra", value)))
}

fn find(field: &'static str, text: &str, allowed: &str) -> Result<(), HiddenCharacter> {
    let hidden = text.char_indices().find(|(_, character)| is_hidden(*character) && !allowed.contains(*character));
    hidden.map_or(Ok(()), |(offset, character)| Err(HiddenCharacter { field, character, offset }))
}

/// Every key and every string below `value`. Line breaks and tabs are allowed: a tool may offer `"\r\n"` as a choice.
fn find_in(field: &'static str, value: &Value) -> Result<(), HiddenCharacter> {
    match value {
        Value::String(text) => find(field, text, "\n\r\t"),
        Value::Array(items) => items.iter().try_for_each(|item| find_in(field, item)),
        Value::Object(fields) => {
            fields.iter().try_for_each(|(key, value)| find(field, key, "").and_then(|()| find_in(field, value)))
        }
        _ => Ok(()),
    }
}

fn is_hidden(character: char) -> bool {
    must_escape(character) || matches!(character, '\n' | '\t')
}
