//! Whether an answer is what the task asks for.

use serde_json::Value;

use crate::schema::{self, CompiledSchema};

/// What is wrong with the answer, in words for a model; `None` where it conforms.
pub(crate) fn problem(schema: &Value, text: &str) -> Option<String> {
    let value = match schema::parse(inner(text), "the contents of the answer") {
        Ok(value) => value,
        Err(violations) => return Some(violations.to_string()),
    };
    // A schema that cannot be read is refused before a run begins; a run that has one all the same has no answer.
    match CompiledSchema::compile(schema) {
        Ok(schema) => schema.validate(&value).err().map(|violations| violations.to_string()),
        Err(error) => Some(error.to_string()),
    }
}

/// The text within a fence of Markdown, which many models put around JSON, or the text.
fn inner(text: &str) -> &str {
    let text = text.trim();
    let fenced = text.strip_prefix("```").and_then(|text| text.strip_suffix("```"));
    fenced.map_or(text, |text| text.strip_prefix("json").unwrap_or(text)).trim()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_conforms_or_the_place_is_named() {
        let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
        for fine in [r#"{"n": 1}"#, " {\"n\":1}\n", "```json\n{\"n\": 1}\n```", "```\n{\"n\": 1}\n```"] {
            assert_eq!(problem(&schema, fine), None, "{fine}");
        }
        for (wrong, words) in [
            ("it is one", "not valid JSON"),
            (r#"{"n": "one"}"#, "/n"),
            ("{}", "n"),
            (r#"Here: {"n": 1}"#, "not valid JSON"),
        ] {
            let told = problem(&schema, wrong).unwrap();
            assert!(told.contains(words), "{wrong}: {told}");
        }
    }
}
