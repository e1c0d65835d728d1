//! Why a tool may or may not touch one path.

use serde::Serialize;

use crate::grant::{Patterns, is_within};
use crate::manifest::{Component, Directory, Line, PatternsAt};
use crate::policy::{Policy, RunScope, Suggestion, quoted};

/// What is to be done to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Read, list, ask about.
    Read,
    /// Create, change, delete.
    Write,
}

/// Why a tool may or may not touch one path.
#[derive(Debug, Clone, Serialize)]
pub struct PathExplanation {
    /// The tool.
    pub tool: String,
    /// The guest path.
    pub path: String,
    /// What is to be done to it.
    pub access: Access,
    /// Whether the patterns allow it. Symbolic links and limits may still refuse it.
    pub allowed: bool,
    /// Why.
    pub reason: PathReason,
    /// The line of the manifest that says so.
    pub at: Option<Line>,
    /// What would change a refusal.
    pub suggestion: Option<Suggestion>,
}

/// Why a path may or may not be touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathReason {
    /// There is no such tool.
    NoSuchTool,
    /// The path is not absolute and in its simplest form, so no grant can be found by looking at it.
    NotSimple,
    /// No directory is granted there.
    NotGranted,
    /// This `deny` pattern matches.
    DeniedBy(String),
    /// No pattern matches.
    NoPattern,
    /// The tool does not declare to need it.
    NotDeclared,
    /// The run is narrowed to something else.
    OutsideRun,
    /// This pattern allows it.
    AllowedBy(String),
}

impl Access {
    /// The key of the manifest.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    fn patterns(self, directory: &Directory) -> &PatternsAt {
        match self {
            Self::Read => &directory.read,
            Self::Write => &directory.write,
        }
    }
}

impl Policy {
    /// Explains whether `tool` may touch the guest path `path`, which the host has resolved.
    #[must_use]
    pub fn explain_path(&self, tool: &str, path: &str, access: Access, scope: &RunScope) -> PathExplanation {
        let (reason, at, suggestion) = self.path_reason(tool, path, access, scope);
        let allowed = matches!(reason, PathReason::AllowedBy(_));
        PathExplanation { tool: tool.to_owned(), path: path.to_owned(), access, allowed, reason, at, suggestion }
    }

    fn path_reason(
        &self,
        tool: &str,
        path: &str,
        access: Access,
        scope: &RunScope,
    ) -> (PathReason, Option<Line>, Option<Suggestion>) {
        let line = |span| Some(self.manifest().source().line(span));
        let Some(entry) = self.entry(tool).filter(|entry| entry.exposed) else {
            return (PathReason::NoSuchTool, None, None);
        };
        let Some(component) = self.manifest().components().get(entry.tool.name().component()) else {
            return (PathReason::NoSuchTool, None, None);
        };
        if !is_simple(path) {
            return (PathReason::NotSimple, None, None);
        }
        let Some(directory) = component.directories.iter().find(|directory| is_within(path, &directory.guest.value))
        else {
            return (PathReason::NotGranted, None, Some(grant_directory(component, path, access)));
        };
        let relative = path.strip_prefix(directory.guest.value.as_str()).unwrap_or_default().trim_start_matches('/');
        if let Some((pattern, span)) = first_match(&directory.deny, relative) {
            let suggestion = Suggestion::new(format!("remove or narrow {} in `deny`", quoted(pattern)));
            return (PathReason::DeniedBy(pattern.to_owned()), line(span), line(span).map(|line| suggestion.at(line)));
        }
        let patterns = access.patterns(directory);
        let Some((pattern, span)) = first_match(patterns, relative) else {
            let at = patterns.spans.last().unwrap_or(&directory.span);
            return (
                PathReason::NoPattern,
                line(&directory.span),
                line(at).map(|line| add_pattern(access, patterns, relative).at(line)),
            );
        };
        let ceiling = match access {
            Access::Read => &entry.ceiling.read,
            Access::Write => &entry.ceiling.write,
        };
        if !ceiling.matches(path) {
            let text = format!(
                "no grant can give this: `{tool}` does not declare to {} it; a newer version of the tool may",
                access.key()
            );
            return (PathReason::NotDeclared, None, Some(Suggestion::new(text)));
        }
        if !scope.has_path(path) || (access == Access::Write && scope.is_read_only()) {
            return (
                PathReason::OutsideRun,
                None,
                Some(Suggestion::new("start the run without narrowing it to other paths")),
            );
        }
        (PathReason::AllowedBy(pattern.to_owned()), line(span), None)
    }
}

/// Absolute, without empty, `.` and `..` parts.
fn is_simple(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")))
}

fn first_match<'a>(patterns: &'a PatternsAt, path: &str) -> Option<(&'a str, &'a std::ops::Range<usize>)> {
    let alone = |pattern: &str| Patterns::new([pattern]).is_ok_and(|alone| alone.matches(path));
    let mut written = patterns.patterns.source().iter().zip(&patterns.spans);
    written.find(|(pattern, _)| alone(pattern)).map(|(pattern, span)| (pattern.as_str(), span))
}

fn add_pattern(access: Access, patterns: &PatternsAt, relative: &str) -> Suggestion {
    let key = access.key();
    let pattern = if relative.is_empty() { "**".to_owned() } else { literal(relative) };
    let all: Vec<String> = patterns.patterns.source().iter().chain([&pattern]).map(|pattern| quoted(pattern)).collect();
    Suggestion::new(format!("to allow it, {} `{key}`", if patterns.spans.is_empty() { "write this" } else { "change" }))
        .toml(format!("{key} = [{}]\n", all.join(", ")))
}

/// The first part of the path as guest path, the rest as pattern.
fn grant_directory(component: &Component, path: &str, access: Access) -> Suggestion {
    let rest = path.trim_start_matches('/');
    let (first, pattern) = rest.split_once('/').map_or((rest, "**".to_owned()), |(first, rest)| (first, literal(rest)));
    let text = "to allow it, grant a directory; name the one on the host that is meant";
    let toml = format!(
        "[[tools.{}.directories]]\nhost = \"…\"\nguest = {}\n{} = [{}]\n",
        component.name.value,
        quoted(&format!("/{first}")),
        access.key(),
        quoted(&pattern)
    );
    Suggestion::new(text).toml(toml)
}

/// A pattern that matches this path only.
fn literal(path: &str) -> String {
    let escape = |char: char| if "*?[]{}\\".contains(char) { vec!['\\', char] } else { vec![char] };
    path.chars().flat_map(escape).collect()
}
