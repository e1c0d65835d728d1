//! `echo`: the arguments come back as they were, not even parsed. What remains is the price of a call.

use toolhold_sdk::{Hints, Result, Tool, ToolInfo};

/// The least that a tool can do.
#[derive(Debug)]
pub(crate) enum Echo {}

impl Tool for Echo {
    const NAME: &'static str = "echo";

    fn info() -> ToolInfo {
        ToolInfo {
            name: Self::NAME.to_owned(),
            title: "Echo".to_owned(),
            description: "Returns its arguments unchanged.".to_owned(),
            input_schema: r#"{"type":"object"}"#.to_owned(),
            output_schema: Some(r#"{"type":"object"}"#.to_owned()),
            hints: Hints { read_only: true, destructive: false, idempotent: true, open_world: false },
            needs: Vec::new(),
            extra: "{}".to_owned(),
        }
    }

    fn invoke(arguments: String) -> Result<String> {
        Ok(arguments)
    }
}
