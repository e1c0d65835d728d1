//! `writes_then_sends`: writes a file and then sends a request. What was sent is sent, whatever becomes of the file.

use toolhold_sdk::prelude::*;

use crate::exchange::{self, Asked};

/// Writes a line into a file, then posts it.
#[tool(hints(open_world), needs(network("*", "test"), write("/**", "test"), read("/**", "test")))]
pub(crate) fn writes_then_sends(
    /// The file.
    path: String,
    /// Host and port.
    authority: String,
) -> Result<String> {
    std::fs::read(&path)?;
    std::fs::write(&path, "of the tool\n")?;
    let asked = Asked { authority, method: "POST".into(), path: "/order".into(), ..Asked::default() };
    exchange::exchange(&asked, b"one")
}
