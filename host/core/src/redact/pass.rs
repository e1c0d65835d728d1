//! One pass over the texts of a call, which notes what was found where: the audit says that a secret came back, and which.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::search::Findings;
use super::{Redactor, cut};

/// Where in a call a secret was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// What the caller handed in.
    Arguments,
    /// The tool's result.
    Result,
    /// Why the call failed.
    Failure,
    /// Log lines.
    Log,
    /// Parts of the result ahead of the result.
    Emitted,
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// What the call touched, changed or requested.
    Effects,
    /// What came over the network. It was taken out before the guest got it.
    Answer,
}

/// What was found in one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redactions {
    /// Names of the secrets.
    pub secrets: BTreeSet<String>,
    /// Where.
    pub places: BTreeSet<Place>,
}

impl Redactions {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// Redacts the texts of one call.
#[derive(Debug)]
pub struct Pass<'a> {
    redactor: &'a Redactor,
    found: Redactions,
}

impl<'a> Pass<'a> {
    pub(super) fn new(redactor: &'a Redactor) -> Self {
        Self { redactor, found: Redactions::default() }
    }

    /// Whether there is nothing to search for.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.redactor.is_empty()
    }

    /// A text that is only looked at.
    pub fn look(&mut self, place: Place, text: &str) {
        let found = self.redactor.search(text.as_bytes());
        self.note(place, &found);
    }

    /// A text.
    pub fn text(&mut self, place: Place, text: &mut String) {
        let found = self.redactor.search(text.as_bytes());
        if !found.is_empty() {
            *text = cut(text, &found);
            self.note(place, &found);
        }
    }

    /// A text that came in pieces.
    pub fn pieces<'t>(&mut self, place: Place, pieces: impl IntoIterator<Item = &'t mut String>) {
        if !self.is_idle() {
            let mut pieces: Vec<&mut String> = pieces.into_iter().collect();
            let found = self.redactor.redact_pieces(&mut pieces);
            self.note(place, &found);
        }
    }

    /// A JSON value. Says whether something was found in it.
    pub fn value(&mut self, place: Place, value: &mut Value) -> bool {
        let found = self.redactor.search_value(value);
        self.note(place, &found);
        !found.is_empty()
    }

    /// What was found by whoever handed over an answer.
    pub fn returned<'n>(&mut self, names: impl IntoIterator<Item = &'n String>) {
        for name in names {
            self.found.places.insert(Place::Answer);
            self.found.secrets.insert(name.clone());
        }
    }

    /// What was found.
    #[must_use]
    pub fn finish(self) -> Redactions {
        self.found
    }

    fn note(&mut self, place: Place, found: &Findings) {
        if found.is_empty() {
            return;
        }
        self.found.places.insert(place);
        let names = self.redactor.0.as_ref().map(|searcher| searcher.names()).unwrap_or_default();
        let named = found.secrets.iter().filter_map(|number| names.get(*number));
        self.found.secrets.extend(named.map(|name| name.to_string()));
    }
}
