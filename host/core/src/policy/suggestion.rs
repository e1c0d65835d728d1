//! What an operator could change so that something would be allowed. Only ever shown to a person.

use std::fmt;

use serde::Serialize;

use crate::manifest::{Line, Manifest};

use super::decision::RuleRef;

/// A change of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// What to do.
    pub text: String,
    /// Where, if something that exists is to be changed.
    pub at: Option<Line>,
    /// What to write there, or anywhere at top level if there is no place.
    pub toml: Option<String>,
}

impl Suggestion {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), at: None, toml: None }
    }

    pub(crate) fn at(self, line: Line) -> Self {
        Self { at: Some(line), ..self }
    }

    pub(crate) fn toml(self, toml: impl Into<String>) -> Self {
        Self { toml: Some(toml.into()), ..self }
    }

    /// A rule that allows one tool, and one that there is and allows other calls of it.
    pub(super) fn allow_rule(manifest: &Manifest, tool: &str, known: Option<RuleRef>) -> Self {
        let taken = |name: &str| manifest.rules().iter().any(|rule| rule.name.value == name);
        let base = format!("allow {tool}");
        let numbered = (2..).map(|number| format!("{base} {number}"));
        let name = std::iter::once(base.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(base);
        let toml = format!("[[rules]]\nname = \"{name}\"\ndecision = \"allow\"\ntools = [\"{tool}\"]\n");
        let add = format!("add this rule to `{}`", manifest.source().name());
        match known {
            Some(rule) => Self::new(format!("to allow it, widen the `when` of {rule}, or {add}")).toml(toml),
            None => Self::new(format!("to allow it, {add}")).toml(toml),
        }
    }
}

impl fmt::Display for Suggestion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)?;
        if let Some(at) = &self.at {
            write!(out, " ({at})")?;
        }
        match &self.toml {
            Some(toml) => write!(out, ":\n\n{}", toml.trim_end()),
            None => Ok(()),
        }
    }
}

/// `text` as a TOML string.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
