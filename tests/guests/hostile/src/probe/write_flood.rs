//! `write_flood`: writes for ever, in place or at the end. Hits `bytes-written`.

use std::io::{Seek, Write};

use toolhold_sdk::prelude::*;

/// Writes to a file for ever.
#[tool(hints(destructive), needs(read("/**", "test"), write("/**", "test")))]
pub(crate) fn write_flood(
    /// The file.
    path: String,
    /// Write over the same place, so that the file never grows.
    #[serde(default)]
    in_place: bool,
) -> Result<u64> {
    let mut file = std::fs::File::create(path)?;
    let bytes = vec![b'w'; 16 << 10];
    loop {
        file.write_all(&bytes)?;
        if in_place {
            file.rewind()?;
        }
    }
}
