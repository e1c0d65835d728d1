//! Listings.

use std::os::unix::ffi::OsStrExt;

use toolhold_core::grant::DirectoryGrant;
use toolhold_core::limit::Limit;
use wasmtime::component::Resource;

use super::super::bindings::types::{DescriptorType, ErrorCode, HostDescriptor, HostDirectoryEntryStream};
use super::support::*;

#[test]
fn a_listing_shows_what_is_readable_or_on_the_way_to_it() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    for path in ["src/deep", "etc", "out"] {
        std::fs::create_dir_all(ws.join(path)).unwrap();
    }
    for path in ["src/a.rs", "src/b.txt", "src/deep/c.rs", "src/deep/key.rs"] {
        std::fs::write(ws.join(path), "x").unwrap();
    }
    let grant = DirectoryGrant {
        read: patterns(&["src/**/*.rs", "file"]),
        write: patterns(&["out/**"]),
        deny: patterns(&["**/key.rs"]),
        ..all_of(&ws)
    };
    with_both(&[grant], |guest| {
        assert_eq!(guest.names(".").unwrap(), ["file", "src"]);
        assert_eq!(guest.names("src").unwrap(), ["a.rs", "deep"]);
        assert_eq!(guest.names("src/deep").unwrap(), ["c.rs"]);
        for path in ["etc", "out"] {
            refused(guest.list(path), ErrorCode::Access);
        }
        refused(guest.read_file("src/b.txt"), ErrorCode::Access);
        assert_eq!(guest.stat(keep(), "src").unwrap().type_, DescriptorType::Directory);
        refused(guest.stat(keep(), "src/b.txt"), ErrorCode::Access);
    });
}

#[test]
fn names_that_are_not_utf8_are_left_out() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    std::fs::write(ws.join(std::ffi::OsStr::from_bytes(b"\xff")), "x").unwrap();
    with_both(&[all_of(&ws)], |guest| {
        assert_eq!(guest.names(".").unwrap(), ["file", "sub"]);
        refused(guest.read_file("\u{fffd}"), ErrorCode::NoEntry);
    });
}

#[test]
fn a_file_is_not_listed() {
    let temp = workspace();
    with_both(&[all_of(&temp.path().join("ws"))], |guest| {
        refused(guest.list("file"), ErrorCode::NotDirectory);
        let fd = guest.open("file", plain(), READ).unwrap();
        refused(guest.call(fd, |view, fd| view.read_directory(fd)), ErrorCode::NotDirectory);
    });
}

#[test]
fn a_huge_listing_ends_at_the_limit_of_bytes_read_whether_or_not_its_names_are_shown() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    for number in 0..2000 {
        std::fs::write(ws.join(format!("entry-{number:04}")), "").unwrap();
    }
    for deny in [patterns(&[]), patterns(&["entry-*"])] {
        let mut guest = Guest::limited(&[DirectoryGrant { deny, ..all_of(&ws) }], Limit::BytesRead, 5000);
        assert_eq!(guest.list("."), Err(Failed::Limit(Limit::BytesRead)));
    }
}

#[test]
fn a_listing_is_read_as_it_is_asked_for_and_survives_changes() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    for number in 0..100 {
        std::fs::write(ws.join(format!("{number:03}")), "").unwrap();
    }
    let mut guest = Guest::new(&[all_of(&ws)]);
    let root = guest.root();
    let listing = guest.call(root, |view, fd| view.read_directory(fd)).unwrap();
    let mut seen = 0;
    while let Some(entry) = guest.view().read_directory_entry(Resource::new_borrow(listing.rep())).unwrap() {
        seen += 1;
        if entry.type_ == DescriptorType::RegularFile {
            guest.unlink(&entry.name).unwrap();
        }
    }
    assert!(seen >= 100);
    assert_eq!(guest.names(".").unwrap(), ["sub"]);
}

#[test]
fn listings_of_what_is_staged_share_its_names() {
    use super::super::overlay::DirectoryId;
    let temp = workspace();
    let mut guest = Guest::staged(&[all_of(&temp.path().join("ws"))]);
    guest.mkdir("made").unwrap();
    guest.unlink("file").unwrap();
    let held = |guest: &Guest| {
        let layer = guest.stage.as_ref().unwrap().0.lock();
        let slots = &layer.trees[0].directory(DirectoryId::ROOT).slots;
        slots.keys().map(|name| (name.to_string(), std::sync::Arc::strong_count(name))).collect::<Vec<_>>()
    };
    let root = guest.root();
    let listings = [(); 3].map(|()| guest.call(root, |view, fd| view.read_directory(fd)).unwrap());
    assert_eq!(held(&guest), [("file".into(), 4), ("made".into(), 4)]);
    guest.rmdir("made").unwrap();
    guest.mkdir("later").unwrap();
    for listing in listings {
        let mut names = Vec::new();
        while let Some(entry) =
            guest.view().read_directory_entry(Resource::new_borrow(listing.rep())).map_err(failed).unwrap()
        {
            names.push(entry.name);
        }
        assert_eq!(names, ["sub", "made"], "what was there when it was opened");
        HostDirectoryEntryStream::drop(&mut guest.view(), listing).unwrap();
    }
    assert_eq!(guest.names(".").unwrap(), ["later", "sub"]);
}
