//! `read_flood`: reads the same file for ever. Hits `bytes-read`.

use std::io::{Read, Seek};

use toolhold_sdk::prelude::*;

/// Reads a file for ever.
#[tool(hints(read_only), needs(read("/**", "test")))]
pub(crate) fn read_flood(
    /// The file.
    path: String,
) -> Result<u64> {
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        while file.read(&mut buffer)? > 0 {}
        file.rewind()?;
    }
}
