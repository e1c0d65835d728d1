//! The decision itself: deny beats ask beats preview beats allow, nothing matches is deny, an error is deny.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::approval::binding;
use crate::call::{Approved, AuthorizedCall, Mode, ValidatedCall};
use crate::id::SecretName;
use crate::manifest::{Rule, Verdict};
use crate::tool::Tool;

use super::decision::{Decision, Denial, DenialKind, Question, RuleRef};
use super::grants::narrowed;
use super::rules::Weighed;
use super::suggestion::Suggestion;
use super::{Entry, Facts, Policy};

/// What is said where no rule has its own advice. True whatever the reason is, so that it tells nothing of the manifest.
const ADVICE: &str =
    "Do not repeat this call unchanged. Use what other tools give you, or say what you need and let the user decide.";

/// A call that may not go on: what kind of denial it will be, and the rule that says so.
pub(crate) struct Refused<'a> {
    kind: DenialKind,
    pub(crate) rule: Option<&'a Arc<Rule>>,
}

impl Policy {
    /// Whether `call` may run, and with what. `tool` is what would run.
    ///
    /// A pure function of its arguments: the order of rules, earlier calls and the clock do not count.
    #[must_use]
    pub fn decide(&self, call: ValidatedCall, tool: &Tool, facts: &Facts<'_>) -> Decision {
        let (entry, rule) = match self.judge(&call, tool, facts) {
            Err(refused) => return Decision::Deny(self.denial(refused, &call)),
            Ok(judged) => judged,
        };
        let approval = match rule.verdict {
            Verdict::Ask => match self.answered(&call, rule, facts) {
                Some(approval) => Some(approval),
                None => return Decision::Ask(Box::new(self.question(call, entry, rule, facts))),
            },
            _ => None,
        };
        let mode = if entry.rules.is_preview(rule, &call, facts) { Mode::Preview } else { self.mode(facts) };
        let authorized = authorize(call, entry, mode, facts);
        let authorized = match approval {
            Some(approval) => authorized.approved(approval),
            None => authorized,
        };
        match mode {
            Mode::Preview => Decision::Preview(authorized),
            Mode::Live => Decision::Allow(authorized),
        }
    }

    /// `call` as it is run to see what it would do, for the person who decides on it: a preview that sends nothing. The rule that
    /// asks does not count here; one that denies does.
    ///
    /// # Errors
    ///
    /// The denial that the call would get.
    pub fn rehearsal(
        &self,
        call: ValidatedCall,
        tool: &Tool,
        facts: &Facts<'_>,
    ) -> Result<AuthorizedCall, Box<Denial>> {
        match self.judge(&call, tool, facts) {
            Err(refused) => Err(Box::new(self.denial(refused, &call))),
            Ok((entry, _)) => Ok(rehearsal(call, entry, facts)),
        }
    }

    /// What a person said of this very call, where `rule` asks.
    fn answered(&self, call: &ValidatedCall, rule: &Rule, facts: &Facts<'_>) -> Option<Approved> {
        let standing = facts.approval?;
        let binding = binding(call, self.manifest.digest(), self.mode(facts));
        let answers = standing.answers(binding, &rule.name.value, rule.every_time);
        let changed = || standing.arguments().map(|_| (**call.arguments()).clone());
        answers.then(|| Approved {
            approval: standing.id().clone(),
            by: standing.by().to_owned(),
            arguments: changed(),
        })
    }

    /// Whether effects land if a rule allows the call: only if the caller wants it and the manifest does not say otherwise.
    pub(crate) fn mode(&self, facts: &Facts<'_>) -> Mode {
        if self.manifest.mode() == Mode::Preview { Mode::Preview } else { facts.mode }
    }

    /// The entry and the rule that lets the call go on, or why it may not.
    pub(crate) fn judge(
        &self,
        call: &ValidatedCall,
        tool: &Tool,
        facts: &Facts<'_>,
    ) -> Result<(&Entry, &Arc<Rule>), Refused<'_>> {
        let refused = |kind, rule| Err(Refused { kind, rule });
        let name = call.tool();
        let Some(entry) = self.entry(name.as_str()).filter(|entry| entry.exposed) else {
            return refused(DenialKind::NotExposed, None);
        };
        if tool.name() != name || tool.digest() != call.digest() || tool.digest() != entry.tool.digest() {
            return refused(DenialKind::ToolChanged, None);
        }
        if !facts.scope.has_tool(name) {
            return refused(DenialKind::OutsideRun, None);
        }
        match entry.rules.weigh(call, facts) {
            Weighed::By(rule) if rule.verdict == Verdict::Deny => refused(DenialKind::Rule, Some(rule)),
            Weighed::By(rule) => Ok((entry, rule)),
            Weighed::Undecidable(rule) => refused(DenialKind::Undecidable, Some(rule)),
            Weighed::ByNone => refused(DenialKind::NoRule, None),
        }
    }

    /// What is told of a refusal.
    pub(crate) fn denial(&self, Refused { kind, rule }: Refused<'_>, call: &ValidatedCall) -> Denial {
        let advice = rule.and_then(|rule| rule.advice.as_deref()).unwrap_or(ADVICE);
        let message = format!("denied: this call is not permitted. {advice}");
        let rule = rule.map(|rule| self.rule_ref(rule));
        let suggestion = self.suggestion(kind, call.tool().as_str(), rule.as_ref());
        Denial { kind, message, rule, suggestion }
    }

    fn suggestion(&self, kind: DenialKind, tool: &str, rule: Option<&RuleRef>) -> Suggestion {
        let text = match (kind, rule) {
            (DenialKind::Rule | DenialKind::Undecidable, Some(rule)) => {
                let text =
                    format!("to allow it, narrow the `tools` or `when` of rule `{}`, or remove the rule", rule.name);
                return Suggestion::new(text).at(rule.at.clone());
            }
            (DenialKind::OutsideRun, _) => "start the run without narrowing it to other tools",
            (DenialKind::NotExposed, _) => "add the tool to `expose` of its component, or call one that exists",
            (DenialKind::ToolChanged, _) => {
                "load the manifest again; if the component's file changed, review it and run `toolhold lock`"
            }
            _ => return Suggestion::allow_rule(&self.manifest, tool, self.allowing(tool)),
        };
        Suggestion::new(text)
    }

    /// A rule that allows other calls of the tool: widening it may be what is meant.
    fn allowing(&self, tool: &str) -> Option<RuleRef> {
        let mut rules = self.entry(tool)?.rules.iter();
        rules.find(|rule| rule.verdict == Verdict::Allow).map(|rule| self.rule_ref(rule))
    }

    pub(crate) fn rule_ref(&self, rule: &Rule) -> RuleRef {
        RuleRef { name: rule.name.value.clone(), at: self.manifest.source().line(&rule.name.span) }
    }

    fn question(&self, call: ValidatedCall, entry: &Entry, rule: &Arc<Rule>, facts: &Facts<'_>) -> Question {
        let mode = self.mode(facts);
        let rehearsal = rehearsal(call.clone(), entry, facts);
        let used = rehearsal.grants().http.iter().flat_map(|grant| grant.secrets.iter());
        let by_server = rehearsal.grants().server.iter().flat_map(|server| &server.secrets);
        let secrets: BTreeSet<SecretName> = used.map(|used| &used.secret).chain(by_server).cloned().collect();
        Question {
            rule: self.rule_ref(rule),
            reason: rule.reason.clone(),
            risk: rule.risk,
            every_time: rule.every_time,
            mode,
            secrets: secrets.into_iter().collect(),
            binding: binding(&call, self.manifest.digest(), mode),
            rehearsal,
            call,
        }
    }
}

fn rehearsal(call: ValidatedCall, entry: &Entry, facts: &Facts<'_>) -> AuthorizedCall {
    authorize(call, entry, Mode::Preview, facts).sending_nothing()
}

fn authorize(call: ValidatedCall, entry: &Entry, mode: Mode, facts: &Facts<'_>) -> AuthorizedCall {
    let grants = narrowed(&entry.grants, facts.scope);
    AuthorizedCall::new(call, mode, grants, facts.scope.narrow_limits(&entry.limits))
}
