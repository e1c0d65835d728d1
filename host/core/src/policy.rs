//! Whether a call may run, and with what.
//!
//! [`Policy`] is a manifest resolved against the tools that were loaded: for each tool its rules, its grants (what it
//! declares to need ∩ what the operator grants) and its limits stand ready, so a decision looks at nothing else.
//! [`Policy::decide`] is pure. Everything that is not allowed is denied: no rule, an unknown tool, other bytes than those
//! that were resolved, arguments that cannot be judged.

mod decide;
mod decision;
mod fallbacks;
mod grants;
mod index;
mod outlook;
mod resolve;
mod rules;
mod scope;
mod suggestion;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use decision::{Decision, Denial, DenialKind, Question, RuleRef};
pub use outlook::Outlook;
pub use scope::RunScope;
pub use suggestion::Suggestion;

pub(crate) use grants::{Ceiling, narrowed, requests_left};
pub(crate) use rules::{Rules, WeighedRule, weigh_rule};
pub(crate) use suggestion::quoted;

use crate::approval::Standing;
use crate::call::Mode;
use crate::grant::Grants;
use crate::id::Label;
use crate::limit::Limits;
use crate::manifest::{Manifest, Problem, Reliability, Rule, Verdict};
use crate::tool::Tool;

/// A manifest resolved against tools.
#[derive(Debug)]
pub struct Policy {
    manifest: Arc<Manifest>,
    tools: BTreeMap<String, Entry>,
    warnings: Vec<Problem>,
}

/// What is known of one tool.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) tool: Tool,
    /// Whether callers may know of it.
    pub(crate) exposed: bool,
    /// What it declares to need.
    pub(crate) ceiling: Ceiling,
    /// Declared ∩ granted.
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
    /// What is done when it fails.
    pub(crate) reliability: Reliability,
    /// The rules whose `tools` match it.
    pub(crate) rules: Rules,
}

/// What a decision depends on besides the call and the manifest.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Whether the caller wants effects to land.
    pub mode: Mode,
    /// What the run is narrowed to.
    pub scope: &'a RunScope,
    /// What is said of the data that the run has read so far.
    pub labels: &'a BTreeSet<Label>,
    /// What a person said of a call, if anybody was asked. Counts for that call only.
    pub approval: Option<&'a Standing>,
}

/// What a call of no run carries: it is judged by itself.
static NO_LABELS: BTreeSet<Label> = BTreeSet::new();

impl<'a> Facts<'a> {
    /// Of a call whose run has read nothing that is labelled.
    #[must_use]
    pub fn new(mode: Mode, scope: &'a RunScope) -> Self {
        Self { mode, scope, labels: &NO_LABELS, approval: None }
    }

    /// Of a call whose run has read data with these labels.
    #[must_use]
    pub fn after(self, labels: &'a BTreeSet<Label>) -> Self {
        Self { labels, ..self }
    }

    /// Of a call that a person has said something of.
    #[must_use]
    pub fn approved(self, approval: Option<&'a Standing>) -> Self {
        Self { approval, ..self }
    }
}

impl Policy {
    /// The manifest that it was resolved from.
    #[must_use]
    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.manifest
    }

    /// The tools that exist for callers, in the order of their names.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.tools.values().filter(|entry| entry.exposed).map(|entry| &entry.tool)
    }

    /// What is suspicious in the manifest but does not keep it from being used.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The warnings as one diagnostic over the manifest's text, if there are any.
    #[must_use]
    pub fn warnings_report(&self) -> Option<crate::manifest::Errors> {
        crate::manifest::Errors::check(self.manifest.source(), self.warnings.clone()).err()
    }

    /// Whether some arguments could get past the rules: what to leave out of a list for a model. No promise for any call.
    #[must_use]
    pub fn could_run(&self, tool: &str) -> bool {
        let Some(entry) = self.entry(tool).filter(|entry| entry.exposed) else { return false };
        let is_closed = |rule: &Arc<Rule>| rule.verdict == Verdict::Deny && rule.is_unconditional();
        !entry.rules.iter().any(is_closed) && entry.rules.iter().any(|rule| rule.verdict != Verdict::Deny)
    }

    /// What is done when the tool fails; `None` if callers may not know of it.
    #[must_use]
    pub fn reliability(&self, tool: &str) -> Option<&Reliability> {
        self.entry(tool).filter(|entry| entry.exposed).map(|entry| &entry.reliability)
    }

    pub(crate) fn entry(&self, tool: &str) -> Option<&Entry> {
        self.tools.get(tool)
    }
}

#[cfg(test)]
mod tests;
