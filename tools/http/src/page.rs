//! An answer in the form in which a model reads it: text, in parts that fit.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::{self, Value};
use url::Url;

use crate::arguments::Reading;
use crate::follow::Followed;
use crate::transport::Answer;
use crate::{body, charset, html};

/// Headers that tell something about the answer, or what to do next.
const TOLD: [&str; 14] = [
    "content-type",
    "content-length",
    "content-language",
    "content-disposition",
    "last-modified",
    "etag",
    "cache-control",
    "expires",
    "link",
    "location",
    "allow",
    "retry-after",
    "www-authenticate",
    "server",
];

/// Longest value of a header that is shown, in characters.
const HEADER_CHARS: usize = 500;

/// How to show the body.
#[args]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// HTML as Markdown, other text as it is, anything else not at all.
    #[default]
    Auto,
    /// As text, HTML tags and all.
    Text,
    /// HTML as Markdown: the main content, with headings, links, lists, tables and code.
    Markdown,
    /// JSON, indented; as `auto` with a note if it is none.
    Json,
    /// The bytes in base64.
    Base64,
}

/// A header of the answer.
#[output]
#[derive(Debug)]
pub(crate) struct Header {
    /// In lower case.
    name: String,
    /// What it says.
    value: String,
}

/// What was answered. A status that is no success is an answer too.
#[output]
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The HTTP status, such as 200 or 404.
    pub(crate) status: u16,
    /// The URL that answered, after redirects.
    pub(crate) url: String,
    /// The URLs that redirected, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(crate) redirects: Vec<String>,
    /// Headers that tell something.
    pub(crate) headers: Vec<Header>,
    /// Title of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    /// How `text` was made: text, markdown, json, base64, or none for bytes that are no text.
    pub(crate) format: String,
    /// Why the body is not shown as it was asked for. The request was answered all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
    /// The body from `start` on, at most `max_chars` characters of it.
    pub(crate) text: String,
    /// Characters in the whole text.
    pub(crate) total_chars: usize,
    /// To go on, pass this as `start`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_start: Option<usize>,
    /// Bytes of the body that were read.
    pub(crate) bytes: usize,
    /// True if the body is longer than `max_bytes`: the rest was not read.
    pub(crate) truncated: bool,
}

/// The page of an answer. There is always one: what was answered may have taken effect, and an error would tell to do it again.
pub(crate) fn page(followed: Followed, reading: Reading) -> Page {
    let Followed { mut answer, url, hops } = followed;
    let readable = body::uncompress(&mut answer, reading.max_bytes);
    let shown = match readable {
        Ok(()) => show(&answer, &url, reading.format),
        Err(problem) => Shown { note: Some(problem), ..unreadable(&answer, reading.format) },
    };
    let total_chars = shown.text.chars().count();
    let text: String = shown.text.chars().skip(reading.start).take(reading.max_chars).collect();
    let end = reading.start.saturating_add(reading.max_chars);
    Page {
        status: answer.status,
        url: url.into(),
        redirects: hops.into_iter().map(String::from).collect(),
        headers: headers(&answer.headers),
        title: shown.title,
        format: shown.format.to_owned(),
        note: shown.note,
        text,
        total_chars,
        next_start: (end < total_chars).then_some(end),
        bytes: answer.body.len(),
        truncated: answer.cut,
    }
}

fn show(answer: &Answer, url: &Url, format: Format) -> Shown {
    let content_type = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
    match chosen(format, &content_type, &answer.body) {
        Format::Base64 => Shown::new("base64", STANDARD.encode(&answer.body)),
        Format::Json => json(&answer.body, &content_type).unwrap_or_else(|problem| {
            let advice = if answer.cut { "it was cut at `max_bytes`; ask for more" } else { "shown as it is" };
            let note = format!("the answer is no JSON ({problem}); {advice}");
            Shown { note: Some(note), ..show(answer, url, Format::Auto) }
        }),
        Format::Markdown => markdown(&answer.body, &content_type, url),
        Format::Text => Shown::new("text", charset::decode(&answer.body, &content_type).0),
        Format::Auto => Shown::new("none", String::new()),
    }
}

/// A body that stays compressed: bytes for those who asked for bytes, else nothing.
fn unreadable(answer: &Answer, format: Format) -> Shown {
    match format {
        Format::Base64 => Shown::new("base64", STANDARD.encode(&answer.body)),
        _ => Shown::new("none", String::new()),
    }
}

/// The whole body as text.
struct Shown {
    format: &'static str,
    title: Option<String>,
    note: Option<String>,
    text: String,
}

impl Shown {
    fn new(format: &'static str, text: String) -> Self {
        Self { format, title: None, note: None, text }
    }
}

/// What `auto` means for this body; itself where it is no text.
fn chosen(asked: Format, content_type: &str, body: &[u8]) -> Format {
    if asked != Format::Auto {
        return asked;
    }
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let sniffed = body.get(..512).unwrap_or(body);
    match kind {
        "text/html" | "application/xhtml+xml" => Format::Markdown,
        "" if sniffed.trim_ascii_start().first() == Some(&b'<') => Format::Markdown,
        "" if !sniffed.contains(&0) => Format::Text,
        "application/json"
        | "application/javascript"
        | "application/xml"
        | "application/yaml"
        | "application/toml"
        | "application/x-ndjson"
        | "application/x-www-form-urlencoded"
        | "image/svg+xml" => Format::Text,
        _ if kind.starts_with("text/") || kind.ends_with("+json") || kind.ends_with("+xml") => Format::Text,
        _ => Format::Auto,
    }
}

fn json(body: &[u8], content_type: &str) -> serde_json::Result<Shown> {
    let (text, _) = charset::decode(body, content_type);
    let value: Value = serde_json::from_str(&text)?;
    Ok(Shown::new("json", format!("{value:#}")))
}

fn markdown(body: &[u8], content_type: &str, url: &Url) -> Shown {
    let (text, _) = charset::decode(body, content_type);
    let document = html::to_markdown(&text, url);
    Shown { format: "markdown", title: document.title, note: None, text: document.markdown }
}

fn headers(all: &[(String, String)]) -> Vec<Header> {
    let told = |name: &str| TOLD.contains(&name) || name.contains("ratelimit");
    let header = |(name, value): &(String, String)| Header {
        name: name.clone(),
        value: value.chars().take(HEADER_CHARS).collect(),
    };
    all.iter().filter(|(name, _)| told(name)).map(header).collect()
}
