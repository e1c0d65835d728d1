//! Counts what a run does in vain, so that it ends.
//!
//! Two counts: turns in a row that brought nothing usable, and denials of one and the same call. Both are about the model's
//! behaviour, not about time or cost, which have their own limits.

use std::collections::HashMap;

use serde_json::Value;
use toolhold_core::call::canonical;
use toolhold_core::id::{Digest, ToolName};
use toolhold_core::outcome::Class;

/// What happened in vain so far.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    turns: u32,
    denials: HashMap<Digest, u32>,
}

impl Guard {
    /// Takes a turn that brought something.
    pub(crate) fn useful_turn(&mut self) {
        self.turns = 0;
    }

    /// Takes a turn that brought nothing; how many there were in a row.
    pub(crate) fn useless_turn(&mut self) -> u32 {
        self.turns += 1;
        self.turns
    }

    /// Takes a denial; how often this call was denied.
    pub(crate) fn denied(&mut self, tool: &ToolName, arguments: &Value) -> u32 {
        let call = Digest::of_parts(&[tool.as_str().as_bytes(), canonical(arguments).as_bytes()]);
        let times = self.denials.entry(call).or_default();
        *times += 1;
        *times
    }
}

/// Whether the model has to repair its call before anything can come of it.
pub(crate) fn is_repairable(class: Class) -> bool {
    matches!(class, Class::UnknownTool | Class::InvalidArguments | Class::Denied)
}
