//! From a manifest and the tools that were loaded to a policy: every name is looked up, every rule finds its tools.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use crate::id::LocalName;
use crate::manifest::{
    Code, Component, Condition, Errors, Located, Manifest, Problem, Rule, ToolPattern, Verdict, suggest,
};
use crate::tool::{Catalog, Tool};

use super::grants::{Ceiling, granted};
use super::rules::Rules;
use super::{Entry, Policy, fallbacks};

impl Policy {
    /// Resolves a manifest against the tools of its components.
    ///
    /// # Errors
    ///
    /// Every tool that the manifest names and no component has, every rule that can never match.
    pub fn resolve(manifest: Arc<Manifest>, catalog: &Catalog) -> Result<Self, Errors> {
        let mut resolver = Resolver {
            manifest: &manifest,
            tools: entries(&manifest, catalog),
            rules: BTreeMap::new(),
            problems: Vec::new(),
        };
        resolver.exposed_tools_exist();
        resolver.single_tools_exist();
        resolver.tools_of_servers_exist();
        resolver.needs_are_usable();
        manifest.rules().iter().for_each(|rule| resolver.rule(rule));
        let Resolver { mut tools, rules, mut problems, .. } = resolver;
        problems.extend(fallbacks::problems(&tools));
        manifest.complain(problems.clone())?;
        for (name, rules) in rules {
            tools.entry(name).and_modify(|entry| entry.rules = Rules::of(rules));
        }
        Ok(Self { tools, warnings: problems, manifest })
    }
}

fn entries(manifest: &Manifest, catalog: &Catalog) -> BTreeMap<String, Entry> {
    let known = |tool: &Tool| Some((tool.clone(), manifest.components().get(tool.name().component())?));
    let entry = |(tool, component): (Tool, &Component)| (tool.name().as_str().to_owned(), entry(tool, component));
    catalog.iter().filter_map(known).map(entry).collect()
}

fn entry(tool: Tool, component: &Component) -> Entry {
    let ceiling = Ceiling::of(&tool.info().needs);
    let own = component.tools.get(tool.name().local()).map(|own| &own.value);
    Entry {
        reliability: own.unwrap_or(&component.reliability).clone(),
        exposed: component
            .expose
            .as_ref()
            .is_none_or(|names| names.iter().any(|name| name.value == *tool.name().local())),
        grants: granted(component, tool.name().local(), &ceiling),
        limits: component.limits.limits.clone(),
        rules: Rules::default(),
        ceiling,
        tool,
    }
}

struct Resolver<'a> {
    manifest: &'a Manifest,
    tools: BTreeMap<String, Entry>,
    /// The rules about each tool, in no order.
    rules: BTreeMap<String, Vec<Arc<Rule>>>,
    problems: Vec<Problem>,
}

impl Resolver<'_> {
    fn exposed_tools_exist(&mut self) {
        for (component, name) in self
            .manifest
            .components()
            .values()
            .flat_map(|component| component.expose.iter().flatten().map(move |name| (component, name)))
        {
            let whole = format!("{}.{}", component.name.value, name.value);
            if self.tools.contains_key(&whole) {
                continue;
            }
            self.no_such_tool(component, &name.value, &name.span);
        }
    }

    fn single_tools_exist(&mut self) {
        for component in self.manifest.components().values() {
            for (name, own) in &component.tools {
                if !self.tools.contains_key(&format!("{}.{name}", component.name.value)) {
                    self.no_such_tool(component, name, &own.span);
                }
            }
        }
    }

    /// What the operator says of a tool that is not there would be said of none.
    fn tools_of_servers_exist(&mut self) {
        for component in self.manifest.components().values() {
            for name in component.server.iter().flat_map(|server| server.read_only.iter().chain(&server.idempotent)) {
                if !self.tools.contains_key(&format!("{}.{}", component.name.value, name.value)) {
                    self.no_such_tool(component, &name.value, &name.span);
                }
            }
        }
    }

    fn no_such_tool(&mut self, component: &Component, name: &LocalName, span: &Range<usize>) {
        let own =
            self.tools.values().map(|entry| entry.tool.name()).filter(|tool| *tool.component() == component.name.value);
        let locals: Vec<&str> = own.map(|tool| tool.local().as_str()).collect();
        let message = format!("the component `{}` has no tool `{name}`", component.name.value);
        let problem = Problem::new(Code::UnknownTool, span, message).label("no such tool");
        self.problems.push(problem.maybe_help(suggest(name.as_str(), locals, "its tools are")));
    }

    fn needs_are_usable(&mut self) {
        for entry in self.tools.values() {
            let Some(component) = self.manifest.components().get(entry.tool.name().component()) else { continue };
            for (target, why) in &entry.ceiling.unusable {
                let message = format!(
                    "tool `{}` declares that it needs `{}`, which is not usable: {why}",
                    entry.tool.name(),
                    crate::escape::line(target)
                );
                let problem = Problem::new(Code::Need, &component.origin.span, message).label("this component");
                self.problems
                    .push(problem.help(
                        "the need counts as not declared, so it cannot be granted; the tool's author can fix it",
                    ));
            }
        }
    }

    /// Enters a rule at each tool that it is about.
    fn rule(&mut self, rule: &Arc<Rule>) {
        let before = self.problems.len();
        let found: BTreeSet<String> = rule.tools.iter().flat_map(|pattern| self.matching(pattern)).collect();
        if let Some(when) = &rule.when
            && self.problems.len() == before
        {
            self.arguments_exist(rule, when, &found);
        }
        for name in found {
            self.rules.entry(name).or_default().push(Arc::clone(rule));
        }
    }

    /// The tools that a pattern matches: one look for a name, a walk only for a pattern with `*`.
    fn matching(&mut self, pattern: &Located<ToolPattern>) -> Vec<String> {
        let matches: Vec<&Entry> = match pattern.value.as_exact() {
            Some((component, local)) => self.tools.get(&format!("{component}.{local}")).into_iter().collect(),
            None => self.tools.values().filter(|entry| pattern.value.matches(entry.tool.name())).collect(),
        };
        if let Some(problem) = self.matches_nothing(pattern, &matches) {
            self.problems.push(problem);
            return Vec::new();
        }
        matches.into_iter().filter(|entry| entry.exposed).map(|entry| entry.tool.name().as_str().to_owned()).collect()
    }

    fn matches_nothing(&self, pattern: &Located<ToolPattern>, matches: &[&Entry]) -> Option<Problem> {
        if matches.iter().any(|entry| entry.exposed) {
            return None;
        }
        let fail = |code, message| Some(Problem::new(code, &pattern.span, message).label("matches no tool"));
        if let Some(hidden) = matches.first() {
            let message = format!("`{}` is hidden by `expose` of its component", hidden.tool.name());
            return fail(Code::HiddenTool, message).map(|problem| {
                problem.help(format!("add `{}` to `expose`, or leave it out here", hidden.tool.name().local()))
            });
        }
        let names: Vec<&str> =
            self.tools.values().filter(|entry| entry.exposed).map(|entry| entry.tool.name().as_str()).collect();
        let message = format!("`{}` matches no tool", pattern.value);
        // A pattern is near to no name: show them all.
        let word = pattern.value.as_exact().map_or(String::new(), |_| pattern.value.to_string());
        fail(Code::UnknownTool, message).map(|problem| problem.maybe_help(suggest(&word, names, "the tools are")))
    }

    /// A `when` that looks at an argument which no tool has would match always or never, whatever its author meant.
    fn arguments_exist(&mut self, rule: &Rule, when: &Located<Condition>, tools: &BTreeSet<String>) {
        let entries = tools.iter().filter_map(|name| self.tools.get(name));
        let schemas: Vec<&Value> = entries.map(|entry| entry.tool.input().source()).collect();
        let mut found = unknown_arguments(rule, when, &schemas);
        if rule.verdict == Verdict::Allow && found.is_empty() {
            found = optional_arguments(rule, when, &schemas);
        }
        self.problems.extend(found);
    }
}

/// Only where every tool says that it takes no further arguments.
fn unknown_arguments(rule: &Rule, when: &Located<Condition>, schemas: &[&Value]) -> Vec<Problem> {
    if !schemas.iter().all(|schema| schema.get("additionalProperties") == Some(&Value::Bool(false))) {
        return Vec::new();
    }
    let properties = schemas.iter().filter_map(|schema| schema.get("properties")?.as_object());
    let known: BTreeSet<&str> = properties.flatten().map(|(name, _)| name.as_str()).collect();
    let unknown = when.value.arguments().into_iter().filter(|argument| !known.contains(argument));
    let problem = |argument: &str| {
        let message = format!("no tool of rule `{}` has an argument `{argument}`", rule.name.value);
        let problem = Problem::new(Code::UnknownArgument, &when.span, message).label("in this `when`");
        problem.maybe_help(suggest(argument, known.iter().copied(), "their arguments are"))
    };
    unknown.map(problem).collect()
}

/// What is restricted only if it is there lets a call pass that leaves it out.
fn optional_arguments(rule: &Rule, when: &Located<Condition>, schemas: &[&Value]) -> Vec<Problem> {
    let requires = |schema: &Value, argument: &str| {
        let required = schema.get("required").and_then(Value::as_array);
        required.is_some_and(|names| names.iter().any(|name| name == argument))
    };
    let optional = when.value.optional().into_iter();
    let optional = optional.filter(|argument| !schemas.iter().all(|schema| requires(schema, argument)));
    let problem = |argument: &str| {
        let message = format!("rule `{}` also allows calls without `{argument}`", rule.name.value);
        let problem = Problem::new(Code::OptionalArgument, &when.span, message).label("does not require it");
        problem.help(format!("add `required = [\"{argument}\"]` if such calls are not meant"))
    };
    optional.map(problem).collect()
}
