//! `http_hoard`: requests that are built and never sent, each as large as the host lets it be. What they hold is the host's
//! memory, not the guest's. Hits `handles`.

use toolhold_sdk::prelude::*;
use wasip2::http::types::{Fields, Method, OutgoingRequest, Scheme};

/// Builds requests for ever and forgets them.
#[tool(hints(open_world), needs(network("*", "test")))]
pub(crate) fn http_hoard(
    /// How long each text in a request is.
    bytes: usize,
) -> u64 {
    let text = "x".repeat(bytes);
    loop {
        let fields = Fields::new();
        while fields.append("a", text.as_bytes()).is_ok() {}
        let request = OutgoingRequest::new(fields);
        // Refused or not: what counts is what the host keeps.
        let _refused = request.set_method(&Method::Other(text.clone()));
        let _refused = request.set_scheme(Some(&Scheme::Other(text.clone())));
        let _refused = request.set_authority(Some(&text));
        let _refused = request.set_path_with_query(Some(&format!("/{text}")));
        if let Ok(body) = request.body() {
            if let Ok(stream) = body.write() {
                while stream.check_write().is_ok_and(|permit| permit > 0) && stream.write(&[b'x'; 4096]).is_ok() {}
                std::mem::forget(stream);
            }
            std::mem::forget(body);
        }
        std::mem::forget(request);
    }
}
