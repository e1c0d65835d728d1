//! Descriptions that were packed into a component of plain functions, laid over what its types say.

use serde_json::Value;
use toolhold_core::describe::{Description, ToolInfo};

/// A section says something else than the types do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A tool that no function is.
    #[error("its section describes a tool `{0}`, and no function of the component is that; pack it again")]
    Unknown(String),
    /// A schema that is not the one of the types.
    #[error("its section gives the tool `{tool}` another {part} schema than the component's types do; pack it again")]
    Schema {
        /// Which tool.
        tool: String,
        /// `input` or `output`.
        part: &'static str,
    },
}

/// `derived` with the words, hints and needs of `packed`. Needs never exceed what the imports allow: a claim beyond them
/// grants nothing, as what is not imported cannot be done.
///
/// # Errors
///
/// [`Error`] where the two differ in more than words.
pub(crate) fn merge(mut derived: Description, packed: Description) -> Result<Description, Error> {
    for said in packed.tools {
        let Some(known) = derived.tools.iter_mut().find(|tool| tool.name == said.name) else {
            return Err(Error::Unknown(said.name.as_str().to_owned()));
        };
        let differs = |part| Error::Schema { tool: said.name.as_str().to_owned(), part };
        if !same(&known.input_schema, &said.input_schema) {
            return Err(differs("input"));
        }
        let output = known.output_schema.as_ref().zip(said.output_schema.as_ref());
        if !output.is_some_and(|(known, said)| same(known, said)) {
            return Err(differs("output"));
        }
        *known = ToolInfo { extra: std::mem::take(&mut known.extra), ..said };
    }
    Ok(derived)
}

/// Whether a schema says the same but for descriptions.
fn same(derived: &Value, said: &Value) -> bool {
    same_part(derived, said, true)
}

/// `is_schema`: it is a schema and not the list of an object's properties, whose names are the author's.
fn same_part(derived: &Value, said: &Value, is_schema: bool) -> bool {
    match (derived, said) {
        (Value::Object(derived), Value::Object(said)) => {
            let has_words = said.get("description").is_some_and(Value::is_string);
            let words = is_schema && has_words && !derived.contains_key("description");
            let count = said.len() - usize::from(words);
            count == derived.len()
                && derived.iter().all(|(key, value)| {
                    let is_schema = !(is_schema && key == "properties");
                    said.get(key).is_some_and(|said| same_part(value, said, is_schema))
                })
        }
        (Value::Array(derived), Value::Array(said)) => {
            derived.len() == said.len()
                && derived.iter().zip(said).all(|(derived, said)| same_part(derived, said, true))
        }
        (derived, said) => derived == said,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn description(name: &str, property: &Value) -> Description {
        let input = json!({ "type": "object", "properties": { "a": property }, "required": ["a"] });
        let info =
            json!({ "name": name, "title": "T", "description": "D", "input-schema": input, "output-schema": {} });
        Description { format: 1, tools: vec![serde_json::from_value(info).unwrap()] }
    }

    #[test]
    fn words_are_taken_over_and_nothing_else() {
        let derived = || description("t", &json!({ "type": "string" }));
        let mut packed = description("t", &json!({ "type": "string", "description": "which" }));
        packed.tools[0].title = "Better".into();
        packed.tools[0].extra = json!({ "command": {} }).as_object().unwrap().clone();
        let merged = merge(derived(), packed).unwrap();
        assert_eq!(merged.tools[0].title, "Better");
        assert_eq!(merged.tools[0].input_schema["properties"]["a"]["description"], "which");
        assert!(merged.tools[0].extra.is_empty());
        for property in [json!({ "type": "integer" }), json!({}), json!({ "type": "string", "title": "x" })] {
            let error = merge(derived(), description("t", &property)).unwrap_err();
            assert_eq!(error, Error::Schema { tool: "t".into(), part: "input" });
        }
        assert_eq!(merge(derived(), description("u", &json!({}))).unwrap_err(), Error::Unknown("u".into()));
    }

    #[test]
    fn an_argument_that_is_called_description_is_an_argument() {
        let with = json!({ "properties": { "description": { "type": "string" } } });
        let without = json!({ "properties": {} });
        assert!(same(&with, &with) && !same(&with, &without) && !same(&without, &with));
        assert!(!same(&without, &json!({ "properties": { "description": "text" } })));
        assert!(same(&without, &json!({ "properties": {}, "description": "text" })));
    }
}
