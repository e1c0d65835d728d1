//! A manifest as it is written: version 1.
//!
//! Every key is optional here because the checker has already reported and taken out what is wrong, and validation goes
//! on with the rest: all problems are found in one run. Nothing outside of [`super`] sees these types.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::model::Api;

/// Names and numbers as written, by key.
pub(super) type Amounts = BTreeMap<Spanned<String>, Spanned<Amount>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Manifest {
    pub(super) version: Option<u32>,
    pub(super) mode: Option<Spanned<Mode>>,
    pub(super) tools: BTreeMap<Spanned<String>, Component>,
    pub(super) secrets: BTreeMap<Spanned<String>, Spanned<Secret>>,
    pub(super) signers: BTreeMap<Spanned<String>, Signer>,
    pub(super) unsigned: Option<Unsigned>,
    pub(super) limits: Amounts,
    pub(super) rules: Vec<Spanned<Rule>>,
    pub(super) models: BTreeMap<Spanned<String>, Spanned<Model>>,
    pub(super) run: Run,
    pub(super) host: Amounts,
    pub(super) retry: Amounts,
    pub(super) breaker: Amounts,
    pub(super) clients: Clients,
    pub(super) approvals: Approvals,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Clients {
    pub(super) rate: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Approvals {
    pub(super) lifetime: Option<Amount>,
    pub(super) max_waiting: Option<Amount>,
    pub(super) prompts_per_minute: Option<Amount>,
    pub(super) webhook: Option<Webhook>,
    pub(super) clients: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Webhook {
    pub(super) url: Option<String>,
    pub(super) secret: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Risk {
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    Live,
    Preview,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Unsigned {
    Allow,
    Refuse,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Unnamed {
    Allow,
    Refuse,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Signer {
    pub(super) key: Option<String>,
    pub(super) identity: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) trusted_root: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) unnamed: Option<Unnamed>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Component {
    pub(super) source: Option<Spanned<String>>,
    pub(super) signed_by: Vec<Spanned<String>>,
    pub(super) signed_as: Option<String>,
    pub(super) expose: Option<Vec<Spanned<String>>>,
    pub(super) directories: Vec<Spanned<Directory>>,
    pub(super) http: Vec<Spanned<Http>>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) clock: Option<String>,
    pub(super) random: Option<String>,
    pub(super) limits: Amounts,
    pub(super) retry: Amounts,
    pub(super) breaker: Amounts,
    pub(super) rate: Option<String>,
    pub(super) tool: BTreeMap<Spanned<String>, Tool>,
    pub(super) commands: BTreeMap<Spanned<String>, Spanned<Command>>,
    pub(super) server: Option<Spanned<Server>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Command {
    pub(super) description: Option<String>,
    pub(super) title: Option<String>,
    pub(super) input: Option<serde_json::Value>,
    pub(super) output: Option<serde_json::Value>,
    pub(super) argv: Vec<String>,
    pub(super) stdin: Option<String>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) result: Option<Output>,
    pub(super) success: Vec<u8>,
    pub(super) invalid_args: Vec<u8>,
    pub(super) not_found: Vec<u8>,
    pub(super) read_only: Option<bool>,
    pub(super) destructive: Option<bool>,
    pub(super) idempotent: Option<bool>,
    pub(super) open_world: Option<bool>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Output {
    #[default]
    Text,
    Lines,
    Json,
    Base64,
    All,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Server {
    pub(super) command: Vec<Spanned<String>>,
    pub(super) directory: Option<Spanned<String>>,
    pub(super) addresses: Option<Spanned<Vec<String>>>,
    pub(super) secrets: Vec<Spanned<ServerSecret>>,
    pub(super) labels: Option<Vec<String>>,
    pub(super) read_only: Vec<Spanned<String>>,
    pub(super) idempotent: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ServerSecret {
    pub(super) secret: Option<Spanned<String>>,
    pub(super) header: Option<String>,
    pub(super) prefix: Option<Spanned<String>>,
    pub(super) env: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tool {
    pub(super) retry: Amounts,
    pub(super) breaker: Amounts,
    pub(super) rate: Option<String>,
    pub(super) fallback: Option<Spanned<Fallback>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Fallback {
    pub(super) tool: Option<Spanned<String>>,
    pub(super) value: Option<serde_json::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Directory {
    pub(super) host: Option<Spanned<String>>,
    pub(super) guest: Option<Spanned<String>>,
    pub(super) read: Vec<Spanned<String>>,
    pub(super) write: Vec<Spanned<String>>,
    pub(super) deny: Vec<Spanned<String>>,
    pub(super) symlinks: Symlinks,
    pub(super) atomic: Option<bool>,
    pub(super) labels: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Symlinks {
    #[default]
    Deny,
    Follow,
    Create,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Http {
    pub(super) host: Option<Spanned<String>>,
    pub(super) schemes: Option<Vec<String>>,
    pub(super) ports: Option<Vec<u16>>,
    pub(super) methods: Option<Vec<String>>,
    pub(super) paths: Option<Vec<Spanned<String>>>,
    pub(super) addresses: Vec<String>,
    pub(super) secrets: Vec<Spanned<SecretUse>>,
    pub(super) idempotency_header: Option<String>,
    pub(super) labels: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct SecretUse {
    pub(super) secret: Option<Spanned<String>>,
    pub(super) header: Option<String>,
    pub(super) prefix: Option<Spanned<String>>,
    pub(super) query: Option<String>,
    pub(super) basic_user: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Secret {
    pub(super) env: Option<String>,
    pub(super) file: Option<String>,
    pub(super) command: Option<Vec<String>>,
    pub(super) keyring: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Rule {
    pub(super) name: Option<Spanned<String>>,
    pub(super) decision: Option<Decision>,
    pub(super) tools: Vec<Spanned<String>>,
    pub(super) when: Option<Spanned<serde_json::Value>>,
    pub(super) when_labels: Vec<Spanned<String>>,
    pub(super) risk: Option<Risk>,
    pub(super) every_time: Option<Spanned<bool>>,
    pub(super) reason: Option<String>,
    pub(super) advice: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Decision {
    Allow,
    Preview,
    Ask,
    Deny,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Model {
    pub(super) api: Option<Api>,
    pub(super) model: Option<String>,
    pub(super) url: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<String>>,
    pub(super) ca: Option<Spanned<String>>,
    pub(super) max_output_tokens: Option<Amount>,
    pub(super) system: Option<String>,
    pub(super) timeouts: Amounts,
    pub(super) prices: Option<Prices>,
    pub(super) rate: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Prices {
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
    pub(super) cached_input: Option<String>,
}

/// `[run]`: numbers, and the one key that is none.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) models: Vec<Spanned<String>>,
    pub(super) amounts: Amounts,
}

impl<'de> Deserialize<'de> for Run {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Run;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("the table `[run]`")
            }

            fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<Run, M::Error> {
                let mut run = Run::default();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    if key.get_ref() == "models" {
                        run.models = map.next_value()?;
                    } else {
                        run.amounts.insert(key, map.next_value()?);
                    }
                }
                Ok(run)
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

/// An integer in the base unit, or a text with a unit.
#[derive(Debug)]
pub(super) enum Amount {
    Number(u64),
    Text(String),
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Amount;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("an integer or a text with a unit")
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Amount, E> {
                u64::try_from(number).map(Amount::Number).map_err(E::custom)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Amount, E> {
                Ok(Amount::Text(text.to_owned()))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}
