//! What is wrong with a value, in words that a model can act on.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// Most violations that are listed. A model repairs the first few; the rest is a number.
pub const MAX_VIOLATIONS: usize = 20;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Violation {
    /// JSON pointer to the part of the value that is wrong; empty for the whole.
    pub pointer: String,
    /// The schema keyword that says so, or `json`, `size`, `depth` where it is not the schema's doing.
    pub keyword: String,
    /// What is wrong and what would be right. One line, short, escaped: safe to show.
    pub message: String,
    /// What the schema asks for at this place, where it is short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Value>,
}

impl Violation {
    pub(crate) fn new(pointer: impl Into<String>, keyword: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), keyword: keyword.into(), message: message.into(), expected: None }
    }
}

/// Everything that is wrong with a value: at least one thing, at most [`MAX_VIOLATIONS`] and how many more there are.
///
/// As text it is a compact list for a model; serialized it is `{"violations": […], "more": 0}`.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
pub struct Violations {
    violations: Vec<Violation>,
    more: usize,
}

impl Violations {
    /// Words the first [`MAX_VIOLATIONS`] of `all` and counts the rest; `None` if there are none.
    pub(crate) fn collect<T>(all: impl IntoIterator<Item = T>, word: impl Fn(T) -> Violation) -> Option<Self> {
        let mut all = all.into_iter();
        let mut violations: Vec<Violation> = Vec::new();
        while violations.len() < MAX_VIOLATIONS
            && let Some(next) = all.next()
        {
            let violation = word(next);
            if !violations.contains(&violation) {
                violations.push(violation);
            }
        }
        let more = all.count();
        (!violations.is_empty()).then_some(Self { violations, more })
    }

    /// The violations that are listed, in the order of the schema.
    #[must_use]
    pub fn as_slice(&self) -> &[Violation] {
        &self.violations
    }

    /// How many more there are.
    #[must_use]
    pub fn more(&self) -> usize {
        self.more
    }
}

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self { violations: vec![violation], more: 0 }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.violations.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(out, "{separator}{}", violation.message)?;
        }
        if self.more > 0 {
            write!(out, "; and {} more", self.more)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(number: usize) -> Violation {
        Violation::new(format!("/{number}"), "type", format!("wrong {number}"))
    }

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let violations = Violations::collect(0..50, word).unwrap();
        assert_eq!(violations.as_slice().len(), MAX_VIOLATIONS);
        assert!(violations.to_string().ends_with("and 30 more"), "{violations}");
        assert!(Violations::collect(0..0, word).is_none());
    }

    #[test]
    fn the_same_thing_is_said_once() {
        assert_eq!(Violations::collect([1, 2, 1, 2], word).unwrap().as_slice().len(), 2);
    }
}
