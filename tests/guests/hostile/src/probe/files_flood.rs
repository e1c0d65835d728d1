//! `files_flood`: very many empty files. Hits `files-created`.

use toolhold_sdk::prelude::*;

/// Creates files for ever.
#[tool(hints(destructive), needs(write("/**", "test"), read("/**", "test")))]
pub(crate) fn files_flood(
    /// Directory to create them in.
    path: String,
) -> Result<u64> {
    let mut count = 0_u64;
    loop {
        std::fs::File::create(format!("{path}/{count}")).with_context(|| format!("after {count}"))?;
        count += 1;
    }
}
