//! `odd_writes`: writes and sizes at the end of what a number can say. Each must be refused or counted; none may wrap around.

use toolhold_sdk::prelude::*;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

use crate::raw;

/// Tries each way to make a file large at once, and says what the host answered.
#[tool(hints(destructive), needs(read("/**", "test"), write("/**", "test")))]
pub(crate) fn odd_writes(
    /// Granted directory.
    directory: String,
    /// Name of a file in it.
    name: String,
    /// `size`, `write`, `stream` or `zeroes`.
    how: String,
    /// The number.
    at: Option<u64>,
) -> Result<String> {
    let at = at.unwrap_or(u64::MAX);
    let root = raw::granted(&directory)?;
    let file = root
        .open_at(PathFlags::empty(), &name, OpenFlags::CREATE, DescriptorFlags::READ | DescriptorFlags::WRITE)
        .map_err(raw::error)?;
    Ok(match how.as_str() {
        "size" => format!("{:?}", file.set_size(at)),
        "write" => format!("{:?}", file.write(b"x", at)),
        "stream" => {
            let stream = file.write_via_stream(at).map_err(raw::error)?;
            format!("{:?}", stream.blocking_write_and_flush(b"x").map_err(drop))
        }
        _ => {
            let stream = file.write_via_stream(0).map_err(raw::error)?;
            format!("{:?}", stream.write_zeroes(at).map_err(drop))
        }
    })
}
