//! A case file as it is written. The checker has taken out what is wrong, so every key is optional here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) version: Option<u32>,
    pub(super) cases: Vec<Spanned<Case>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Case {
    pub(super) name: Option<Spanned<String>>,
    pub(super) tool: Option<String>,
    pub(super) arguments: Option<Spanned<Value>>,
    pub(super) arguments_json: Option<Spanned<String>>,
    pub(super) files: BTreeMap<Spanned<String>, String>,
    pub(super) directories: BTreeMap<Spanned<String>, String>,
    pub(super) read_only: bool,
    pub(super) env: BTreeMap<String, String>,
    pub(super) clock: Option<String>,
    pub(super) random: Option<String>,
    pub(super) limits: BTreeMap<String, Value>,
    pub(super) answers: Vec<Answer>,
    pub(super) result: Option<Spanned<Value>>,
    pub(super) result_json: Option<Spanned<String>>,
    pub(super) result_schema: Option<Spanned<Value>>,
    pub(super) result_at: BTreeMap<String, Value>,
    pub(super) error: Option<Spanned<Error>>,
    pub(super) changes: Vec<Spanned<Change>>,
    pub(super) requests: Vec<Request>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Answer {
    pub(super) method: Option<String>,
    pub(super) url: Option<String>,
    pub(super) status: Option<String>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Error {
    pub(super) kind: Option<crate::outcome::Class>,
    pub(super) code: Option<String>,
    pub(super) says: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Change {
    pub(super) change: String,
    pub(super) path: Option<Spanned<String>>,
    pub(super) from: Option<String>,
    pub(super) content: Option<String>,
    pub(super) sha256: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) request: Option<String>,
}
