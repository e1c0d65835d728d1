//! What a tool could ever be let do, whatever it is asked for: its rules, its grants, its limits.

use serde::Serialize;

use super::{DirectoryLine, LimitLine, RequestLine};
use crate::call::Mode;
use crate::id::Label;
use crate::manifest::{Rule, Verdict};
use crate::policy::{Facts, Policy, RuleRef, RunScope};

/// What the manifest says of one tool. For operators only: it names host paths.
#[derive(Debug, Clone, Serialize)]
pub struct Reach {
    /// Every rule about it, in the order in which they are looked at: strongest first.
    pub rules: Vec<RuleAbout>,
    /// Directories that it could reach.
    pub directories: Vec<DirectoryLine>,
    /// Requests that it could send.
    pub requests: Vec<RequestLine>,
    /// Names of the environment variables that it sees.
    pub env: Vec<String>,
    /// The limits of each call.
    pub limits: Vec<LimitLine>,
}

/// A rule about a tool.
#[derive(Debug, Clone, Serialize)]
pub struct RuleAbout {
    /// The rule.
    pub rule: RuleRef,
    /// What it says.
    pub verdict: Verdict,
    /// It is about some arguments only.
    pub conditional: bool,
    /// It is about runs only that have read data with one of these labels.
    pub labels: Vec<Label>,
    /// Why it exists.
    pub reason: Option<String>,
}

impl Policy {
    /// What the manifest says of `tool`; `None` if callers may not know of it.
    #[must_use]
    pub fn reach(&self, tool: &str) -> Option<Reach> {
        let entry = self.entry(tool).filter(|entry| entry.exposed)?;
        let scope = RunScope::default();
        let facts = Facts::new(Mode::Live, &scope);
        let about = |rule: &Rule| RuleAbout {
            rule: self.rule_ref(rule),
            verdict: rule.verdict,
            conditional: rule.when.is_some(),
            labels: super::labels_of(rule),
            reason: rule.reason.clone(),
        };
        Some(Reach {
            rules: entry.rules.iter().map(|rule| about(rule)).collect(),
            directories: self.directory_lines(entry, &facts),
            requests: self.request_lines(entry, &facts),
            env: entry.grants.env.keys().cloned().collect(),
            limits: self.limit_lines(entry, &facts),
        })
    }
}
