//! Takes secrets out of an answer before anyone gets it: a server may send back what it was sent.
//!
//! What is found is written over, so that a body stays as long as it said, and what is in a range stays where it is.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use toolhold_core::redact::{Redactor, Stream};
use toolhold_sandbox::capability::http::{Body, BodyError, EgressResponse, Returned};

/// Bytes that are searched at once, if they are there: each search begins with what was held back.
const PORTION: usize = 16 << 10;

/// The answer without the secrets that `redactor` knows. `returned` is told their names.
pub(super) fn without_secrets(answer: EgressResponse, redactor: &Redactor, returned: Returned) -> EgressResponse {
    if redactor.is_empty() {
        return answer;
    }
    let EgressResponse { status, headers, body } = answer;
    let headers = clean_headers(&headers, redactor, &returned);
    let stream = redactor.stream();
    let body = Clean { body, stream, redactor: redactor.clone(), returned, next: None, ended: false };
    EgressResponse { status, headers, body: body.boxed_unsync() }
}

/// A header whose name holds a secret, or that cannot be written without one, is left out.
fn clean_headers(headers: &HeaderMap, redactor: &Redactor, returned: &Returned) -> HeaderMap {
    let mut clean = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if let Some((name, value)) = clean_header(name, value, redactor, returned) {
            clean.append(name, value);
        }
    }
    clean
}

fn clean_header(
    name: &HeaderName,
    value: &HeaderValue,
    redactor: &Redactor,
    returned: &Returned,
) -> Option<(HeaderName, HeaderValue)> {
    // A header is there as a whole: what a server may make of its end costs nothing.
    let covered = |bytes: &[u8]| {
        redactor.covered(bytes).map(|(covered, found)| {
            returned(&found);
            covered
        })
    };
    if covered(name.as_str().as_bytes()).is_some() {
        return None;
    }
    match covered(value.as_bytes()) {
        None => Some((name.clone(), value.clone())),
        Some(bytes) => Some((name.clone(), HeaderValue::from_bytes(&bytes).ok()?)),
    }
}

/// A body as it comes, without secrets.
struct Clean {
    body: Body,
    stream: Stream,
    redactor: Redactor,
    returned: Returned,
    /// What follows the data that was held back: trailers, or why there is no more.
    next: Option<Result<Frame<Bytes>, BodyError>>,
    ended: bool,
}

impl http_body::Body for Clean {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if self.next.is_some() || self.ended {
                return Poll::Ready(self.next.take());
            }
            let portion = ready!(self.gather(context));
            let mut clean = self.stream.push(&portion);
            if self.next.is_some() || self.ended {
                clean.extend(self.stream.finish());
            }
            let found = self.stream.found();
            if !found.is_empty() {
                (self.returned)(&found);
            }
            if !clean.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(clean.into()))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.next.is_none() && self.stream.held() == 0 && (self.ended || self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, held) = (self.body.size_hint(), self.stream.held() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(held));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(held));
        }
        hint
    }
}

impl Clean {
    /// What is there of the body, up to a portion. Waits for some, unless its end has come.
    fn gather(&mut self, context: &mut Context<'_>) -> Poll<Vec<u8>> {
        let mut portion = Vec::new();
        while portion.len() < PORTION {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending if portion.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(None) => self.ended = true,
                Poll::Ready(Some(Err(error))) => {
                    self.next = Some(Err(error));
                    self.ended = true;
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        portion.extend_from_slice(&data);
                        continue;
                    }
                    Err(frame) => self.next = frame.into_trailers().ok().map(|trailers| Ok(self.trailers(&trailers))),
                },
            }
            if self.ended || self.next.is_some() {
                break;
            }
        }
        Poll::Ready(portion)
    }

    fn trailers(&self, trailers: &HeaderMap) -> Frame<Bytes> {
        Frame::trailers(clean_headers(trailers, &self.redactor, &self.returned))
    }
}
