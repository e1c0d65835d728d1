//! A model of the manifest: whose protocol it speaks, where it is, how long it is waited for and what it costs.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::base_url::BaseUrl;
use crate::cost::Prices;
use crate::id::{ModelName, SecretName};
use crate::limit::Unit;
use crate::rate::Rate;

use super::settings::Setting;
use super::source::Located;

/// A model and what it takes to ask it.
#[derive(Debug, Clone)]
pub struct Model {
    /// What it is called, and where the manifest says so.
    pub name: Located<ModelName>,
    /// The protocol that its server speaks.
    pub api: Api,
    /// The provider's name for it.
    pub model: String,
    /// The server's address; the provider's own if `None`.
    pub url: Option<BaseUrl>,
    /// The secret that is its key.
    pub key: Option<SecretName>,
    /// A file with certificates of authorities that may vouch for the server, joined with the manifest's directory.
    pub ca: Option<PathBuf>,
    /// Tokens that it may write in one turn, where that is less than the run allows.
    pub max_output_tokens: Option<u64>,
    /// What it is told beside what every model is told.
    pub system: Option<String>,
    /// How long it is waited for.
    pub timeouts: ModelTimeouts,
    /// What it costs; unknown if `None`.
    pub prices: Option<Prices>,
    /// How often it may be asked, by all runs together.
    pub rate: Option<Rate>,
}

/// A protocol that servers of models speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// OpenAI's chat completions, which most servers speak.
    #[serde(rename = "openai")]
    OpenAi,
    /// OpenAI's responses.
    #[serde(rename = "openai-responses")]
    OpenAiResponses,
    /// Anthropic's messages.
    Anthropic,
}

impl Api {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::OpenAiResponses, Self::Anthropic];

    /// The word of the manifest and of a model's spec.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::OpenAiResponses => "openai-responses",
            Self::Anthropic => "anthropic",
        }
    }

    /// The provider's own address, which takes a key.
    #[must_use]
    pub fn default_url(self) -> &'static str {
        match self {
            Self::OpenAi | Self::OpenAiResponses => "https://api.openai.com/v1",
            Self::Anthropic => "https://api.anthropic.com/v1",
        }
    }

    /// The variable in which a key for that address usually is.
    #[must_use]
    pub fn default_variable(self) -> &'static str {
        match self {
            Self::OpenAi | Self::OpenAiResponses => "OPENAI_API_KEY",
            Self::Anthropic => "ANTHROPIC_API_KEY",
        }
    }
}

/// How long a model is waited for, in microseconds: `[models.NAME.timeouts]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ModelTimeouts {
    /// Until there is a connection.
    pub connect: u64,
    /// From the request until the first byte of an answer.
    pub first_byte: u64,
    /// Between two bytes of an answer.
    pub idle: u64,
    /// For a turn, all of the above included.
    pub whole: u64,
}

/// Every key of `[models.NAME.timeouts]`.
pub const TIMEOUTS: [Setting<ModelTimeouts>; 4] = [
    Setting {
        key: "connect",
        unit: Unit::Micros,
        default: 10_000_000,
        least: 1_000,
        doc: "until there is a connection, TLS included",
        field: |timeouts| &mut timeouts.connect,
    },
    Setting {
        key: "first-byte",
        unit: Unit::Micros,
        default: 60_000_000,
        least: 1_000,
        doc: "from the request until the first byte of the answer's body; local models read long prompts for a while",
        field: |timeouts| &mut timeouts.first_byte,
    },
    Setting {
        key: "idle",
        unit: Unit::Micros,
        default: 60_000_000,
        least: 1_000,
        doc: "between two pieces of the answer",
        field: |timeouts| &mut timeouts.idle,
    },
    Setting {
        key: "whole",
        unit: Unit::Micros,
        default: 120_000_000,
        least: 1_000,
        doc: "the whole turn, all of the above included",
        field: |timeouts| &mut timeouts.whole,
    },
];

impl Default for ModelTimeouts {
    /// The documented defaults: every bound is on.
    fn default() -> Self {
        let mut timeouts = Self { connect: 0, first_byte: 0, idle: 0, whole: 0 };
        TIMEOUTS.iter().for_each(|row| *(row.field)(&mut timeouts) = row.default);
        timeouts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_holds_the_field_that_its_key_names() {
        let mut timeouts = ModelTimeouts::default();
        TIMEOUTS.iter().enumerate().for_each(|(index, row)| *(row.field)(&mut timeouts) = index as u64);
        let timeouts = serde_json::to_value(timeouts).unwrap();
        TIMEOUTS.iter().enumerate().for_each(|(index, row)| assert_eq!(timeouts[row.key], index, "{}", row.key));
    }

    #[test]
    fn each_api_has_one_word_everywhere() {
        for api in Api::ALL {
            assert_eq!(serde_json::to_value(api).unwrap(), api.as_str());
            assert!(api.default_url().parse::<BaseUrl>().unwrap().may_get_a_key());
        }
    }
}
