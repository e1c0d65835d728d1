//! `fetch`: looks at something, changes nothing.

use std::collections::BTreeMap;

use toolhold_sdk::prelude::*;

use crate::arguments::{self, Reading};
use crate::follow;
use crate::page::{self, Format, Page};
use crate::target;
use crate::transport::{self, Request, Send};

/// What is sent unless the model says otherwise. Nothing here can read brotli.
pub(crate) const DEFAULTS: [(&str, &str); 3] = [
    ("accept", "text/html, application/json;q=0.9, text/*;q=0.8, */*;q=0.5"),
    ("accept-encoding", "identity"),
    ("user-agent", "toolhold-http"),
];

/// How to look.
#[args]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LookMethod {
    /// Status, headers and body.
    #[default]
    Get,
    /// Status and headers only.
    Head,
}

/// What to fetch.
#[args]
#[derive(Debug, Default)]
pub(crate) struct FetchArgs {
    /// The URL: `https://host/path`.
    pub(crate) url: String,
    /// `get` or `head`; `get` if left out.
    #[serde(default)]
    pub(crate) method: LookMethod,
    /// Request headers by name. Credentials are added by the host; never write one here.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// How to show the body; `auto` if left out.
    #[serde(default)]
    pub(crate) format: Format,
    /// First character of the text to return, from 0.
    pub(crate) start: Option<usize>,
    /// Characters to return, at most 400000; 32000 if left out.
    pub(crate) max_chars: Option<usize>,
    /// Bytes of the body to read, at most 16777216; 2097152 if left out.
    pub(crate) max_bytes: Option<usize>,
    /// Redirects to follow, at most 10; 5 if left out.
    pub(crate) max_redirects: Option<usize>,
}

/// Fetches a URL and returns it as readable text: HTML as Markdown, JSON and text as they are. A long text comes in parts:
/// go on with `start`. Changes nothing. A status such as 404 is a result, not an error.
#[tool(
    title = "Fetch a URL",
    hints(read_only, idempotent, open_world),
    needs(network("*", "requests the URL that it is asked for"))
)]
pub(crate) fn fetch(args: FetchArgs) -> Result<Page> {
    fetch_by(&args, &mut transport::send)
}

/// [`fetch`] by a way of the caller's.
pub(crate) fn fetch_by(args: &FetchArgs, send: Send<'_>) -> Result<Page> {
    let reading = Reading::new(args.format, args.max_bytes, args.start, args.max_chars);
    let method = match args.method {
        LookMethod::Get => "GET",
        LookMethod::Head => "HEAD",
    };
    let headers = arguments::headers(&args.headers, &DEFAULTS)?;
    let request = Request { method, url: target::parse(&args.url)?, headers, body: Vec::new() };
    let followed = follow::follow(request, reading.max_bytes, arguments::redirects(args.max_redirects), send)?;
    Ok(page::page(followed, reading))
}
