//! JSON Schemas (2020-12) for models: everything inlined, closed objects, no formats that no validator knows.
//! Used by `describe` only; must not be reachable from a call.

use schemars::generate::{Contract, SchemaSettings};
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// Schema of arguments, as text.
pub(crate) fn input<T: JsonSchema>() -> String {
    let mut schema = generate::<T>(Contract::Deserialize);
    close(&mut schema);
    schema.as_value().to_string()
}

/// Schema of a result, as text.
pub(crate) fn output<T: JsonSchema>() -> String {
    generate::<T>(Contract::Serialize).as_value().to_string()
}

fn generate<T: JsonSchema>(contract: Contract) -> Schema {
    let mut settings = SchemaSettings::draft2020_12();
    settings.meta_schema = None;
    settings.inline_subschemas = true;
    settings.contract = contract;
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // The root's title and description are the Rust type's; the tool has its own.
    schema.remove("title");
    schema.remove("description");
    DropNumberFormats.transform(&mut schema);
    schema
}

/// Refuses unknown arguments also where the author's own struct forgot `deny_unknown_fields`, and gives every object a
/// `properties` key, which some model APIs insist on.
fn close(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("type").and_then(Value::as_str) != Some("object") {
        return;
    }
    object.entry("properties").or_insert_with(|| Value::Object(serde_json::Map::new()));
    let open_ended = ["unevaluatedProperties", "allOf", "anyOf", "oneOf", "patternProperties"];
    let additional = object.shift_remove("additionalProperties");
    if additional.is_none() && open_ended.iter().any(|key| object.contains_key(*key)) {
        return;
    }
    object.insert("additionalProperties".to_owned(), additional.unwrap_or(Value::Bool(false)));
}

/// `"format": "uint32"` and its like are schemars' own words: noise to a model and unknown to validators.
#[derive(Clone)]
struct DropNumberFormats;

impl Transform for DropNumberFormats {
    fn transform(&mut self, schema: &mut Schema) {
        let known_here_only = |format: &str| {
            format.starts_with("int") || format.starts_with("uint") || ["double", "float"].contains(&format)
        };
        if schema.get("format").and_then(Value::as_str).is_some_and(known_here_only) {
            schema.remove("format");
        }
        transform_subschemas(self, schema);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_str, json};

    use super::*;

    #[crate::args]
    enum Mode {
        ReadMany,
    }

    /// Ignored at the root.
    #[crate::args]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Arguments {
        /// How many.
        count: u32,
        mode: Option<Mode>,
    }

    #[crate::args]
    struct Empty {}

    #[derive(serde::Deserialize, JsonSchema)]
    struct Open {
        #[expect(dead_code, reason = "only its schema is looked at")]
        value: i64,
    }

    fn parsed(text: &str) -> Value {
        from_str(text).unwrap()
    }

    #[test]
    fn arguments_are_closed_inlined_and_free_of_noise() {
        let expected = json!({
            "type": "object",
            "properties": {
                "count": {"type": "integer", "description": "How many.", "minimum": 0},
                "mode": {"type": ["string", "null"], "enum": ["read_many", null]},
            },
            "required": ["count"],
            "additionalProperties": false,
        });
        assert_eq!(input::<Arguments>(), expected.to_string());
    }

    #[test]
    fn a_struct_that_forgot_to_refuse_unknown_fields_is_closed() {
        assert_eq!(parsed(&input::<Open>())["additionalProperties"], json!(false));
        assert_eq!(
            parsed(&input::<Empty>()),
            json!({"type": "object", "properties": {}, "additionalProperties": false})
        );
        assert!(parsed(&output::<Open>()).get("additionalProperties").is_none(), "results may grow");
    }
}
