//! Counts what a run does in vain, so that it ends.
//!
//! Three counts: turns in a row that brought nothing usable, denials of one and the same call, and rounds of turns that make
//! the same calls as earlier ones and get the same results. All are about the model's behaviour, not about time or cost, which have their
//! own limits.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::call::canonical;
use crate::id::{Digest, ToolName};
use crate::outcome::Class;

/// The longest round that is looked for, in turns: A, then A ↔ B, and so on.
const LONGEST_ROUND: usize = 4;
/// How many turns are remembered.
const REMEMBERED: usize = 128;

/// What happened in vain so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    turns: u32,
    denials: HashMap<Digest, u32>,
    /// Calls with which a way began that led nowhere.
    forbidden: HashSet<Digest>,
    /// The calls of this turn and their results.
    results: Vec<Digest>,
    /// The same of each turn, oldest first.
    rounds: Vec<Digest>,
    /// How often the last round came in a row.
    in_a_row: u32,
}

impl Guard {
    /// The budgets begin anew; what leads nowhere still does.
    pub(crate) fn renew(&mut self) {
        *self = Self { forbidden: std::mem::take(&mut self.forbidden), ..Self::default() };
    }

    /// Takes a turn that brought something.
    pub(crate) fn useful_turn(&mut self) {
        self.turns = 0;
    }

    /// Takes a turn that brought nothing; how many there were in a row.
    pub(crate) fn useless_turn(&mut self) -> u32 {
        self.turns = self.turns.saturating_add(1);
        self.turns
    }

    /// Whether one more such turn is more than `most` in a row.
    pub(crate) fn is_last_useless_turn(&self, most: u32) -> bool {
        self.turns >= most
    }

    /// Takes a denial; how often this call was denied.
    pub(crate) fn denied(&mut self, tool: &ToolName, arguments: &Value) -> u32 {
        let times = self.denials.entry(digest(tool, arguments)).or_default();
        *times = times.saturating_add(1);
        *times
    }

    /// Takes a call with which no way is to begin again; forgets what the way was like.
    pub(crate) fn forbid(&mut self, tool: &ToolName, arguments: &Value) {
        self.forbidden.insert(digest(tool, arguments));
        self.rounds.clear();
    }

    /// Whether a way that led nowhere began with this call.
    pub(crate) fn is_forbidden(&self, tool: &ToolName, arguments: &Value) -> bool {
        self.forbidden.contains(&digest(tool, arguments))
    }

    /// Takes what came of a call.
    pub(crate) fn result(&mut self, tool: &ToolName, arguments: &Value, content: &str) {
        let arguments = canonical(arguments);
        self.results.push(Digest::of_parts(&[tool.as_str().as_bytes(), arguments.as_bytes(), content.as_bytes()]));
    }

    /// Takes the end of a turn; how often the last round of turns came in a row with the same calls and results, where that is
    /// more than a turn ago. What a model repeats within one turn does not count: it has not seen the result.
    pub(crate) fn turn_is_over(&mut self) -> Option<u32> {
        let results = std::mem::take(&mut self.results);
        if results.is_empty() {
            return None;
        }
        if self.rounds.len() >= REMEMBERED {
            self.rounds.remove(0);
        }
        let parts: Vec<&[u8]> = results.iter().map(|digest| digest.as_bytes().as_slice()).collect();
        self.rounds.push(Digest::of_parts(&parts));
        let now = (1..=LONGEST_ROUND).map(|length| self.in_a_row(length)).max().unwrap_or(1);
        let before = std::mem::replace(&mut self.in_a_row, now);
        (now > before).then_some(now)
    }

    /// How many whole rounds of `length` turns end the list, all alike.
    fn in_a_row(&self, length: usize) -> u32 {
        let mut rounds = self.rounds.rchunks_exact(length);
        let Some(last) = rounds.next() else { return 0 };
        1 + u32::try_from(rounds.take_while(|round| *round == last).count()).unwrap_or(u32::MAX - 1)
    }
}

fn digest(tool: &ToolName, arguments: &Value) -> Digest {
    Digest::of_parts(&[tool.as_str().as_bytes(), canonical(arguments).as_bytes()])
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
        let mut turn = |call: char| {
            guard.result(&tool, &Value::Null, &call.to_string());
            let told = guard.turn_is_over();
            assert!(told.is_none_or(|told| told == guard.in_a_row));
            guard.in_a_row
        };
        of.chars().map(&mut turn).collect()
    }

    #[test]
    fn repeated_turns_and_ping_pong_are_counted_by_rounds() {
        assert_eq!(rounds("aaaa"), [1, 2, 3, 4]);
        assert_eq!(rounds("abab").last(), Some(&2));
        assert_eq!(rounds("ababab").last(), Some(&3));
        assert_eq!(rounds("xabcabcabc").last(), Some(&3));
        assert_eq!(rounds("abcdefgh").last(), Some(&1));
        assert_eq!(rounds("aabaab").last(), Some(&2));
        assert_eq!(rounds("aaab").last(), Some(&1));
        // A round and its other beginning are one: it is told once.
        let mut guard = Guard::default();
        let tool: ToolName = "a.b".parse().unwrap();
        let told = "abababababab".chars().filter_map(|call| {
            guard.result(&tool, &Value::Null, &call.to_string());
            guard.turn_is_over()
        });
        assert_eq!(told.collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn what_is_repeated_within_one_turn_does_not_count() {
        let mut guard = Guard::default();
        let tool: ToolName = "a.b".parse().unwrap();
        (0..20).for_each(|_| guard.result(&tool, &Value::Null, "same"));
        assert_eq!((guard.turn_is_over(), guard.turn_is_over()), (Some(1), None));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let counted = rounds(&"a".repeat(1000));
        assert_eq!(counted.last(), Some(&128));
    }
}
