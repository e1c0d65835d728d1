//! Results that are more than JSON: pictures, sounds, documents, as a client of the Model Context Protocol shows them.
//!
//! A tool opts in where it describes itself, with `"result": "content"` in `extra`. Its result is then a list of blocks, in the
//! form that the protocol gives them, and is checked like a schema: what does not conform is no result. What a block claims to
//! be is compared with its first bytes, so that a client is never handed one thing under the name of another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::escape;
use crate::schema::Violation;

/// The key of [`crate::describe::ToolInfo::extra`] with which a tool says what its result is.
pub const EXTRA: &str = "result";

/// Its value for a result that is a list of blocks.
pub const CONTENT: &str = "content";

/// Most blocks of a result. How large they are together is the limit `output`.
pub const MAX_BLOCKS: usize = 64;

/// Longest name of a document and of a type, in bytes.
const MAX_URI_BYTES: usize = 2 << 10;
const MAX_TYPE_BYTES: usize = 127;

/// One part of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Block {
    /// What a model reads.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image {
        /// Its bytes in base64.
        data: String,
        /// One of the types of [`IMAGES`].
        mime_type: String,
    },
    /// A sound.
    Audio {
        /// Its bytes in base64.
        data: String,
        /// One of the types of [`SOUNDS`].
        mime_type: String,
    },
    /// A document.
    Resource {
        /// The document.
        resource: Resource,
    },
}

/// A document within a result. It has either a text or bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resource {
    /// What it is called; nobody fetches it.
    pub uri: String,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
    /// What is in it, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What is in it, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
}

/// How files of a type begin: at which byte, with what. All of them must be there.
type Beginning = &'static [(usize, &'static [u8])];

/// Types of pictures. None that can carry a program (SVG) or that clients do not show.
pub const IMAGES: [(&str, &[Beginning]); 4] = [
    ("image/png", &[&[(0, b"\x89PNG\r\n\x1a\n")]]),
    ("image/jpeg", &[&[(0, b"\xff\xd8\xff")]]),
    ("image/gif", &[&[(0, b"GIF87a")], &[(0, b"GIF89a")]]),
    ("image/webp", &[&[(0, b"RIFF"), (8, b"WEBP")]]),
];

/// Types of sounds.
pub const SOUNDS: [(&str, &[Beginning]); 4] = [
    ("audio/wav", &[&[(0, b"RIFF"), (8, b"WAVE")]]),
    ("audio/mpeg", &[&[(0, b"ID3")], &[(0, b"\xff\xfb")], &[(0, b"\xff\xf3")], &[(0, b"\xff\xf2")]]),
    ("audio/ogg", &[&[(0, b"OggS")]]),
    ("audio/flac", &[&[(0, b"fLaC")]]),
];

/// The blocks of a result.
///
/// # Errors
///
/// What is wrong with the first one that is no block. For the tool's author: a model cannot repair a result.
pub fn blocks(result: &Value) -> Result<Vec<Block>, Box<Violation>> {
    let list = result.as_array().ok_or_else(|| Box::new(wrong("", "type", "must be a list of blocks")))?;
    if list.len() > MAX_BLOCKS {
        let why = format!("has {} blocks; at most {MAX_BLOCKS} are taken", list.len());
        return Err(Box::new(wrong("", "maxItems", &why)));
    }
    list.iter().enumerate().map(|(index, block)| checked(block).map_err(|why| Box::new(at(index, &why)))).collect()
}

fn at(index: usize, (field, why): &(&str, String)) -> Violation {
    wrong(&format!("/{index}{field}"), "content", why)
}

fn wrong(pointer: &str, keyword: &str, why: &str) -> Violation {
    let place = if pointer.is_empty() { "the result".to_owned() } else { format!("`{pointer}`") };
    Violation::new(pointer, keyword, format!("{place} {why}"))
}

/// The field that is wrong, and why.
type Problem = (&'static str, String);

fn checked(block: &Value) -> Result<Block, Problem> {
    let no_block = |error: serde_json::Error| {
        let why = error.to_string();
        ("", format!("is no block of text, image, audio or resource: {}", escape::short(&why, 200)))
    };
    let block = Block::deserialize(block).map_err(no_block)?;
    match &block {
        Block::Text { .. } => {}
        Block::Image { data, mime_type } => of_type(data, mime_type, &IMAGES)?,
        Block::Audio { data, mime_type } => of_type(data, mime_type, &SOUNDS)?,
        Block::Resource { resource } => document(resource)?,
    }
    Ok(block)
}

fn of_type(data: &str, name: &str, known: &[(&str, &[Beginning])]) -> Result<(), Problem> {
    let Some((_, beginnings)) = known.iter().find(|(known, _)| *known == name) else {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        return Err(("/mimeType", format!("is none of {}", names.join(", "))));
    };
    let bytes = decoded(data).ok_or_else(|| ("/data", "is not base64".to_owned()))?;
    let begins = |&(from, with): &(usize, &[u8])| bytes.get(from..).is_some_and(|rest| rest.starts_with(with));
    if !beginnings.iter().any(|beginning| beginning.iter().all(begins)) {
        return Err(("/data", format!("does not begin as {name} does")));
    }
    Ok(())
}

fn document(resource: &Resource) -> Result<(), Problem> {
    let Resource { uri, mime_type, text, blob } = resource;
    if uri.len() > MAX_URI_BYTES || !is_uri(uri) {
        let why = format!("must be a URI of at most {MAX_URI_BYTES} bytes, as `report:2026/summary`");
        return Err(("/resource/uri", why));
    }
    if mime_type.as_deref().is_some_and(|name| name.len() > MAX_TYPE_BYTES || !is_type(name)) {
        return Err(("/resource/mimeType", "is no type of content, as `text/plain`".to_owned()));
    }
    match (text, blob) {
        (Some(_), None) => Ok(()),
        (None, Some(blob)) if decoded(blob).is_some() => Ok(()),
        (None, Some(_)) => Err(("/resource/blob", "is not base64".to_owned())),
        _ => Err(("/resource", "has either `text` or `blob`".to_owned())),
    }
}

fn decoded(data: &str) -> Option<Vec<u8>> {
    STANDARD.decode(data).ok()
}

/// A scheme and what it needs, in characters that nobody has to be warned of.
fn is_uri(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_type(name: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let (essence, parameter) = name.split_once(';').unwrap_or((name, "charset=utf-8"));
    let of_text = matches!(parameter.trim(), "charset=utf-8" | "charset=UTF-8");
    of_text && essence.split_once('/').is_some_and(|(left, right)| token(left) && token(right))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PNG: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    #[test]
    fn every_kind_of_block_is_taken_and_written_as_it_was() {
        let result = json!([
            { "type": "text", "text": "hello" },
            { "type": "image", "data": PNG, "mimeType": "image/png" },
            { "type": "audio", "data": STANDARD.encode(b"RIFF\x24\0\0\0WAVEfmt "), "mimeType": "audio/wav" },
            { "type": "resource", "resource": { "uri": "report:2026/a", "mimeType": "text/plain; charset=utf-8", "text": "t" } },
            { "type": "resource", "resource": { "uri": "test://b", "blob": "AAEC" } },
        ]);
        assert_eq!(serde_json::to_value(blocks(&result).unwrap()).unwrap(), result);
        assert!(blocks(&json!([])).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_block_is_no_result_and_the_place_is_named() {
        let script = "PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+";
        let cases = [
            (json!({ "type": "text", "text": "x" }), "", "list of blocks"),
            (json!([{ "type": "video" }]), "/0", "is no block"),
            (json!([{ "type": "text", "text": "x", "annotations": {} }]), "/0", "is no block"),
            (json!([{ "type": "text", "text": "x" }, 7]), "/1", "is no block"),
            (json!([{ "type": "image", "data": script, "mimeType": "image/svg+xml" }]), "/0/mimeType", "image/png"),
            (json!([{ "type": "image", "data": script, "mimeType": "image/png" }]), "/0/data", "does not begin"),
            (json!([{ "type": "audio", "data": PNG, "mimeType": "audio/wav" }]), "/0/data", "does not begin"),
            (json!([{ "type": "image", "data": "=!", "mimeType": "image/png" }]), "/0/data", "not base64"),
            (json!([{ "type": "image", "data": "", "mimeType": "image/png" }]), "/0/data", "does not begin"),
            (json!([{ "type": "resource", "resource": { "uri": "no-scheme", "text": "" } }]), "/0/resource/uri", "URI"),
            (
                json!([{ "type": "resource", "resource": { "uri": "a:\u{202e}b", "text": "" } }]),
                "/0/resource/uri",
                "URI",
            ),
            (json!([{ "type": "resource", "resource": { "uri": "a:b" } }]), "/0/resource", "either"),
            (
                json!([{ "type": "resource", "resource": { "uri": "a:b", "text": "", "blob": "" } }]),
                "/0/resource",
                "either",
            ),
            (
                json!([{ "type": "resource", "resource": { "uri": "a:b", "text": "", "mimeType": "x" } }]),
                "/0/resource/mimeType",
                "type",
            ),
            (json!(vec![json!({ "type": "text", "text": "" }); MAX_BLOCKS + 1]), "", "at most 64"),
        ];
        for (result, pointer, word) in cases {
            let violation = blocks(&result).unwrap_err();
            assert!(violation.pointer == pointer && violation.message.contains(word), "{result}: {violation:?}");
        }
    }
}
