//! A tool whose schema uses much of JSON Schema 2020-12: a client must be shown it as it was written.

use toolhold_sdk::prelude::*;
use toolhold_sdk::{Hints, Tool, ToolInfo};

/// The tool.
pub(crate) struct Preserved;

impl Tool for Preserved {
    const NAME: &'static str = "json_schema_2020_12_tool";

    fn info() -> ToolInfo {
        ToolInfo {
            name: Self::NAME.to_owned(),
            title: "Whom to contact".to_owned(),
            description: "Tool with JSON Schema 2020-12 features".to_owned(),
            input_schema: schema().to_string(),
            output_schema: None,
            hints: Hints { read_only: true, destructive: false, idempotent: true, open_world: false },
            needs: Vec::new(),
            extra: "{}".to_owned(),
        }
    }

    fn invoke(arguments: String) -> Result<String> {
        Ok(arguments)
    }
}

fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } }
            }
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" }
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false
    })
}
