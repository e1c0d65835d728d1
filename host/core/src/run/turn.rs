//! One turn of a model: what came, why it ended, what it cost; and which model it was.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::message::RequestedCall;

/// What to call a model in reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// As in the model's spec, such as `openai:gpt-5` or `scripted:demo.toml`.
    pub name: String,
    /// Whether there is a model behind it at all.
    pub kind: Kind,
}

/// Whether there is a model behind it at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A file is played back: no model is called.
    Scripted,
    /// A model is called over the network.
    Remote,
}

/// One turn of a model, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Its text; may be empty.
    pub text: String,
    /// The calls it asks for. Nothing of them has been looked at.
    pub calls: Vec<RequestedCall>,
    /// Why it ended.
    pub finish: Finish,
    /// What it cost.
    pub tokens: Tokens,
    /// The name by which the provider calls what answered, if it said so.
    pub served_by: Option<String>,
}

/// Why a turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finish {
    /// The model was done.
    Stop,
    /// It waits for the results of its calls.
    ToolCalls,
    /// It was cut at its token or byte limit. Calls of such a turn are incomplete.
    Length,
    /// The provider withheld it. Calls of such a turn are incomplete.
    ContentFilter,
    /// Anything else that the provider said.
    Other(String),
}

impl Finish {
    /// Whether what was said may lack its end.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Length | Self::ContentFilter)
    }
}

/// Tokens read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tokens {
    /// Read by the model.
    pub input: u64,
    /// Written by the model.
    pub output: u64,
    /// Of those read, the ones that the provider had kept from an earlier request.
    #[serde(default)]
    pub cached: u64,
    /// At least one number is a guess from the size of the text, because the provider gave none.
    pub estimated: bool,
}

impl Tokens {
    /// Both kinds.
    #[must_use]
    pub fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// The sum of two turns.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cached: self.cached.saturating_add(other.cached),
            estimated: self.estimated || other.estimated,
        }
    }
}

/// Whether asking a model again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// It cannot.
    Never,
    /// It can.
    Later,
    /// It can, and not before this.
    After(#[serde(with = "super::milliseconds")] Duration),
}
