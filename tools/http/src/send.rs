//! `send`: requests that may change something on the other side.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::Value;

use crate::arguments::{self, Reading};
use crate::fetch::DEFAULTS;
use crate::follow;
use crate::page::{self, Format, Page};
use crate::target;
use crate::transport::{self, Request, Send};

/// How to send.
#[args]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SendMethod {
    /// Hands something in.
    Post,
    /// Puts something in place of what is there.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
}

/// What to send.
#[args]
#[derive(Debug)]
pub(crate) struct SendArgs {
    /// The URL: `https://host/path`.
    pub(crate) url: String,
    /// `post`, `put`, `patch` or `delete`.
    pub(crate) method: SendMethod,
    /// Request headers by name. Credentials are added by the host; never write one here.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// The body: a JSON value.
    pub(crate) json: Option<Value>,
    /// Or a body of text, such as a form; say what it is with the header `content-type`.
    pub(crate) text: Option<String>,
    /// Or a body of bytes, in base64.
    pub(crate) base64: Option<String>,
    /// How to show the answer's body; `auto` if left out.
    #[serde(default)]
    pub(crate) format: Format,
    /// Characters of the answer to return, at most 400000; 32000 if left out.
    pub(crate) max_chars: Option<usize>,
    /// Bytes of the answer to read, at most 16777216; 2097152 if left out.
    pub(crate) max_bytes: Option<usize>,
    /// Redirects to follow, at most 10; 5 if left out.
    pub(crate) max_redirects: Option<usize>,
}

/// Sends data to a URL (POST, PUT, PATCH, DELETE) and returns the answer as readable text. May change or delete something
/// on the other side. A status such as 404 is a result, not an error.
#[tool(
    title = "Send to a URL",
    hints(destructive, open_world),
    needs(network("*", "sends what it is told to the URL that it is told"))
)]
pub(crate) fn send(args: SendArgs) -> Result<Page> {
    send_by(&args, &mut transport::send)
}

/// [`send`] by a way of the caller's.
pub(crate) fn send_by(args: &SendArgs, send: Send<'_>) -> Result<Page> {
    let reading = Reading::new(args.format, args.max_bytes, None, args.max_chars);
    let method = match args.method {
        SendMethod::Post => "POST",
        SendMethod::Put => "PUT",
        SendMethod::Patch => "PATCH",
        SendMethod::Delete => "DELETE",
    };
    let (body, content_type) = body(args)?;
    let mut defaults = DEFAULTS.to_vec();
    defaults.extend(content_type.map(|kind| ("content-type", kind)));
    let headers = arguments::headers(&args.headers, &defaults)?;
    let request = Request { method, url: target::parse(&args.url)?, headers, body };
    let followed = follow::follow(request, reading.max_bytes, arguments::redirects(args.max_redirects), send)?;
    Ok(page::page(followed, reading))
}

fn body(args: &SendArgs) -> Result<(Vec<u8>, Option<&'static str>)> {
    match (&args.json, &args.text, &args.base64) {
        (None, None, None) => Ok((Vec::new(), None)),
        (Some(value), None, None) => Ok((value.to_string().into_bytes(), Some("application/json"))),
        (None, Some(text), None) => Ok((text.clone().into_bytes(), Some("text/plain; charset=utf-8"))),
        (None, None, Some(text)) => match STANDARD.decode(text.trim()) {
            Ok(bytes) => Ok((bytes, Some("application/octet-stream"))),
            Err(error) => {
                Err(Error::invalid_args(format!("`base64` is none ({error}); use the standard alphabet, padded")))
            }
        },
        _ => Err(Error::invalid_args("give one of `json`, `text` and `base64`")),
    }
}
