//! One request and one answer. On the target this is `wasi:http`; natively there is no way out.

use toolhold_sdk::prelude::*;
use url::Url;

#[cfg(target_arch = "wasm32")]
mod wasi;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// One answer, its body cut at the bound that was given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) cut: bool,
}

impl Answer {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// Sends a request and reads at most so many bytes of the answer's body.
pub(crate) type Send<'a> = &'a mut dyn FnMut(&Request, usize) -> Result<Answer>;

/// The way out.
///
/// # Errors
/// The host refused, or the request failed.
pub(crate) fn send(request: &Request, max_bytes: usize) -> Result<Answer> {
    #[cfg(target_arch = "wasm32")]
    return wasi::send(request, max_bytes);
    #[cfg(not(target_arch = "wasm32"))]
    Err(Error::failed(format!("`{}` is only reached from within the sandbox ({max_bytes} bytes)", request.url)))
}

/// The error of a request that the host refused: what it is about, for a person who could grant it.
#[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "natively nothing is sent, so nothing is refused"))]
pub(crate) fn denied(request: &Request, why: &str) -> Error {
    let Request { method, url, .. } = request;
    let port = url.port_or_known_default().unwrap_or_default();
    Error::denied(format!(
        "the host refused `{method} {url}`: {why}. It would take a network grant for scheme `{}`, host `{}`, port {port}, \
         method `{method}` and path `{}`, which only the operator can give. Do not try again; do something else, or say \
         what you need",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.path(),
    ))
}
