//! From the wire form to the validated one: everything that takes more than one key to know.

mod approvals;
mod commands;
mod http;
mod models;
mod reliability;
mod servers;
mod signing;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

use crate::call::Mode;
use crate::grant::{Clock, Patterns, Random, Symlinks, is_within};
use crate::id::{ComponentName, Label, ModelName};
use crate::limit::{LIMITS, Unit};
use crate::origin::Origin;

use super::amount;
use super::condition::Condition;
use super::problem::{Code, Problem, suggest};
use super::settings::Setting;
use super::source::{Located, Source};
use super::tool_pattern::ToolPattern;
use super::{Component, Directory, LimitsAt, Manifest, PatternsAt, Reliability, Rule, Verdict, text, v1};

/// Builds the validated form and collects what is wrong with it.
pub(super) struct Validator<'a> {
    pub(super) base: &'a Path,
    pub(super) problems: Vec<Problem>,
}

/// What is said once for all components.
struct Defaults<'a> {
    limits: LimitsAt,
    reliability: Reliability,
    secrets: &'a http::Secrets,
}

impl Validator<'_> {
    /// `source` is what `wire` was read from.
    pub(super) fn manifest(&mut self, source: Source, wire: v1::Manifest) -> Manifest {
        let secrets = self.secrets(wire.secrets);
        let signers = self.signers(wire.signers);
        let unsigned = signing::unsigned(wire.unsigned);
        let reliability = self.of_all(wire.retry, wire.breaker);
        let defaults = Defaults {
            limits: limits(wire.limits, &LimitsAt::default()),
            reliability: reliability.clone(),
            secrets: &secrets,
        };
        let components: BTreeMap<ComponentName, Component> =
            wire.tools.into_iter().filter_map(|(name, component)| self.component(name, component, &defaults)).collect();
        let rules: Vec<_> = wire.rules.into_iter().filter_map(|rule| self.rule(rule)).map(Arc::new).collect();
        self.signers_are_known(&components, &signers, unsigned);
        self.names_are_unique(&rules);
        self.components_are_known(&rules, &components);
        let named: BTreeSet<ModelName> = wire.models.keys().filter_map(|name| name.get_ref().parse().ok()).collect();
        let models = self.models(wire.models, &secrets);
        let chain = self.chain(&wire.run.models, &named);
        self.labels_are_known(&rules, &components);
        let (mut run, mut host) = Default::default();
        settings(&super::settings::RUN, wire.run.amounts, &mut run);
        settings(&super::settings::HOST, wire.host, &mut host);
        let mode = wire.mode.map(|mode| {
            let value = match mode.get_ref() {
                v1::Mode::Live => Mode::Live,
                v1::Mode::Preview => Mode::Preview,
            };
            Located::new(value, mode.span())
        });
        let approvals = self.approvals(wire.approvals, &secrets);
        let client_rate = wire.clients.rate.and_then(|rate| rate.parse().ok());
        Manifest {
            source,
            mode,
            components,
            secrets,
            signers,
            unsigned,
            rules,
            models,
            chain,
            run,
            host,
            reliability,
            client_rate,
            approvals,
        }
    }

    fn component(
        &mut self,
        name: Spanned<String>,
        mut wire: v1::Component,
        defaults: &Defaults<'_>,
    ) -> Option<(ComponentName, Component)> {
        let parsed: ComponentName = name.get_ref().parse().ok()?;
        let server = self.server(&mut wire, &name, defaults.secrets);
        let directories: Vec<_> =
            wire.directories.into_iter().filter_map(|directory| self.directory(directory)).collect();
        self.guest_paths_are_apart(&directories);
        let http = wire.http.into_iter().filter_map(|grant| self.http(grant, defaults.secrets)).collect();
        let reliability = self.of_component(&defaults.reliability, wire.retry, wire.breaker, wire.rate.as_deref());
        let tools = wire.tool.into_iter().filter_map(|(name, tool)| self.tool(&name, tool, &reliability)).collect();
        let commands = self.commands(wire.commands);
        let written = wire.source?;
        let origin = Origin::parse(written.get_ref()).ok()?;
        let path = (!origin.is_remote()).then(|| Located::new(self.join(written.get_ref()), written.span()));
        let origin = Located::new(origin, written.span());
        let component = Component {
            name: Located::new(parsed.clone(), name.span()),
            origin,
            path,
            written: written.into_inner(),
            signed_by: wire.signed_by.into_iter().filter_map(parse_located).collect(),
            signed_as: wire.signed_as.map_or(Some(parsed.clone()), |written| written.parse().ok())?,
            expose: wire.expose.map(|names| names.into_iter().filter_map(parse_located).collect()),
            directories,
            http,
            env: Arc::new(wire.env),
            clock: wire.clock.map_or(Some(Clock::Host), |written| text::clock(&written))?,
            random: wire.random.map_or(Some(Random::Host), |written| text::random(&written))?,
            limits: limits(wire.limits, &defaults.limits),
            reliability,
            tools,
            commands,
            server,
        };
        Some((parsed, component))
    }

    fn directory(&mut self, wire: Spanned<v1::Directory>) -> Option<Directory> {
        let span = wire.span();
        let wire = wire.into_inner();
        let host = wire.host?;
        Some(Directory {
            span,
            host: Located::new(self.join(host.get_ref()), host.span()),
            guest: wire.guest?.into(),
            read: self.patterns(wire.read)?,
            write: self.patterns(wire.write)?,
            deny: self.patterns(wire.deny)?,
            symlinks: match wire.symlinks {
                v1::Symlinks::Deny => Symlinks::Deny,
                v1::Symlinks::Follow => Symlinks::Follow,
                v1::Symlinks::Create => Symlinks::Create,
            },
            atomic: wire.atomic.unwrap_or(true),
            labels: labels(&wire.labels),
        })
    }

    /// Each pattern compiles, the checker has seen to that; all of them together may still be too large.
    fn patterns(&mut self, written: Vec<Spanned<String>>) -> Option<PatternsAt> {
        let spans: Vec<Range<usize>> = written.iter().map(Spanned::span).collect();
        match Patterns::new(written.into_iter().map(Spanned::into_inner)) {
            Ok(patterns) => Some(PatternsAt { patterns, spans }),
            Err((index, error)) => {
                let span = spans.get(index).cloned().unwrap_or_default();
                self.problems.push(Problem::new(
                    Code::Glob,
                    &span,
                    format!("these patterns cannot be used together: {error}"),
                ));
                None
            }
        }
    }

    fn rule(&mut self, wire: Spanned<v1::Rule>) -> Option<Rule> {
        let span = wire.span();
        let wire = wire.into_inner();
        let when = wire.when.map(|when| self.condition(&when)).transpose();
        let verdict = match wire.decision? {
            v1::Decision::Allow => Verdict::Allow,
            v1::Decision::Preview => Verdict::Preview,
            v1::Decision::Ask => Verdict::Ask,
            v1::Decision::Deny => Verdict::Deny,
        };
        Some(Rule {
            span,
            name: wire.name?.into(),
            risk: approvals::risk(wire.risk),
            every_time: self.every_time(wire.every_time, verdict),
            verdict,
            tools: wire.tools.into_iter().filter_map(pattern_located).collect(),
            when: when.ok()?,
            when_labels: wire.when_labels.into_iter().filter_map(parse_located).collect(),
            reason: wire.reason,
            advice: wire.advice,
        })
    }

    fn condition(&mut self, when: &Spanned<serde_json::Value>) -> Result<Located<Condition>, ()> {
        let condition = Condition::compile(when.get_ref()).map_err(|error| {
            let message = format!("this `when` is not a usable JSON Schema: {error}");
            let problem = Problem::new(Code::Condition, &when.span(), message).label("does not compile");
            self.problems.push(problem.help("a `when` is JSON Schema 2020-12; `$ref` leads to `#/$defs/…` within it"));
        })?;
        Ok(Located::new(condition, when.span()))
    }

    /// Lexically: `.` parts are dropped, `..` is left for the file system, which knows about symbolic links.
    fn join(&self, written: &str) -> PathBuf {
        self.base.components().chain(Path::new(written).components()).fold(PathBuf::new(), |mut joined, part| {
            match part {
                std::path::Component::CurDir => {}
                part => joined.push(part),
            }
            joined
        })
    }

    fn names_are_unique(&mut self, rules: &[Arc<Rule>]) {
        let mut seen: BTreeMap<&str, &Range<usize>> = BTreeMap::new();
        for rule in rules {
            let name = &rule.name;
            if let Some(first) = seen.get(name.value.as_str()) {
                let problem =
                    Problem::new(Code::DuplicateRule, &name.span, format!("two rules are called `{}`", name.value));
                let problem = problem.label("the same name again").also(first, "first used here");
                self.problems.push(
                    problem.help("explanations and the audit trail name the rule that decided; give each its own name"),
                );
            } else {
                seen.insert(&name.value, &name.span);
            }
        }
    }

    fn components_are_known(&mut self, rules: &[Arc<Rule>], components: &BTreeMap<ComponentName, Component>) {
        let names = || components.keys().map(ComponentName::as_str);
        for pattern in rules.iter().flat_map(|rule| &rule.tools) {
            let wanted = pattern.value.component();
            if names().any(|name| pattern.value.matches_component(name)) {
                continue;
            }
            let message = match wanted.contains('*') {
                true => format!("no component matches `{wanted}`"),
                false => format!("there is no component `{wanted}`"),
            };
            let help = suggest(wanted, names().collect::<Vec<_>>(), "the components are");
            let help = help.unwrap_or_else(|| format!("add it: `[tools.{wanted}]` with `source = \"…\"`"));
            self.problems
                .push(Problem::new(Code::UnknownComponent, &pattern.span, message).label("matches no tool").help(help));
        }
    }

    /// A rule about a label that nothing has would never match, and what it was to deny would be allowed.
    fn labels_are_known(&mut self, rules: &[Arc<Rule>], components: &BTreeMap<ComponentName, Component>) {
        let known = labels_of(components);
        for label in rules.iter().flat_map(|rule| &rule.when_labels) {
            let wanted = label.value.as_str();
            if !known.contains(wanted) {
                let problem =
                    Problem::new(Code::UnknownLabel, &label.span, format!("no grant has the label `{wanted}`"));
                let help = suggest(wanted, known.iter().copied(), "the labels are");
                let help =
                    help.unwrap_or_else(|| format!("give it to a directory or to requests: `labels = [\"{wanted}\"]`"));
                self.problems.push(problem.label("nothing that is read has it").help(help));
            }
        }
    }

    /// Sorted so that whatever lies within a path follows it at once.
    fn guest_paths_are_apart(&mut self, directories: &[Directory]) {
        let mut sorted: Vec<&Located<String>> = directories.iter().map(|directory| &directory.guest).collect();
        sorted.sort_by_key(|guest| guest.value.replace('/', "\0"));
        for (outer, inner) in sorted.iter().zip(sorted.iter().skip(1)) {
            if is_within(&inner.value, &outer.value) {
                let message = match inner.value == outer.value {
                    true => format!("two directories are at the guest path `{}`", inner.value),
                    false => format!("the guest path `{}` lies within `{}`", inner.value, outer.value),
                };
                let problem = Problem::new(Code::Overlap, &inner.span, message)
                    .label("this one")
                    .also(&outer.span, "and this one");
                self.problems
                    .push(problem.help("give each directory a guest path of its own, side by side: `/in` and `/out`"));
            }
        }
    }
}

/// What grants say of data, in all.
pub(super) fn labels_of(components: &BTreeMap<ComponentName, Component>) -> BTreeSet<&str> {
    let of_files = components.values().flat_map(|component| &component.directories).map(|grant| &grant.labels);
    let of_requests = components.values().flat_map(|component| &component.http).map(|grant| &grant.value.labels);
    let of_servers = components.values().filter_map(|component| component.server.as_ref()).map(|server| &server.labels);
    let all = of_files.chain(of_requests).chain(of_servers);
    all.flat_map(|labels| labels.iter()).map(Label::as_str).collect()
}

/// The checker has taken out what cannot be read. Each once, in order.
fn labels(written: &[String]) -> Arc<[Label]> {
    let all: BTreeSet<Label> = written.iter().filter_map(|text| text.parse().ok()).collect();
    all.into_iter().collect()
}

fn parse_located<T: std::str::FromStr>(written: Spanned<String>) -> Option<Located<T>> {
    Some(Located::new(written.get_ref().parse().ok()?, written.span()))
}

fn pattern_located(written: Spanned<String>) -> Option<Located<ToolPattern>> {
    Some(Located::new(ToolPattern::parse(written.get_ref()).ok()?, written.span()))
}

fn limits(written: v1::Amounts, defaults: &LimitsAt) -> LimitsAt {
    let mut limits = defaults.clone();
    for (key, amount) in written {
        let row = LIMITS.iter().find(|row| row.key == key.get_ref());
        if let Some((row, value)) = row.and_then(|row| Some((row, value(amount.get_ref(), row.unit)?))) {
            limits.limits.set(row.limit, value);
            limits.spans.insert(row.limit, key.span().start..amount.span().end);
        }
    }
    limits
}

fn settings<T>(rows: &[Setting<T>], written: v1::Amounts, target: &mut T) {
    for (key, amount) in written {
        let row = rows.iter().find(|row| row.key == key.get_ref());
        if let Some((row, value)) = row.and_then(|row| Some((row, value(amount.get_ref(), row.unit)?))) {
            *(row.field)(target) = value;
        }
    }
}

/// The checker has read it before: `None` does not occur for what it left.
fn value(written: &v1::Amount, unit: Unit) -> Option<u64> {
    match written {
        v1::Amount::Number(number) => Some(*number),
        v1::Amount::Text(text) => amount::parse(text, unit).ok(),
    }
}
