//! Counts what a run does in vain, so that it ends.
//!
//! Three counts: turns in a row that brought nothing usable, denials of one and the same call, and rounds of calls that
//! repeat earlier ones with the same results. All are about the model's behaviour, not about time or cost, which have their
//! own limits.

use std::collections::HashMap;

use serde_json::Value;

use crate::call::canonical;
use crate::id::{Digest, ToolName};
use crate::outcome::Class;

/// The longest round that is looked for: A, then A ↔ B, and so on.
const LONGEST_ROUND: usize = 4;
/// How many results are remembered.
const REMEMBERED: usize = 128;

/// What happened in vain so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    turns: u32,
    denials: HashMap<Digest, u32>,
    /// Call and result, oldest first.
    results: Vec<Digest>,
}

impl Guard {
    /// Takes a turn that brought something.
    pub(crate) fn useful_turn(&mut self) {
        self.turns = 0;
    }

    /// Takes a turn that brought nothing; how many there were in a row.
    pub(crate) fn useless_turn(&mut self) -> u32 {
        self.turns = self.turns.saturating_add(1);
        self.turns
    }

    /// Takes a denial; how often this call was denied.
    pub(crate) fn denied(&mut self, tool: &ToolName, arguments: &Value) -> u32 {
        let call = Digest::of_parts(&[tool.as_str().as_bytes(), canonical(arguments).as_bytes()]);
        let times = self.denials.entry(call).or_default();
        *times = times.saturating_add(1);
        *times
    }

    /// Takes what came of a call; how often the last round of calls came in a row with the same results. At least 1.
    pub(crate) fn result(&mut self, tool: &ToolName, arguments: &Value, content: &str) -> u32 {
        if self.results.len() >= REMEMBERED {
            self.results.remove(0);
        }
        let arguments = canonical(arguments);
        self.results.push(Digest::of_parts(&[tool.as_str().as_bytes(), arguments.as_bytes(), content.as_bytes()]));
        (1..=LONGEST_ROUND).map(|length| self.rounds(length)).max().unwrap_or(1)
    }

    /// How many whole rounds of `length` calls end the list, all alike.
    fn rounds(&self, length: usize) -> u32 {
        let mut rounds = self.results.rchunks_exact(length);
        let Some(last) = rounds.next() else { return 0 };
        1 + u32::try_from(rounds.take_while(|round| *round == last).count()).unwrap_or(u32::MAX - 1)
    }
}

/// Whether the model has to repair its call before anything can come of it.
pub(crate) fn is_repairable(class: Class) -> bool {
    matches!(class, Class::UnknownTool | Class::InvalidArguments | Class::Denied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(of: &str) -> Vec<u32> {
        let mut guard = Guard::default();
        let tool: ToolName = "a.b".parse().unwrap();
        of.chars().map(|call| guard.result(&tool, &Value::Null, &call.to_string())).collect()
    }

    #[test]
    fn repeated_calls_and_ping_pong_are_counted_by_rounds() {
        assert_eq!(rounds("aaaa"), [1, 2, 3, 4]);
        assert_eq!(rounds("abab").last(), Some(&2));
        assert_eq!(rounds("ababab").last(), Some(&3));
        assert_eq!(rounds("xabcabcabc").last(), Some(&3));
        assert_eq!(rounds("abcdefgh").last(), Some(&1));
        assert_eq!(rounds("aabaab").last(), Some(&2));
        assert_eq!(rounds("aaab").last(), Some(&1));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let counted = rounds(&"a".repeat(1000));
        assert_eq!(counted.last(), Some(&(REMEMBERED as u32)));
    }
}
