//! `http_request`: sends one request with `wasi:http` and says what the host answered. What is not granted must not leave.

use toolhold_sdk::prelude::*;

use crate::exchange::{self, Asked};

/// Sends a request and says what came: the status, each header, an empty line and the body.
#[tool(hints(open_world), needs(network("*", "test")))]
pub(crate) fn http_request(
    /// Host and port.
    authority: String,
    /// Use TLS.
    #[serde(default)]
    secure: bool,
    /// The method; `GET` if it is empty.
    #[serde(default)]
    method: String,
    /// Path and query; `/` if it is empty.
    #[serde(default)]
    path: String,
    /// Names and values, one after the other.
    #[serde(default)]
    headers: Vec<String>,
    /// What is sent with it, if it is not empty.
    #[serde(default)]
    body: String,
    /// Milliseconds to wait for an answer; as long as it takes if 0.
    #[serde(default)]
    patience: u64,
) -> Result<String> {
    let asked = Asked { authority, secure, method, path, headers, patience };
    exchange::exchange(&asked, body.as_bytes())
}
