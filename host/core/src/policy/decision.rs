//! What came of a decision.

use serde::Serialize;

use crate::call::{AuthorizedCall, Mode, ValidatedCall};
use crate::id::{Digest, SecretName};
use crate::manifest::{Line, Risk};
use crate::outcome::{Class, Failure};

use super::suggestion::Suggestion;

/// What happens to a call.
#[derive(Debug)]
pub enum Decision {
    /// It runs.
    Allow(AuthorizedCall),
    /// It runs and its effects are thrown away.
    Preview(AuthorizedCall),
    /// A person decides.
    Ask(Box<Question>),
    /// It does not run.
    Deny(Denial),
}

/// A call that waits for a person. It carries no authority to make it: once answered, it is decided again from the start.
#[derive(Debug)]
pub struct Question {
    /// What was asked for.
    pub call: ValidatedCall,
    /// The rule that asks.
    pub rule: RuleRef,
    /// Why the rule exists.
    pub reason: Option<String>,
    /// How much is at stake.
    pub risk: Risk,
    /// An answer is good for one call.
    pub every_time: bool,
    /// Whether effects would land.
    pub mode: Mode,
    /// Names of the secrets that the host could add to its requests.
    pub secrets: Vec<SecretName>,
    /// What an answer is bound to: the tool's bytes, the manifest, the canonical arguments, the mode.
    pub binding: Digest,
    /// What shows the person what the call would do: a preview of it that sends no request at all.
    pub rehearsal: AuthorizedCall,
}

/// A rule, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleRef {
    /// Its name.
    pub name: String,
    /// Its place.
    pub at: Line,
}

/// Why a call does not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denial {
    /// What kind. For the operator.
    pub kind: DenialKind,
    /// For the model: that it is denied, and what it may do next. Nothing of the manifest but a rule's `advice`.
    pub message: String,
    /// The rule that decided, if one did. For the operator.
    pub rule: Option<RuleRef>,
    /// What would change it. For the operator.
    pub suggestion: Suggestion,
}

/// The kinds of denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenialKind {
    /// The manifest has no such tool, or hides it.
    NotExposed,
    /// The tool is not the one that the manifest was resolved against.
    ToolChanged,
    /// The run is narrowed to other tools.
    OutsideRun,
    /// A rule says so.
    Rule,
    /// No rule matches.
    NoRule,
    /// A rule could not be judged.
    Undecidable,
}

impl DenialKind {
    /// In words, for the operator.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotExposed => "the manifest has no such tool, or hides it with `expose`",
            Self::ToolChanged => "the tool is not the one that the manifest was resolved against",
            Self::OutsideRun => "this run is narrowed to other tools",
            Self::Rule => "a rule denies it",
            Self::NoRule => "no rule matches, and what no rule matches is denied",
            Self::Undecidable => "a rule could not be judged on these arguments, and what cannot be judged is denied",
        }
    }
}

impl std::fmt::Display for RuleRef {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "rule `{}` ({})", self.name, self.at)
    }
}

impl From<Denial> for Failure {
    /// The model gets the message; rule and suggestion are for the operator.
    fn from(denial: Denial) -> Self {
        let rule = denial.rule.map_or(String::new(), |rule| format!(": {rule}"));
        let detail = format!("{}{rule}\n{}", denial.kind.as_str(), denial.suggestion);
        Self::new(Class::Denied, "denied", denial.message).with_detail(detail)
    }
}
