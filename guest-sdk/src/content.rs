//! Results that are more than JSON: pictures, sounds and documents, as a person's client shows them.
//!
//! ```
//! use toolhold_sdk::prelude::*;
//!
//! /// Draws a dot.
//! #[tool(hints(read_only, idempotent))]
//! fn dot() -> Result<Content> {
//!     Ok(Content::new().text("A dot:").image("image/png", b"\x89PNG\r\n\x1a\n"))
//! }
//!
//! toolhold_sdk::component!(dot);
//! ```
//!
//! The host takes PNG, JPEG, GIF and WebP, and WAV, MP3, Ogg and FLAC, and compares what a block says it is with how it begins.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Value, json};

/// What a tool says in `extra` whose result is [`Content`].
pub(crate) const EXTRA: &str = r#"{"result":"content"}"#;

/// A result in parts. A tool that returns it says so in its description.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Content(Vec<Value>);

impl Content {
    /// Without a part.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// And what a model reads.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.and(json!({ "type": "text", "text": text.into() }))
    }

    /// And a picture of this type.
    #[must_use]
    pub fn image(self, mime_type: &str, bytes: &[u8]) -> Self {
        self.and(json!({ "type": "image", "data": base64(bytes), "mimeType": mime_type }))
    }

    /// And a sound of this type.
    #[must_use]
    pub fn audio(self, mime_type: &str, bytes: &[u8]) -> Self {
        self.and(json!({ "type": "audio", "data": base64(bytes), "mimeType": mime_type }))
    }

    /// And a document of text. Its URI is only a name: nobody fetches it.
    #[must_use]
    pub fn document(self, uri: &str, mime_type: &str, text: impl Into<String>) -> Self {
        let resource = json!({ "uri": uri, "mimeType": mime_type, "text": text.into() });
        self.and(json!({ "type": "resource", "resource": resource }))
    }

    /// And a document of bytes.
    #[must_use]
    pub fn file(self, uri: &str, mime_type: &str, bytes: &[u8]) -> Self {
        let resource = json!({ "uri": uri, "mimeType": mime_type, "blob": base64(bytes) });
        self.and(json!({ "type": "resource", "resource": resource }))
    }

    fn and(mut self, block: Value) -> Self {
        self.0.push(block);
        self
    }
}

impl JsonSchema for Content {
    fn schema_name() -> Cow<'static, str> {
        "Content".into()
    }

    fn schema_id() -> Cow<'static, str> {
        concat!(module_path!(), "::Content").into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": { "type": "object", "required": ["type"] } })
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| DIGITS.get((bits & 63) as usize).map_or('=', |digit| char::from(*digit));
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - group.len()));
        let digits = [digit(bits >> 18), digit(bits >> 12), digit(bits >> 6), digit(bits)];
        text.extend(digits.iter().take(group.len() + 1));
        text.extend(std::iter::repeat_n('=', 3 - group.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_everybody_writes_them() {
        // RFC 4648, section 10.
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (bytes, text) in cases {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }

    #[test]
    fn parts_come_in_the_order_in_which_they_were_added() {
        let content = Content::new().text("a").image("image/png", b"x").document("a:b", "text/plain", "c");
        let kinds: Vec<_> = content.0.iter().map(|block| block["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["text", "image", "resource"]);
    }
}
