//! Redirects: followed one by one, each a request of its own that the host checks, up to a bound.

use toolhold_sdk::prelude::*;
use url::Url;

use crate::target;
use crate::transport::{Answer, Request, Send};

/// Headers that a model set for one server and that are none of another one's business.
const PERSONAL: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// The last answer, and the way to it.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) answer: Answer,
    pub(crate) url: Url,
    /// The URLs that redirected, in order.
    pub(crate) hops: Vec<Url>,
}

/// Sends `request`, and follows at most `most` redirects.
///
/// # Errors
/// A request is refused or fails, or there are more redirects.
pub(crate) fn follow(mut request: Request, max_bytes: usize, most: usize, send: Send<'_>) -> Result<Followed> {
    let mut hops = Vec::new();
    loop {
        let answer = send(&request, max_bytes)?;
        let Some(location) = redirection(&answer) else {
            return Ok(Followed { answer, url: request.url, hops });
        };
        let next = target::join(&request.url, location)?;
        if hops.len() >= most {
            let message = format!(
                "`{}` redirects to `{next}` after {most} redirects; ask for that URL if you trust it",
                request.url
            );
            return Err(Error::failed(message));
        }
        hops.push(request.url.clone());
        request = redirected(request, answer.status, next);
    }
}

fn redirection(answer: &Answer) -> Option<&str> {
    matches!(answer.status, 301 | 302 | 303 | 307 | 308).then(|| answer.header("location")).flatten()
}

/// The next request, as browsers make it: after 303, and after 301 and 302 for a POST, a GET without a body.
fn redirected(request: Request, status: u16, next: Url) -> Request {
    let Request { mut method, url, mut headers, mut body } = request;
    if (status == 303 && method != "HEAD") || (status < 303 && method == "POST") {
        method = "GET";
        body = Vec::new();
        headers.retain(|(name, _)| !name.starts_with("content-"));
    }
    if !target::same_origin(&url, &next) {
        headers.retain(|(name, _)| !PERSONAL.contains(&name.as_str()));
    }
    Request { method, url: next, headers, body }
}
