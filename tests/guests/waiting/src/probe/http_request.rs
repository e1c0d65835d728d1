//! `http_request`: sends a request with `wasi:http`. Nothing is granted, so no byte may leave.

use toolhold_sdk::prelude::*;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, Method, OutgoingRequest, Scheme};

/// Sends a GET request and says what the host answered.
#[tool(hints(open_world), needs(network("*", "test")))]
pub(crate) fn http_request(
    /// Host and port.
    authority: String,
    /// Use TLS.
    #[serde(default)]
    secure: bool,
) -> Result<String> {
    let request = OutgoingRequest::new(Fields::new());
    let scheme = if secure { Scheme::Https } else { Scheme::Http };
    let refused = |()| Error::denied("the host refused a part of the request");
    request.set_method(&Method::Get).map_err(refused)?;
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(Some(&authority)).map_err(refused)?;
    request.set_path_with_query(Some("/")).map_err(refused)?;
    let response = match outgoing_handler::handle(request, None) {
        Ok(response) => response,
        Err(code) => return Err(Error::denied(format!("{code:?}"))),
    };
    response.subscribe().block();
    match response.get() {
        Some(Ok(Ok(response))) => Ok(format!("status {}", response.status())),
        other => Err(Error::denied(format!("{other:?}"))),
    }
}
