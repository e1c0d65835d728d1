//! Why a call is decided as it is, with the line of the manifest behind every part of the answer.
//!
//! For operators only: it names rules, host paths and what would change the decision. Never shown to a model or a tool.
//! It asks the policy itself ([`Policy::explain`] and `decide` share their judgement), so that it cannot tell another story.

mod path;
mod reach;
mod request;
mod server;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

pub use path::{Access, PathExplanation, PathReason};
pub use reach::{Reach, RuleAbout};
pub use request::RequestLine;
pub use server::ServerLine;

use crate::call::{Mode, ValidatedCall};
use crate::grant::{DirectoryGrant, Symlinks};
use crate::id::Label;
use crate::limit::{LIMITS, Limit};
use crate::manifest::{Line, Risk, Rule, Verdict, amount};
use crate::policy::{DenialKind, Entry, Facts, Policy, RuleRef, Suggestion, WeighedRule, narrowed, weigh_rule};
use crate::schema::{Extent, Violation};
use crate::tool::Tool;

/// Why a call is decided as it is.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The tool.
    pub tool: String,
    /// What happens to the call.
    pub verdict: Verdict,
    /// Why it is denied, if it is.
    pub denial: Option<DenialKind>,
    /// The rule that decided.
    pub decided_by: Option<RuleRef>,
    /// Why the deciding rule exists.
    pub reason: Option<String>,
    /// How a person is asked, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asks: Option<Asks>,
    /// The line of the manifest that makes every call a preview.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previewed_at: Option<Line>,
    /// Every rule about this tool, in the order in which they are looked at: strongest first.
    pub rules: Vec<RuleLine>,
    /// How many rules are about other tools only.
    pub rules_about_other_tools: usize,
    /// Directories that the call could reach if it were allowed.
    pub directories: Vec<DirectoryLine>,
    /// Requests that it could send.
    pub requests: Vec<RequestLine>,
    /// Names of the environment variables that it would see.
    pub env: Vec<String>,
    /// The MCP server that would make the call, if one would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerLine>,
    /// The limits that would apply.
    pub limits: Vec<LimitLine>,
    /// What would change a denial.
    pub suggestion: Option<Suggestion>,
}

/// How a person is asked.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Asks {
    /// How much the rule says is at stake.
    pub risk: Risk,
    /// An approval is good for one call, whatever the person says.
    pub every_time: bool,
    /// Names of the secrets that the host could add to requests of the call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// For how many microseconds the question waits.
    pub lifetime: u64,
}

/// One rule that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct RuleLine {
    /// The rule.
    pub rule: RuleRef,
    /// What it says.
    pub verdict: Verdict,
    /// What became of it.
    pub outcome: RuleOutcome,
}

/// What became of a rule.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleOutcome {
    /// It decides.
    Decides,
    /// It matches, and a stronger one decides, or one as strong whose name comes first.
    Overruled,
    /// The arguments are not what its `when` is about: the first thing that differs.
    OtherArguments(Option<Violation>),
    /// It is about runs that have read data with one of these labels.
    OtherLabels(Vec<Label>),
    /// Its `when` cannot be judged on these arguments.
    Undecidable,
}

/// A directory that a call could reach.
#[derive(Debug, Clone, Serialize)]
pub struct DirectoryLine {
    /// Where the tool sees it.
    pub guest: String,
    /// Where it is.
    pub host: String,
    /// Patterns of what can be read, before needs and run narrow them.
    pub read: Vec<String>,
    /// Patterns of what can be written, before needs and run narrow them.
    pub write: Vec<String>,
    /// Patterns of what cannot be touched.
    pub deny: Vec<String>,
    /// What symbolic links may do.
    pub symlinks: &'static str,
    /// Whether changes are staged and land together.
    pub atomic: bool,
    /// What is said of all that is read there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// Where it is granted.
    pub at: Option<Line>,
    /// What the tool declares to read, as far as it is a bound.
    pub needs_read: Vec<String>,
    /// What the tool declares to write, as far as it is a bound.
    pub needs_write: Vec<String>,
}

/// A limit, and why it is what it is.
#[derive(Debug, Clone, Serialize)]
pub struct LimitLine {
    /// Which one.
    pub limit: Limit,
    /// The bound, with its unit.
    pub bound: String,
    /// The bound, in the limit's unit.
    #[serde(skip)]
    pub number: u64,
    /// Where it comes from.
    pub from: LimitFrom,
}

/// Where a limit comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitFrom {
    /// Nothing says otherwise.
    Default,
    /// This line of the manifest.
    Manifest(Line),
    /// The run lowered it.
    Run,
}

impl Policy {
    /// Explains what [`Policy::decide`] says of a call.
    #[must_use]
    pub fn explain(&self, call: &ValidatedCall, tool: &Tool, facts: &Facts<'_>) -> Explanation {
        let judged = self.judge(call, tool, facts);
        let entry = self.entry(call.tool().as_str());
        let rules = entry.map(|entry| self.rule_lines(entry, call, facts)).unwrap_or_default();
        let mut explanation = Explanation {
            tool: call.tool().to_string(),
            verdict: Verdict::Deny,
            denial: None,
            decided_by: None,
            reason: None,
            asks: None,
            previewed_at: self.manifest().previewed_at(),
            rules_about_other_tools: self.manifest().rules().len().saturating_sub(rules.len()),
            rules,
            directories: entry.map(|entry| self.directory_lines(entry, facts)).unwrap_or_default(),
            requests: entry.map(|entry| self.request_lines(entry, facts)).unwrap_or_default(),
            env: entry.map(|entry| entry.grants.env.keys().cloned().collect()).unwrap_or_default(),
            server: entry.and_then(|entry| self.server_line(entry, facts)),
            limits: entry.map(|entry| self.limit_lines(entry, facts)).unwrap_or_default(),
            suggestion: None,
        };
        match judged {
            Ok((_, rule)) => {
                explanation.verdict =
                    if self.mode(facts) == Mode::Preview { rule.verdict.max(Verdict::Preview) } else { rule.verdict };
                explanation.reason.clone_from(&rule.reason);
                explanation.asks = self.asks(rule, &explanation.requests);
                explanation.decided_by = Some(self.rule_ref(rule));
            }
            Err(refused) => {
                explanation.reason = refused.rule.and_then(|rule| rule.reason.clone());
                let denial = self.denial(refused, call);
                explanation.denial = Some(denial.kind);
                explanation.decided_by = denial.rule;
                explanation.suggestion = Some(denial.suggestion);
            }
        }
        explanation
    }

    fn asks(&self, rule: &Rule, requests: &[RequestLine]) -> Option<Asks> {
        let lifetime = self.manifest().approvals().limits.lifetime;
        let secrets: BTreeSet<&String> = requests.iter().flat_map(|request| &request.secrets).collect();
        let secrets = secrets.into_iter().cloned().collect();
        (rule.verdict == Verdict::Ask).then_some(Asks {
            risk: rule.risk,
            every_time: rule.every_time,
            secrets,
            lifetime,
        })
    }

    fn rule_lines(&self, entry: &Entry, call: &ValidatedCall, facts: &Facts<'_>) -> Vec<RuleLine> {
        let extent = Extent::of(call.arguments());
        let mut decided = false;
        let mut line = |rule: &Arc<Rule>| {
            let outcome = match weigh_rule(rule, call.arguments(), extent, facts) {
                WeighedRule::OtherLabels => RuleOutcome::OtherLabels(labels_of(rule)),
                WeighedRule::DoesNot => RuleOutcome::OtherArguments(difference(rule, call)),
                WeighedRule::Matches | WeighedRule::Undecidable if decided => RuleOutcome::Overruled,
                WeighedRule::Matches => RuleOutcome::Decides,
                WeighedRule::Undecidable => RuleOutcome::Undecidable,
            };
            decided |= matches!(outcome, RuleOutcome::Decides | RuleOutcome::Undecidable);
            RuleLine { rule: self.rule_ref(rule), verdict: rule.verdict, outcome }
        };
        entry.rules.iter().map(&mut line).collect()
    }

    fn directory_lines(&self, entry: &Entry, facts: &Facts<'_>) -> Vec<DirectoryLine> {
        let grants = narrowed(&entry.grants, facts.scope);
        grants.directories.iter().map(|grant| self.directory_line(entry, grant)).collect()
    }

    fn directory_line(&self, entry: &Entry, grant: &DirectoryGrant) -> DirectoryLine {
        let component = self.manifest().components().get(entry.tool.name().component());
        let written = component
            .and_then(|component| component.directories.iter().find(|written| written.guest.value == grant.guest));
        DirectoryLine {
            guest: grant.guest.clone(),
            host: grant.host.display().to_string(),
            read: if grant.read.is_empty() { Vec::new() } else { grant.read.source().to_vec() },
            write: if grant.write.is_empty() { Vec::new() } else { grant.write.source().to_vec() },
            deny: grant.deny.source().to_vec(),
            symlinks: match grant.symlinks {
                Symlinks::Deny => "deny",
                Symlinks::Follow => "follow",
                Symlinks::Create => "create",
            },
            atomic: grant.atomic,
            labels: grant.labels.to_vec(),
            at: written.map(|written| self.manifest().source().line(&written.span)),
            needs_read: entry.ceiling.read.source().to_vec(),
            needs_write: entry.ceiling.write.source().to_vec(),
        }
    }

    fn limit_lines(&self, entry: &Entry, facts: &Facts<'_>) -> Vec<LimitLine> {
        let narrowed = facts.scope.narrow_limits(&entry.limits);
        let component = self.manifest().components().get(entry.tool.name().component());
        let line = |limit: Limit| {
            let written = component.and_then(|component| component.limits.spans.get(&limit));
            match written {
                _ if narrowed.get(limit) < entry.limits.get(limit) => LimitFrom::Run,
                Some(span) => LimitFrom::Manifest(self.manifest().source().line(span)),
                None => LimitFrom::Default,
            }
        };
        let row = |row: &crate::limit::Spec| LimitLine {
            limit: row.limit,
            bound: amount::show(narrowed.get(row.limit), row.unit),
            number: narrowed.get(row.limit),
            from: line(row.limit),
        };
        LIMITS.iter().map(row).collect()
    }
}

fn labels_of(rule: &Rule) -> Vec<Label> {
    rule.when_labels.iter().map(|label| label.value.clone()).collect()
}

fn difference(rule: &Rule, call: &ValidatedCall) -> Option<Violation> {
    rule.when.as_ref()?.value.first_violation(call.arguments())
}
