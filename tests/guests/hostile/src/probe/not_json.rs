//! `not_json`: a success that is no JSON at all.

use toolhold_sdk::{Hints, Result, Tool, ToolInfo};

/// Returns what its arguments say in `text`, or a lone brace.
#[derive(Debug)]
pub(crate) enum NotJson {}

impl Tool for NotJson {
    const NAME: &'static str = "not_json";

    fn info() -> ToolInfo {
        super::untyped(
            Self::NAME,
            None,
            Hints { read_only: true, destructive: false, idempotent: true, open_world: false },
        )
    }

    fn invoke(arguments: String) -> Result<String> {
        let arguments: toolhold_sdk::serde_json::Value = toolhold_sdk::serde_json::from_str(&arguments)?;
        Ok(arguments.get("text").and_then(|text| text.as_str()).unwrap_or("{").to_owned())
    }
}
