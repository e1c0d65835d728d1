//! `deep_result`: JSON in JSON in JSON. A host that parses it with one stack frame per level falls over.

use toolhold_sdk::{Hints, Result, Tool, ToolInfo};

/// Arrays within arrays, 100,000 levels deep.
#[derive(Debug)]
pub(crate) enum DeepResult {}

impl Tool for DeepResult {
    const NAME: &'static str = "deep_result";

    fn info() -> ToolInfo {
        super::untyped(
            Self::NAME,
            None,
            Hints { read_only: true, destructive: false, idempotent: true, open_world: false },
        )
    }

    fn invoke(_arguments: String) -> Result<String> {
        Ok(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)))
    }
}
