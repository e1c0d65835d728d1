//! `path_escapes`: each path with each operation, beneath a granted directory and past the checks of any C library.

use toolhold_sdk::prelude::*;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

use crate::raw;

/// Tries every operation with every path and says which the host did not refuse.
#[tool(hints(destructive), needs(read("/**", "test"), write("/**", "test")))]
pub(crate) fn path_escapes(
    /// Granted directory.
    directory: String,
    /// The paths.
    paths: Vec<String>,
) -> Result<Vec<String>> {
    let root = raw::granted(&directory)?;
    let mut done = Vec::new();
    for path in &paths {
        for (operation, result) in tries(&root, path) {
            if let Ok(found) = result {
                done.push(format!("{operation} {path:?}{found}"));
            }
        }
    }
    Ok(done)
}

fn tries(root: &Descriptor, path: &str) -> Vec<(&'static str, Result<String, ErrorCode>)> {
    let nothing = |()| String::new();
    let both = [PathFlags::empty(), PathFlags::SYMLINK_FOLLOW];
    let mut results = Vec::new();
    for flags in both {
        results.push(("read", read(root, path, flags)));
        results.push((
            "write",
            root.open_at(flags, path, OpenFlags::CREATE, DescriptorFlags::WRITE).map(|_| String::new()),
        ));
        results.push((
            "truncate",
            root.open_at(flags, path, OpenFlags::TRUNCATE, DescriptorFlags::WRITE).map(|_| String::new()),
        ));
        results.push((
            "directory",
            root.open_at(flags, path, OpenFlags::DIRECTORY, DescriptorFlags::READ).map(|_| String::new()),
        ));
        results.push(("stat", root.stat_at(flags, path).map(|_| String::new())));
        results.push(("hash", root.metadata_hash_at(flags, path).map(|_| String::new())));
        let now = wasip2::filesystem::types::NewTimestamp::Now;
        results.push(("times", root.set_times_at(flags, path, now, now).map(nothing)));
        results.push(("link", root.link_at(flags, path, root, "linked").map(nothing)));
    }
    results.push(("readlink", root.readlink_at(path)));
    results.push(("rename", root.rename_at(path, root, "moved").map(nothing)));
    results.push(("rename-to", root.rename_at("a.txt", root, path).map(nothing)));
    results.push(("mkdir", root.create_directory_at(path).map(nothing)));
    results.push(("rmdir", root.remove_directory_at(path).map(nothing)));
    results.push(("unlink", root.unlink_file_at(path).map(nothing)));
    results
}

fn read(root: &Descriptor, path: &str, flags: PathFlags) -> Result<String, ErrorCode> {
    let file = root.open_at(flags, path, OpenFlags::empty(), DescriptorFlags::READ)?;
    let content = file.read(64, 0).map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned());
    Ok(format!(" = {:?}", content.unwrap_or_default()))
}
