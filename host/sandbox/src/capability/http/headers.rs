//! Headers: what a guest may not set, and how much of an answer's head it is given.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use toolhold_core::grant::http::HttpGrant;
use toolhold_core::grant::{SecretPlace, SecretUse};
use toolhold_core::id::Digest;
use wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS;

/// Headers in one answer. Servers that send more than a few dozen are rare.
const MAX_COUNT: usize = 256;

/// Bytes of one set of headers, names and values.
pub(super) const MAX_BYTES: usize = 64 << 10;

/// What belongs to the connection: who sets these could speak to a proxy, or end one request and begin another.
pub(super) fn is_forbidden(name: &HeaderName) -> bool {
    let more = [header::EXPECT, header::TE, header::TRAILER];
    DEFAULT_FORBIDDEN_HEADERS.contains(name) || more.contains(name) || name.as_str().starts_with("proxy-")
}

/// What of `headers` is sent. The length of a body that does not exist is not said, and what the grant adds is the grant's.
pub(super) fn outgoing(mut headers: HeaderMap, grant: &HttpGrant, has_body: bool) -> HeaderMap {
    let forbidden: Vec<HeaderName> = headers.keys().filter(|name| is_forbidden(name)).cloned().collect();
    let added = grant.secrets.iter().filter_map(header_of).chain(&grant.idempotency_header).cloned();
    for name in forbidden.into_iter().chain(added) {
        headers.remove(name);
    }
    if !has_body {
        headers.remove(header::CONTENT_LENGTH);
    }
    headers
}

fn header_of(secret: &SecretUse) -> Option<&HeaderName> {
    match &secret.place {
        SecretPlace::Header { name, .. } => Some(name),
        SecretPlace::Basic { .. } => Some(const { &header::AUTHORIZATION }),
        SecretPlace::Query { .. } => None,
    }
}

/// The value by which a server recognises a request that it has seen: the same in every try of the same call.
pub(super) fn idempotency_value(call: &Digest, nth: u64, method: &str, url: &str) -> HeaderValue {
    let digest = Digest::of_parts(&[call.as_bytes(), &nth.to_le_bytes(), method.as_bytes(), url.as_bytes()]);
    HeaderValue::from_str(&digest.hex()).unwrap_or(HeaderValue::from_static("0"))
}

/// For how many seconds the other side asks to be left alone.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    toolhold_core::retry::retry_after(text(header::RETRY_AFTER)?, text(header::DATE))
}

/// Bytes of headers as they are sent: names, values, and four for `: ` and the end of the line.
pub(super) fn size(headers: &HeaderMap) -> u64 {
    headers.iter().map(|(name, value)| (name.as_str().len() + value.len() + 4) as u64).sum()
}

/// Whether a guest may be given these.
pub(super) fn fits(headers: &HeaderMap) -> bool {
    headers.len() <= MAX_COUNT && size(headers) <= MAX_BYTES as u64
}
