//! `http_requests`: one request after the other, without waiting for an answer. Hits `http-requests`.

use toolhold_sdk::prelude::*;

use crate::exchange::{Asked, handle, request};

/// Sends requests for ever.
#[tool(hints(open_world), needs(network("*", "test")))]
pub(crate) fn http_requests(
    /// Host and port.
    authority: String,
) -> Result<u64> {
    let asked = Asked { authority, ..Asked::default() };
    loop {
        drop(handle(&asked, request(&asked)?)?);
    }
}
