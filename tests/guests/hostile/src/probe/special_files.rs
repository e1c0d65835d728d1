//! `special_files`: opens what is no file and no directory. A FIFO without a writer waits for ever; a device may act.

use toolhold_sdk::prelude::*;
use wasip2::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};

use crate::raw;

/// Opens each name for reading and for writing, reads what it can, and says what came.
#[tool(hints(destructive), needs(read("/**", "test"), write("/**", "test")))]
pub(crate) fn special_files(
    /// Granted directory.
    directory: String,
    /// Names in it.
    names: Vec<String>,
) -> Result<Vec<String>> {
    let root = raw::granted(&directory)?;
    let mut done = Vec::new();
    for name in &names {
        for flags in [DescriptorFlags::READ, DescriptorFlags::WRITE, DescriptorFlags::READ | DescriptorFlags::WRITE] {
            if let Ok(file) = root.open_at(PathFlags::SYMLINK_FOLLOW, name, OpenFlags::empty(), flags) {
                let read = file.read(1, 0).map(|(bytes, _)| bytes.len());
                let streamed = file.read_via_stream(0).map(|stream| stream.blocking_read(1).is_ok());
                done.push(format!("{name} {flags:?}: {read:?} {streamed:?}"));
            }
        }
    }
    Ok(done)
}
