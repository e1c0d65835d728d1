//! What can be wrong with a manifest, and all of it together as one diagnostic.
//!
//! Every problem has a place, a label and, where there is one, a way out. Rendering is left to the binary: this only
//! implements [`miette::Diagnostic`].

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode as _};

use crate::schema::nearest;

use super::source::Source;

/// More than these are counted, not shown: a file that is not a manifest at all has a problem in every line.
const MAX_SHOWN: usize = 50;

macro_rules! codes {
    ($($variant:ident $text:literal $doc:literal),+ $(,)?) => {
        /// The kinds of problem. The text of each is stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $doc] $variant),+ }

        impl Code {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// One line for the reference page.
            #[must_use]
            pub fn doc(self) -> &'static str {
                match self { $(Self::$variant => $doc),+ }
            }
        }
    };
}

codes! {
    TooLarge "too-large" "The file is larger than a manifest may be.",
    Invisible "invisible-character" "A character that is not shown, or that changes the order in which text is shown.",
    Syntax "syntax" "The file is not TOML.",
    Version "version" "The version is not one that this build reads.",
    UnknownKey "unknown-key" "A key that does not exist.",
    MissingKey "missing-key" "A key that must be there is not.",
    WrongType "wrong-type" "A value of another type than the key takes.",
    UnknownWord "unknown-word" "A word that is not one of those that the key takes.",
    Amount "amount" "A number or unit that cannot be read, or one that is too small to be of use.",
    Empty "empty" "A list or text that must not be empty is.",
    Name "name" "A name of a component, tool or rule that is not well formed.",
    Glob "glob" "A path pattern that cannot be used.",
    GuestPath "guest-path" "A guest path that is not absolute and in its simplest form.",
    HostPath "host-path" "A host path or component source that cannot be used.",
    Http "http" "A host, scheme, method, range of addresses or header that no request can be granted with.",
    Secret "secret" "A secret with no source or place or with several, or one that others would get to know.",
    UnknownSecret "unknown-secret" "A grant or a model names a secret that the manifest does not have.",
    Signer "signer" "A key or an identity that is none, a signer without what it takes, or a component whose signer is missing or not known.",
    Model "model" "A model that cannot be asked: no such address, price or name, or a setting that does not fit another.",
    UnknownModel "unknown-model" "`[run] models` names a model that the manifest does not have, or one twice.",
    Env "env" "A name or value that no environment variable can have.",
    Instant "instant" "A clock or source of randomness that cannot be read.",
    ToolPattern "tool-pattern" "A pattern over tool names that is not well formed.",
    Condition "condition" "A `when` that is not a usable JSON Schema.",
    DuplicateRule "duplicate-rule" "Two rules with one name.",
    Approval "approval" "A webhook or client of `[approvals]` that cannot be used, or a rule that asks nobody and is to do so every time.",
    Fallback "fallback" "A fallback that names no tool or value, or both, or one that cannot stand in for the tool.",
    Command "command" "A program that cannot be called as the manifest says, or a component that is none or does not say how.",
    Server "server" "An MCP server that cannot be reached as the manifest says, or a key that says nothing of a server, or of a component.",
    Overlap "overlap" "Two directories of a component at one guest path, or one within the other.",
    UnknownComponent "unknown-component" "A rule names a component that the manifest does not have.",
    UnknownLabel "unknown-label" "A rule names a label that no grant has, so that it would never match.",
    UnknownTool "unknown-tool" "A rule or `expose` names a tool that no component has.",
    HiddenTool "hidden-tool" "A rule names a tool that `expose` hides.",
    UnknownArgument "unknown-argument" "A `when` looks at an argument that none of the rule's tools has.",
    OptionalArgument "optional-argument" "An `allow` rule looks at an argument that a call may leave out. A warning.",
    Need "need" "A tool declares a need that is neither a pattern over guest paths nor an origin. A warning: it cannot be granted.",
    Case "case" "A test case that contradicts itself or another one. In case files only.",
    Host "host" "The host finds that a path does not exist, is of another kind, or must not be granted.",
}

/// One problem at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind.
    pub code: Code,
    /// Where, in bytes of the source text.
    pub span: Range<usize>,
    message: String,
    form: &'static str,
    label: String,
    help: Option<String>,
    also: Option<(Range<usize>, String)>,
}

impl Problem {
    /// A problem with its message: lower case, no full stop, input in backticks.
    #[must_use]
    pub fn new(code: Code, span: &Range<usize>, message: impl Into<String>) -> Self {
        let message = escaped(&message.into());
        Self { code, span: span.clone(), message, form: "manifest", label: "here".into(), help: None, also: None }
    }

    /// What stands at the place itself.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Self {
        Self { label: escaped(&label.into()), ..self }
    }

    /// The way out.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(escaped(&help.into())), ..self }
    }

    /// The way out, if there is one.
    #[must_use]
    pub fn maybe_help(self, help: Option<String>) -> Self {
        Self { help: help.map(|help| escaped(&help)), ..self }
    }

    /// A second place that has to do with it.
    #[must_use]
    pub fn also(self, span: &Range<usize>, label: impl Into<String>) -> Self {
        Self { also: Some((span.clone(), escaped(&label.into()))), ..self }
    }

    /// Whether the manifest can be used in spite of it.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        matches!(self.code, Code::OptionalArgument | Code::Need)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(format!("{}::{}", self.form, self.code.as_str())))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(if self.is_warning() { miette::Severity::Warning } else { miette::Severity::Error })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let first = LabeledSpan::new_primary_with_span(Some(self.label.clone()), self.span.clone());
        let second =
            self.also.iter().map(|(span, label)| LabeledSpan::new_with_span(Some(label.clone()), span.clone()));
        Some(Box::new(std::iter::once(first).chain(second)))
    }
}

/// Everything that is wrong with a manifest. Nothing runs with one that has any.
#[derive(Debug, Clone, thiserror::Error)]
pub struct Errors {
    form: &'static str,
    source_code: NamedSource<Arc<str>>,
    problems: Vec<Problem>,
}

impl Errors {
    /// `Ok` if there is no problem; otherwise all of them, in the order of the text.
    pub(crate) fn check(source: &Source, mut problems: Vec<Problem>) -> Result<(), Self> {
        problems.sort_by_key(|problem| (problem.span.start, problem.span.end, problem.code));
        problems.dedup();
        if problems.is_empty() { Ok(()) } else { Err(Self::of(source, problems)) }
    }

    /// These problems, of which there is at least one.
    pub(super) fn of(source: &Source, mut problems: Vec<Problem>) -> Self {
        problems.iter_mut().for_each(|problem| problem.form = source.form());
        Self { form: source.form(), source_code: source.as_named(), problems }
    }

    /// Each problem, in the order of the text.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The file that they are in, as it was named.
    #[must_use]
    pub fn file(&self) -> &str {
        self.source_code.name()
    }

    /// Line and column at which a problem begins, both from 1.
    #[must_use]
    pub fn place(&self, problem: &Problem) -> Option<(usize, usize)> {
        let read = self.source_code.read_span(&problem.span.clone().into(), 0, 0).ok()?;
        Some((read.line() + 1, read.column() + 1))
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => write!(out, "the {} `{}` has a problem", self.form, self.source_code.name()),
            count => write!(out, "the {} `{}` has {count} problems", self.form, self.source_code.name()),
        }
    }
}

impl Diagnostic for Errors {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let left_out = self.problems.len().checked_sub(MAX_SHOWN).filter(|count| *count > 0)?;
        Some(Box::new(format!("{left_out} more are not shown")))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source_code)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.problems.iter().take(MAX_SHOWN).map(|problem| problem as &dyn Diagnostic)))
    }
}

/// A manifest may come from a stranger; what is quoted of it is shown, not obeyed.
fn escaped(text: &str) -> String {
    crate::escape::line(text).into_owned()
}

/// "did you mean `…`?", or the whole choice where nothing is near and the choice is short.
pub(crate) fn suggest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
    what: &str,
) -> Option<String> {
    if let Some(near) = nearest(word, candidates.clone().into_iter()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<String> = candidates.into_iter().map(|candidate| format!("`{candidate}`")).collect();
    (1..=16).contains(&all.len()).then(|| format!("{what}: {}", all.join(", ")))
}
