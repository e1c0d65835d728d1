//! `read_only`: every operation that changes something, on a file that may only be read.

use toolhold_sdk::prelude::*;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, PathFlags};

use crate::raw;

/// Tries each change and says which the host did not refuse.
#[tool(hints(destructive), needs(read("/**", "test"), write("/**", "test")))]
pub(crate) fn read_only(
    /// Granted directory that is read-only.
    directory: String,
    /// Name of a file in it.
    name: String,
    /// Granted directory that may be written, with a file `own`.
    other: String,
) -> Result<Vec<String>> {
    let (root, other) = (raw::granted(&directory)?, raw::granted(&other)?);
    let mut done = Vec::new();
    let names = on_names(&root, &name, &other).into_iter();
    for (operation, result) in names.chain(on_descriptor(&root, &name)) {
        if result.is_ok() {
            done.push(operation.to_owned());
        }
    }
    Ok(done)
}

fn on_names(root: &Descriptor, name: &str, other: &Descriptor) -> Vec<(&'static str, Result<(), ErrorCode>)> {
    let open = |flags, rights| root.open_at(PathFlags::empty(), name, flags, rights).map(drop);
    let slashed = format!("{name}/");
    vec![
        ("open-write", open(OpenFlags::empty(), DescriptorFlags::WRITE)),
        ("open-truncate", open(OpenFlags::TRUNCATE, DescriptorFlags::WRITE)),
        ("open-truncate-read", open(OpenFlags::TRUNCATE, DescriptorFlags::READ)),
        ("open-truncate-none", open(OpenFlags::TRUNCATE, DescriptorFlags::empty())),
        ("open-create", root.open_at(PathFlags::empty(), "new", OpenFlags::CREATE, DescriptorFlags::READ).map(drop)),
        ("open-mutate", open(OpenFlags::empty(), DescriptorFlags::MUTATE_DIRECTORY)),
        ("times-at", root.set_times_at(PathFlags::empty(), name, NewTimestamp::Now, NewTimestamp::Now)),
        (
            "times-at-slash",
            root.set_times_at(PathFlags::SYMLINK_FOLLOW, &slashed, NewTimestamp::Now, NewTimestamp::Now),
        ),
        ("link-within", root.link_at(PathFlags::empty(), name, root, "linked")),
        ("link-out", root.link_at(PathFlags::empty(), name, other, "linked")),
        ("link-in", other.link_at(PathFlags::empty(), "own", root, "linked")),
        ("rename-within", root.rename_at(name, root, "moved")),
        ("rename-out", root.rename_at(name, other, "moved")),
        ("rename-in", other.rename_at("own", root, "moved")),
        ("rename-over", other.rename_at("own", root, name)),
        ("symlink", root.symlink_at("a", "link")),
        ("mkdir", root.create_directory_at("directory")),
        ("rmdir", root.remove_directory_at("empty")),
        ("unlink", root.unlink_file_at(name)),
        ("unlink-slash", root.unlink_file_at(&slashed)),
    ]
}

fn on_descriptor(root: &Descriptor, name: &str) -> Vec<(&'static str, Result<(), ErrorCode>)> {
    let Ok(file) = root.open_at(PathFlags::empty(), name, OpenFlags::empty(), DescriptorFlags::READ) else {
        return Vec::new();
    };
    let written = |stream: Result<wasip2::io::streams::OutputStream, ErrorCode>| {
        stream.and_then(|stream| stream.blocking_write_and_flush(b"x").map_err(|_| ErrorCode::Io))
    };
    vec![
        ("set-size", file.set_size(0)),
        ("set-times", file.set_times(NewTimestamp::Now, NewTimestamp::Now)),
        ("write", file.write(b"x", 0).map(drop)),
        ("write-stream", written(file.write_via_stream(0))),
        ("append-stream", written(file.append_via_stream())),
        ("root-times", root.set_times(NewTimestamp::Now, NewTimestamp::Now)),
    ]
}
