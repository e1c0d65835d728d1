//! `http_receive_flood`: asks for more as long as the host gives some. Hits `http-bytes-received`.

use toolhold_sdk::prelude::*;

use crate::exchange::{Asked, handle, read, request, wait};

/// Reads for ever.
#[tool(hints(open_world), needs(network("*", "test")))]
pub(crate) fn http_receive_flood(
    /// Host and port.
    authority: String,
) -> Result<u64> {
    let asked = Asked { authority, ..Asked::default() };
    loop {
        let answer = handle(&asked, request(&asked)?)?;
        let _as_much_as_there_was = wait(&answer).and_then(|response| read(&response));
    }
}
