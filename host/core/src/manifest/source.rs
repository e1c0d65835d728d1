//! The text of a manifest, and places in it.

use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use crate::id::Digest;

use super::text::is_invisible;

/// The text that a manifest was read from, kept so that every later error and explanation can point into it.
#[derive(Debug, Clone)]
pub struct Source {
    form: &'static str,
    name: Arc<str>,
    text: Arc<str>,
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Bytes of the source text.
    pub span: Range<usize>,
}

impl<T> Located<T> {
    pub(crate) fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }
}

impl<T> From<toml::Spanned<T>> for Located<T> {
    fn from(spanned: toml::Spanned<T>) -> Self {
        let span = spanned.span();
        Self { value: spanned.into_inner(), span }
    }
}

/// A line of a file, as people count: from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The file, as it was named when it was read.
    pub file: Arc<str>,
    /// The line.
    pub line: usize,
}

impl std::fmt::Display for Line {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}", self.file, self.line)
    }
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        Self { form: "manifest", name: name.into(), text: text.into() }
    }

    /// The text of a file of another form that is checked in the same way.
    pub(super) fn of_form(form: &'static str, name: &str, text: &str) -> Self {
        Self { form, ..Self::new(name, text) }
    }

    /// What messages and codes call a file of this form.
    pub(super) fn form(&self) -> &'static str {
        self.form
    }

    /// What the file is called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What decisions made under this manifest are bound to.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }

    /// The line in which `span` begins.
    #[must_use]
    pub fn line(&self, span: &Range<usize>) -> Line {
        let before = self.text.as_bytes().get(..span.start).unwrap_or(self.text.as_bytes());
        Line { file: Arc::clone(&self.name), line: 1 + before.iter().filter(|byte| **byte == b'\n').count() }
    }

    /// For diagnostics, which print lines of it: what a terminal would obey or hide is replaced, byte for byte.
    pub(super) fn as_named(&self) -> miette::NamedSource<Arc<str>> {
        let must_replace =
            |char: char| (char.is_control() && !matches!(char, '\n' | '\r' | '\t')) || is_invisible(char);
        if !self.text.chars().any(must_replace) {
            return miette::NamedSource::new(crate::escape::line(&self.name), Arc::clone(&self.text))
                .with_language("TOML");
        }
        let replaced = |char: char| if must_replace(char) { "?".repeat(char.len_utf8()) } else { char.to_string() };
        let text: String = self.text.chars().map(replaced).collect();
        miette::NamedSource::new(crate::escape::line(&self.name), text.into()).with_language("TOML")
    }
}
