//! A grant without `write` changes nothing, and one with some changes nothing else.

use toolhold_core::grant::DirectoryGrant;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;

use super::super::Why;
use super::super::bindings::types::{DescriptorFlags, ErrorCode, HostDescriptor, NewTimestamp};
use super::support::*;

fn long_ago() -> NewTimestamp {
    NewTimestamp::Timestamp(Datetime { seconds: 1, nanoseconds: 0 })
}

#[test]
fn every_way_to_change_something_is_refused_by_a_read_only_grant() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let modified = || std::fs::metadata(ws.join("file")).unwrap().modified().unwrap();
    let before = modified();
    with_both(&[DirectoryGrant { symlinks: toolhold_core::grant::Symlinks::Create, ..read_only(&ws) }], |guest| {
        let fd = guest.open("file", plain(), READ).unwrap();
        let sub = guest.open("sub", DIRECTORY, READ).unwrap();
        for answer in [
            guest.open("file", plain(), WRITE).map(drop),
            guest.open("file", plain(), READ | WRITE).map(drop),
            guest.open("file", CREATE, READ).map(drop),
            guest.open("new", CREATE, READ).map(drop),
            guest.open("new", CREATE | EXCLUSIVE, WRITE).map(drop),
            guest.open("file", TRUNCATE, READ).map(drop),
            guest.open("sub", DIRECTORY, READ | DescriptorFlags::MUTATE_DIRECTORY).map(drop),
            guest.mkdir("new"),
            guest.rmdir("sub"),
            guest.unlink("file"),
            guest.rename("file", "new"),
            guest.link("file", "new"),
            guest.symlink("file", "new"),
            guest.set_times(keep(), "file", long_ago()),
            guest.set_times(keep(), ".", long_ago()),
            guest.call(fd, |view, fd| view.set_times(fd, long_ago(), long_ago())),
            guest.call(sub, |view, fd| view.set_times(fd, long_ago(), long_ago())),
            guest.set_size(fd, 0),
            guest.call(fd, |view, fd| view.set_size(fd, 100)),
        ] {
            refused(answer, ErrorCode::ReadOnly);
        }
        refused(guest.write_at(fd, 0, b"x"), ErrorCode::BadDescriptor);
        refused(guest.call(fd, |view, fd| view.write_via_stream(fd, 0)), ErrorCode::BadDescriptor);
        refused(guest.call(fd, |view, fd| view.append_via_stream(fd)), ErrorCode::BadDescriptor);
        assert!(guest.fs.notes().refusals.iter().all(|refusal| refusal.why == Why::ReadOnly));
        assert_eq!(guest.names(".").unwrap(), ["file", "sub"]);
        assert_eq!(guest.call(fd, |view, fd| view.get_flags(fd)).unwrap(), DescriptorFlags::READ);
        assert_eq!(guest.call(sub, |view, fd| view.get_flags(fd)).unwrap(), DescriptorFlags::READ);
    });
    assert_eq!(std::fs::read(ws.join("file")).unwrap(), b"content");
    assert_eq!(modified(), before);
}

#[test]
fn what_may_be_written_need_not_be_readable() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let grant = DirectoryGrant { read: patterns(&["file"]), write: patterns(&["sub/**"]), ..all_of(&ws) };
    with_both(&[grant], |guest| {
        refused(guest.open("file", plain(), WRITE), ErrorCode::Access);
        assert_eq!(guest.last_why(), Why::NotWritable);
        refused(guest.open("sub/inner", plain(), READ), ErrorCode::Access);
        assert_eq!(guest.last_why(), Why::NotReadable);
        refused(guest.open("sub/inner", plain(), READ | WRITE), ErrorCode::Access);
        let fd = guest.open("sub/inner", plain(), WRITE).unwrap();
        refused(guest.call(fd, |view, fd| view.read(fd, 10, 0)), ErrorCode::BadDescriptor);
        refused(guest.call(fd, |view, fd| view.read_via_stream(fd, 0)), ErrorCode::BadDescriptor);
        refused(guest.stat(keep(), "sub/inner"), ErrorCode::Access);
        refused(guest.list("sub"), ErrorCode::Access);
        refused(guest.rename("sub/inner", "file"), ErrorCode::Access);
        refused(guest.link("sub/inner", "sub/second"), ErrorCode::Access);
        guest.write_file("sub/new", CREATE | EXCLUSIVE, b"x").unwrap();
        guest.unlink("sub/new").unwrap();
        assert_eq!(guest.names(".").unwrap(), ["file"]);
    });
}

#[test]
fn moving_reveals_nothing_that_could_not_be_read() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    std::fs::create_dir(ws.join("public")).unwrap();
    let grant = DirectoryGrant { read: patterns(&["public/**"]), write: patterns(&["**"]), ..all_of(&ws) };
    with_both(&[grant], |guest| {
        refused(guest.rename("file", "public/file"), ErrorCode::Access);
        assert_eq!(guest.last_why(), Why::MovesForbidden);
        refused(guest.link("file", "public/file"), ErrorCode::Access);
        refused(guest.rename("sub", "public/sub"), ErrorCode::Access);
        guest.rename("file", "elsewhere").unwrap();
        guest.rename("elsewhere", "file").unwrap();
    });
}
