//! What a client says beside a call: whether it is a preview, and its idempotency key.

use rmcp::ErrorData;
use rmcp::model::MetaObject;
use serde_json::Value;
use toolhold_core::escape;
use toolhold_core::id::IdempotencyKey;

use super::asked::Asked;
use crate::telemetry::{McpRequest, Origin};

/// The key of a request's `_meta` with which a client makes repeats one call.
const KEY: &str = "toolhold/key";

/// The key of a request's `_meta` with which a client asks for a preview.
const MODE: &str = "toolhold/mode";

/// What a client says in `_meta` of a call.
pub(super) struct Meta<'a>(pub(super) &'a MetaObject);

impl Meta<'_> {
    /// A word of ours that is misspelled would be a live call where a preview was meant.
    pub(super) fn is_known(&self) -> Result<(), ErrorData> {
        match self.0.0.keys().find(|key| key.starts_with("toolhold/") && ![KEY, MODE].contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let key = escape::short(key, 100);
                let why = format!("`_meta[\"{key}\"]` is not known; there are `{MODE}` and `{KEY}`");
                Err(ErrorData::invalid_params(why, None))
            }
        }
    }

    fn text(&self, key: &str) -> Result<Option<&str>, ErrorData> {
        match self.0.0.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ErrorData::invalid_params(format!("`_meta[\"{key}\"]` must be a string"), None)),
        }
    }

    /// The client's span, if it tells of one, and what it asks with.
    pub(super) fn origin(&self, asked: &Asked) -> Origin {
        let text = |key| self.0.0.get(key).and_then(Value::as_str);
        let session = || asked.http.as_ref()?.session.as_ref()?.to_str().ok();
        Origin::mcp(text("traceparent"), text("tracestate"), || McpRequest {
            session: session().map(str::to_owned),
            network: asked.http.is_some(),
            version: asked.version.as_ref().map(|version| version.as_str().to_owned()),
            request: asked.id.to_string(),
        })
    }

    pub(super) fn key(&self) -> Result<Option<IdempotencyKey>, ErrorData> {
        let key = self.text(KEY)?.map(str::parse).transpose();
        key.map_err(|error| ErrorData::invalid_params(format!("`_meta[\"{KEY}\"]`: {error}"), None))
    }

    pub(super) fn wants_preview(&self) -> Result<bool, ErrorData> {
        match self.text(MODE)? {
            None | Some("live") => Ok(false),
            Some("preview") => Ok(true),
            Some(_) => Err(ErrorData::invalid_params(format!("`_meta[\"{MODE}\"]` is `live` or `preview`"), None)),
        }
    }
}
