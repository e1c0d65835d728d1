//! What a line of the file can be, and what texts in it may be.

use toolhold_sdk::prelude::*;
use toolhold_sdk::schemars::{self, JsonSchema};
use toolhold_sdk::serde::{self, Deserialize, Serialize};
use toolhold_sdk::serde_json::Map;

/// Characters of a name, a type or a tag.
const MAX_NAME: usize = 200;
/// Characters of an observation.
const MAX_OBSERVATION: usize = 4_000;
/// Characters of a note.
const MAX_NOTE: usize = 100_000;

/// Something with a name, and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "serde", rename_all = "camelCase")]
#[schemars(crate = "schemars")]
pub(crate) struct Entity {
    /// Its name, by which it is found.
    pub(crate) name: String,
    /// What kind of thing it is, such as `person` or `project`.
    pub(crate) entity_type: String,
    /// What is known of it, one fact each.
    #[serde(default)]
    pub(crate) observations: Vec<String>,
    /// What others wrote beside it; kept as it is.
    #[serde(flatten)]
    #[schemars(skip)]
    pub(crate) other: Map<String, Value>,
}

/// How two entities are related.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "serde", rename_all = "camelCase")]
#[schemars(crate = "schemars")]
pub(crate) struct Relation {
    /// Name of an entity.
    pub(crate) from: String,
    /// Name of another.
    pub(crate) to: String,
    /// What `from` does to `to`, in the active voice, such as `works at`.
    pub(crate) relation_type: String,
    /// What others wrote beside it; kept as it is.
    #[serde(flatten)]
    #[schemars(skip)]
    pub(crate) other: Map<String, Value>,
}

/// A text with a title.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(crate = "serde", rename_all = "camelCase")]
#[schemars(crate = "schemars")]
pub(crate) struct Note {
    /// Its title, by which it is found.
    pub(crate) title: String,
    /// Its text.
    pub(crate) text: String,
    /// Words to find it by.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// What others wrote beside it; kept as it is.
    #[serde(flatten)]
    #[schemars(skip)]
    pub(crate) other: Map<String, Value>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(crate = "serde", tag = "type", rename_all = "lowercase")]
pub(crate) enum Record {
    /// An entity.
    Entity(Entity),
    /// A relation.
    Relation(Relation),
    /// A note.
    Note(Note),
}

impl Record {
    /// Whether both stand for the same thing, so that only one may be there.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Entity(one), Self::Entity(other)) => one.name == other.name,
            (Self::Note(one), Self::Note(other)) => one.title == other.title,
            (Self::Relation(one), Self::Relation(other)) => one.is_same(other),
            _ => false,
        }
    }

    /// What it is called where it is named.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Entity(entity) => format!("entity `{}`", entity.name),
            Self::Note(note) => format!("note `{}`", note.title),
            Self::Relation(relation) => format!("relation from `{}` to `{}`", relation.from, relation.to),
        }
    }
}

impl Relation {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.from, &self.to, &self.relation_type) == (&other.from, &other.to, &other.relation_type)
    }

    pub(crate) fn touches(&self, name: &str) -> bool {
        self.from == name || self.to == name
    }
}

/// A name, type or tag as it is kept.
///
/// # Errors
/// It is empty, too long or not one line.
pub(crate) fn name(text: &str, what: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_NAME || text.chars().any(char::is_control) {
        return Err(Error::invalid_args(format!("{what} is one line of 1 to {MAX_NAME} characters")));
    }
    Ok(text.to_owned())
}

/// An observation as it is kept.
///
/// # Errors
/// It is empty or too long.
pub(crate) fn observation(text: &str) -> Result<String> {
    bounded(text, MAX_OBSERVATION, "an observation", "make several of it, or a note")
}

/// The text of a note as it is kept.
///
/// # Errors
/// It is empty or too long.
pub(crate) fn note(text: &str) -> Result<String> {
    bounded(text, MAX_NOTE, "a note", "make several of it")
}

fn bounded(text: &str, most: usize, what: &str, advice: &str) -> Result<String> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > most {
        return Err(Error::invalid_args(format!("{what} has 1 to {most} characters, not {length}; {advice}")));
    }
    Ok(text.to_owned())
}
