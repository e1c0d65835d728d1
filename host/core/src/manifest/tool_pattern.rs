//! Patterns over tool names: `files.read`, `files.*`, `*.read`, `*`.

use crate::id::ToolName;

/// A pattern over tool names. `*` stands for any characters within one part of the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolPattern {
    component: String,
    local: String,
}

/// Why a text is not such a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No or more than one dot.
    #[error("a tool pattern has two parts, `component.tool`")]
    Parts,
    /// A character that no tool name has.
    #[error("`{0}` occurs in no tool name")]
    Character(char),
}

impl std::fmt::Display for ToolPattern {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}.{}", self.component, self.local)
    }
}

impl ToolPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// The text is not two parts, or not of characters that names have.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let known = |char: &char| matches!(char, 'a'..='z' | '0'..='9' | '-' | '_' | '*' | '.');
        if let Some(unknown) = text.chars().find(|char| !known(char)) {
            return Err(Error::Character(unknown));
        }
        let text = if text == "*" { "*.*" } else { text };
        match text.split_once('.') {
            Some((component, local)) if !component.is_empty() && !local.is_empty() && !local.contains('.') => {
                Ok(Self { component: component.to_owned(), local: local.to_owned() })
            }
            _ => Err(Error::Parts),
        }
    }

    /// The name, if only one matches.
    #[must_use]
    pub fn as_exact(&self) -> Option<(&str, &str)> {
        (!self.component.contains('*') && !self.local.contains('*')).then_some((&self.component, &self.local))
    }

    /// The part before the dot.
    #[must_use]
    pub fn component(&self) -> &str {
        &self.component
    }

    /// Whether a component of that name can have a tool that matches.
    #[must_use]
    pub fn matches_component(&self, component: &str) -> bool {
        star(&self.component, component)
    }

    /// Whether it matches.
    #[must_use]
    pub fn matches(&self, tool: &ToolName) -> bool {
        star(&self.component, tool.component().as_str()) && star(&self.local, tool.local().as_str())
    }
}

/// Whether `text` is `pattern` with something in place of each `*`. Takes each piece at its first possible place, which
/// is enough because `*` is the only wildcard: linear in both.
fn star(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let tail = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match text.find(piece) {
            Some(at) => text = text.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    text.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        ToolPattern::parse(pattern).unwrap().matches(&name.parse().unwrap())
    }

    #[test]
    fn a_star_stands_for_anything_within_a_part() {
        for (pattern, name, expected) in [
            ("files.read", "files.read", true),
            ("files.read", "files.reads", false),
            ("files.*", "files.read", true),
            ("files.*", "files2.read", false),
            ("*.read", "text.read", true),
            ("*", "text.read", true),
            ("files.read-*", "files.read-many", true),
            ("files.read-*", "files.read", false),
            ("files.*a*b", "files.xaxb", true),
            ("files.*a*b", "files.xbxa", false),
            ("files.a*a", "files.a", false),
            ("f*s.*", "files.read", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn anything_but_two_parts_is_refused() {
        for bad in ["", "files", "files.", ".read", "a.b.c", "**", "*.*.*"] {
            assert_eq!(ToolPattern::parse(bad), Err(Error::Parts), "{bad}");
        }
        for (bad, char) in [("Files.read", 'F'), ("files/read", '/'), ("files.re?d", '?')] {
            assert_eq!(ToolPattern::parse(bad), Err(Error::Character(char)), "{bad}");
        }
    }
}
