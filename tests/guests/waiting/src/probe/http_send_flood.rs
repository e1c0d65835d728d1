//! `http_send_flood`: a request whose body never ends. Hits `http-bytes-sent`.

use toolhold_sdk::prelude::*;

use crate::exchange::{Asked, handle, request};

/// Sends for ever.
#[tool(hints(open_world), needs(network("*", "test")))]
pub(crate) fn http_send_flood(
    /// Host and port.
    authority: String,
) -> Result<u64> {
    let asked = Asked { authority, method: "POST".into(), ..Asked::default() };
    let request = request(&asked)?;
    let body = request.body().map_err(|()| Error::failed("no body"))?;
    let stream = body.write().map_err(|()| Error::failed("no stream"))?;
    let answer = handle(&asked, request)?;
    // What the host answers to a write does not count: a guest of this kind does not stop by itself.
    loop {
        let _refused = stream.blocking_write_and_flush(&[b'x'; 4096]);
        if answer.get().is_some() {
            std::hint::black_box(&answer);
        }
    }
}
