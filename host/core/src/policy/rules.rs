//! The rules of one tool, and which of them decides.
//!
//! The strongest that matches wins. They stand strongest first, so that is the first one that matches, and one that cannot be
//! judged counts like one that does. [`Index`] spares those that cannot match from being looked at: a thousand rules that each
//! name a path of their own cost a call little more than one.

use std::cmp::Reverse;
use std::sync::Arc;

use serde_json::Value;

use crate::call::ValidatedCall;
use crate::manifest::{Rule, Verdict};
use crate::schema::{Cost, Extent};

use super::Facts;
use super::index::Index;

/// The rules whose `tools` match one tool, strongest first.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: Vec<Arc<Rule>>,
    index: Index,
    /// The most that checking any one condition costs.
    cost: Cost,
    /// Whether any of them looks at arguments.
    conditional: bool,
}

/// What the rules say of a call.
pub(crate) enum Weighed<'a> {
    /// This rule is the strongest that matches.
    By(&'a Arc<Rule>),
    /// This rule is the strongest that may match, and whether it does cannot be told.
    Undecidable(&'a Arc<Rule>),
    /// No rule matches.
    ByNone,
}

/// Whether one rule matches arguments.
pub(crate) enum WeighedRule {
    Matches,
    /// Its run has read nothing of what the rule is about.
    OtherLabels,
    DoesNot,
    Undecidable,
}

impl Rules {
    /// Puts rules in order.
    pub(super) fn of(mut rules: Vec<Arc<Rule>>) -> Self {
        rules.sort_by(|left, right| precedence(left).cmp(&precedence(right)));
        let conditions = rules.iter().map(|rule| rule.when.as_ref().map(|when| &when.value));
        let mut cost = Cost::default();
        conditions.clone().flatten().for_each(|condition| cost.include(condition.cost()));
        Self {
            index: Index::of(conditions.map(|condition| condition.map(|condition| condition.schema()))),
            conditional: rules.iter().any(|rule| rule.when.is_some()),
            cost,
            rules,
        }
    }

    /// All of them, strongest first.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Arc<Rule>> {
        self.rules.iter()
    }

    /// What they say of a call.
    pub(crate) fn weigh(&self, call: &ValidatedCall, facts: &Facts<'_>) -> Weighed<'_> {
        self.weigh_from(0, call, facts)
    }

    /// Whether `decided`, which lets the call go on, leaves it a preview: it says so, or one below it does that matches or
    /// cannot be judged.
    pub(super) fn is_preview(&self, decided: &Rule, call: &ValidatedCall, facts: &Facts<'_>) -> bool {
        match decided.verdict {
            // Those that preview were all weighed before one that allows, and none of them may match.
            Verdict::Allow => false,
            Verdict::Preview => true,
            Verdict::Ask | Verdict::Deny => {
                let below = self.rules.partition_point(|rule| rule.verdict > Verdict::Preview);
                match self.weigh_from(below, call, facts) {
                    Weighed::By(rule) | Weighed::Undecidable(rule) => rule.verdict == Verdict::Preview,
                    Weighed::ByNone => false,
                }
            }
        }
    }

    /// The first at `from` or after it that matches or may.
    fn weigh_from(&self, from: usize, call: &ValidatedCall, facts: &Facts<'_>) -> Weighed<'_> {
        let arguments = call.arguments();
        let extent = if self.conditional { Extent::of(arguments) } else { Extent::default() };
        let weigh = |position: usize| {
            let rule = self.rules.get(position)?;
            match weigh_rule(rule, arguments, extent, facts) {
                WeighedRule::Matches => Some(Weighed::By(rule)),
                WeighedRule::Undecidable => Some(Weighed::Undecidable(rule)),
                WeighedRule::OtherLabels | WeighedRule::DoesNot => None,
            }
        };
        let found = match arguments.as_object() {
            // INVARIANT: what is skipped could be judged, and would not have matched.
            Some(fields) if self.cost.affords(extent) => self.index.first(fields, from, weigh),
            _ => (from..self.rules.len()).find_map(weigh),
        };
        found.unwrap_or(Weighed::ByNone)
    }
}

/// Whether the run and the arguments, which are so large, are those that a rule is about.
pub(crate) fn weigh_rule(rule: &Rule, arguments: &Value, extent: Extent, facts: &Facts<'_>) -> WeighedRule {
    if !rule.when_labels.is_empty() && !rule.when_labels.iter().any(|label| facts.labels.contains(&label.value)) {
        return WeighedRule::OtherLabels;
    }
    match rule.when.as_ref().map(|when| when.value.holds(arguments, extent)) {
        None | Some(Some(true)) => WeighedRule::Matches,
        Some(Some(false)) => WeighedRule::DoesNot,
        Some(None) => WeighedRule::Undecidable,
    }
}

/// Strongest first; among those that ask, first those that ask every time, then those with more at stake, so that a person is
/// asked in the strictest way; among equals those without a condition, which are cheap; then by name, so that the order in
/// which rules are written decides nothing.
fn precedence(rule: &Rule) -> impl Ord + '_ {
    let asks = rule.verdict == Verdict::Ask;
    let strictness = asks.then_some((rule.every_time, rule.risk));
    (Reverse((rule.verdict, strictness)), !rule.is_unconditional(), &rule.name.value)
}
