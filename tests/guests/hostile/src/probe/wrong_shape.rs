//! `wrong_shape`: a success that is JSON and not what the output schema promises.

use toolhold_sdk::{Hints, Result, Tool, ToolInfo};

/// Promises an integer, returns a text.
#[derive(Debug)]
pub(crate) enum WrongShape {}

impl Tool for WrongShape {
    const NAME: &'static str = "wrong_shape";

    fn info() -> ToolInfo {
        let hints = Hints { read_only: true, destructive: false, idempotent: true, open_world: false };
        super::untyped(
            Self::NAME,
            Some(r#"{"type":"object","properties":{"count":{"type":"integer"}},"required":["count"]}"#),
            hints,
        )
    }

    fn invoke(_arguments: String) -> Result<String> {
        Ok(r#"{"count":"seven"}"#.to_owned())
    }
}
