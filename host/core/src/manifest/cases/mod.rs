//! Test cases of a tool: what it is called with, and what must come of it.
//!
//! A case file stands beside a tool and says the same of it in whatever language it is written. It is checked as strictly as a
//! manifest, by the same checker. [`judge`] compares a case with what a call came to; nothing here runs anything.

mod judge;
mod keys;
mod text;
mod validate;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::Value;

use crate::outcome::Class;
use crate::schema::CompiledSchema;

use super::check::Checker;
use super::{Errors, Line, Problem, Source, document, syntax};

pub use judge::{Contents, Difference, judge};
pub use keys::TABLES;

/// The cases of one file, in its order. There is at least one.
#[derive(Debug, Clone)]
pub struct Cases {
    /// The cases.
    pub cases: Vec<Case>,
}

/// One call and what must come of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// Unique in its file.
    pub name: String,
    /// Where it stands.
    pub line: Line,
    /// The tool, without its component.
    pub tool: String,
    /// The arguments, as the text of a JSON object.
    pub arguments: String,
    /// What the tool finds and may use.
    pub world: World,
    /// What must come of the call itself.
    pub expected: Expected,
    /// What must be different when it is over: these and no others.
    pub changes: Vec<ExpectedChange>,
    /// What must have been requested, in this order: these and no others.
    pub requests: Vec<ExpectedRequest>,
}

/// What the tool finds when it is called, and what it may use.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Texts of files by guest path. A path that ends with `/` is an empty directory.
    pub files: BTreeMap<String, String>,
    /// Folders beside the case file whose copies stand at a guest path.
    pub directories: BTreeMap<String, String>,
    /// Whether none of it may be written.
    pub read_only: bool,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// As in a manifest.
    pub clock: Option<String>,
    /// As in a manifest.
    pub random: Option<String>,
    /// As in a manifest.
    pub limits: BTreeMap<String, Value>,
    /// What requests are answered with. One that has no answer is not sent anywhere either.
    pub answers: Vec<CannedAnswer>,
}

/// What stands in for a server.
#[derive(Debug, Clone)]
pub struct CannedAnswer {
    /// The method of the request.
    pub method: String,
    /// The whole URL of the request.
    pub url: String,
    /// The status of the answer.
    pub status: u16,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: String,
}

/// What must come of the call itself.
#[derive(Debug, Clone)]
pub enum Expected {
    /// A result of which all of this holds.
    Success {
        /// It is this value.
        exactly: Option<Value>,
        /// It conforms to this.
        schema: Option<CompiledSchema>,
        /// At these JSON pointers are these values.
        at: BTreeMap<String, Value>,
    },
    /// A failure.
    Failure {
        /// Its kind.
        class: Option<Class>,
        /// Its code.
        code: Option<String>,
        /// What the message for the model contains.
        says: Option<String>,
    },
}

/// One path that must be different.
#[derive(Debug, Clone)]
pub struct ExpectedChange {
    /// The word that reports have for the kind of change.
    pub change: String,
    /// The guest path, without the `/` at its end.
    pub path: String,
    /// It must be a directory.
    pub is_directory: bool,
    /// Where it was before it was moved.
    pub from: Option<String>,
    /// The whole text that must be there.
    pub content: Option<String>,
    /// SHA-256 of the bytes that must be there.
    pub sha256: Option<String>,
}

/// One request that the tool must have made.
#[derive(Debug, Clone)]
pub struct ExpectedRequest {
    /// The method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// The word that reports have for how far it came.
    pub request: Option<String>,
}

impl Cases {
    /// Reads `text`, which came from the file that messages call `name`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    ///
    /// # Examples
    ///
    /// ```
    /// let text = "version = 1\n[[cases]]\nname = \"two words\"\ntool = \"count\"\narguments = { text = \"a b\" }\nresult = 2";
    /// let cases = toolhold_core::manifest::cases::Cases::parse(text, "cases.toml")?;
    /// assert_eq!(cases.cases[0].arguments, r#"{"text":"a b"}"#);
    /// # Ok::<(), toolhold_core::manifest::Errors>(())
    /// ```
    pub fn parse(text: &str, name: &str) -> Result<Self, Errors> {
        let source = Source::of_form("case file", name, text);
        if text.len() > super::MAX_BYTES {
            let message = format!("a case file has at most {} bytes, this one has {}", super::MAX_BYTES, text.len());
            return Err(Errors::of(&source, vec![Problem::new(super::Code::TooLarge, &(0..0), message)]));
        }
        let mut document = document(&source, text)?;
        let mut checker = Checker::default();
        checker.document(&mut document, text, &keys::CASES);
        let mut problems = checker.problems;
        if problems.iter().any(|problem| problem.code == super::Code::Version) {
            return Err(Errors::of(&source, problems));
        }
        let file = wire::File::deserialize(toml::de::Deserializer::from(document))
            .map_err(|error| Errors::of(&source, vec![syntax(&error)]))?;
        let cases = validate::cases(file, &source, &mut problems);
        Errors::check(&source, problems).map(|()| Self { cases })
    }
}
