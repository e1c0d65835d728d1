//! `stream_handles`: many streams of one file, none dropped. Hits `handles`.

use toolhold_sdk::prelude::*;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

use crate::raw;

/// Makes streams for ever and forgets them.
#[tool(hints(read_only), needs(read("/**", "test")))]
pub(crate) fn stream_handles(
    /// Granted directory.
    directory: String,
    /// Name of a file in it.
    name: String,
) -> Result<u64> {
    let root = raw::granted(&directory)?;
    let file =
        root.open_at(PathFlags::empty(), &name, OpenFlags::empty(), DescriptorFlags::READ).map_err(raw::error)?;
    loop {
        std::mem::forget(file.read_via_stream(0).map_err(raw::error)?);
    }
}
