//! `giant_requests`: lengths and offsets at the end of what a number can say. The host must neither allocate them nor wrap around.

use toolhold_sdk::prelude::*;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

use crate::raw;

/// Reads with each combination of giant numbers, and says how many bytes came.
#[tool(hints(read_only), needs(read("/**", "test")))]
pub(crate) fn giant_requests(
    /// Granted directory.
    directory: String,
    /// Name of a file in it.
    name: String,
) -> Result<Vec<String>> {
    let root = raw::granted(&directory)?;
    let file =
        root.open_at(PathFlags::empty(), &name, OpenFlags::empty(), DescriptorFlags::READ).map_err(raw::error)?;
    let mut seen = Vec::new();
    for (length, offset) in [(u64::MAX, 0), (1, u64::MAX), (u64::MAX, u64::MAX), (1 << 40, 1 << 62)] {
        let read = file.read(length, offset).map(|(bytes, end)| (bytes.len(), end));
        seen.push(format!("read {length} at {offset}: {read:?}"));
    }
    for offset in [0, u64::MAX] {
        match file.read_via_stream(offset) {
            Ok(stream) => {
                seen.push(format!(
                    "stream at {offset}: {:?}",
                    stream.blocking_read(u64::MAX).map(|bytes| bytes.len()).map_err(drop)
                ));
                seen.push(format!("skip at {offset}: {:?}", stream.blocking_skip(u64::MAX).map_err(drop)));
            }
            Err(code) => seen.push(format!("stream at {offset}: {code:?}")),
        }
    }
    Ok(seen)
}
