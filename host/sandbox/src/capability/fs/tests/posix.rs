//! Smaller promises of POSIX and WASI that libraries rely on.

use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;

use super::super::Touched;
use super::super::bindings::types::{DescriptorFlags, DescriptorType, ErrorCode, HostDescriptor, NewTimestamp};
use super::support::*;

fn at(seconds: u64) -> NewTimestamp {
    NewTimestamp::Timestamp(Datetime { seconds, nanoseconds: 5 })
}

#[test]
fn times_are_set_by_path_and_by_descriptor() {
    let temp = workspace();
    with_both(&[all_of(&temp.path().join("ws"))], |guest| {
        for path in ["file", "sub", ".", "sub/inner", "sub/"] {
            guest.set_times(keep(), path, at(1_000_000)).unwrap();
            let stat = guest.stat(keep(), path).unwrap();
            assert_eq!(
                stat.data_modification_timestamp.map(|time| (time.seconds, time.nanoseconds)),
                Some((1_000_000, 5)),
                "{path}"
            );
        }
        let fd = guest.open("file", plain(), READ).unwrap();
        guest.call(fd, |view, fd| view.set_times(fd, at(7), at(8))).unwrap();
        let stat = guest.call(fd, |view, fd| view.stat(fd)).unwrap();
        assert_eq!(stat.data_access_timestamp.unwrap().seconds, 7);
        assert_eq!(stat.data_modification_timestamp.unwrap().seconds, 8);
        guest.call(fd, |view, fd| view.set_times(fd, NewTimestamp::NoChange, NewTimestamp::Now)).unwrap();
        let stat = guest.call(fd, |view, fd| view.stat(fd)).unwrap();
        assert_eq!(stat.data_access_timestamp.unwrap().seconds, 7);
        assert!(stat.data_modification_timestamp.unwrap().seconds > 8);
        refused(guest.set_times(keep(), "file", at(u64::MAX)), ErrorCode::Overflow);
        let nonsense = NewTimestamp::Timestamp(Datetime { seconds: 1, nanoseconds: 1_000_000_000 });
        refused(guest.set_times(keep(), "file", nonsense), ErrorCode::Invalid);
        refused(guest.set_times(keep(), "file/", at(1)), ErrorCode::NotDirectory);
        refused(guest.set_times(keep(), "missing", at(1)), ErrorCode::NoEntry);
    });
}

#[test]
fn a_hash_says_what_is_the_same_file_and_nothing_of_the_host() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    with_both(&[all_of(&ws)], |guest| {
        guest.link("file", "second").unwrap();
        let hash = |guest: &mut Guest, path: &str| {
            let root = guest.root();
            let hash = guest.call(root, |view, fd| view.metadata_hash_at(fd, keep(), path.to_owned())).unwrap();
            (hash.lower, hash.upper)
        };
        let first = hash(guest, "file");
        assert_eq!(first, hash(guest, "second"));
        assert_ne!(first, hash(guest, "sub/inner"));
        let (one, two) = (guest.open("file", plain(), READ).unwrap(), guest.open("second", plain(), READ).unwrap());
        let opened = guest.call(one, |view, fd| view.metadata_hash(fd)).unwrap();
        assert_eq!(first, (opened.lower, opened.upper));
        let other = guest.open("sub/inner", plain(), READ).unwrap();
        assert!(guest.same(one, two) && !guest.same(one, other));
        let (root, again, sub) =
            (guest.root(), guest.open(".", DIRECTORY, READ).unwrap(), guest.open("sub", DIRECTORY, READ).unwrap());
        assert!(guest.same(root, again) && !guest.same(root, sub));
        guest.write_file("file", TRUNCATE, b"content").unwrap();
        assert_eq!(first, hash(guest, "file"), "stable, because libraries take it for an inode number");
        guest.unlink("second").unwrap();
    });
}

#[test]
fn descriptors_tell_their_type_and_flags() {
    let temp = workspace();
    let mut guest = Guest::new(&[all_of(&temp.path().join("ws"))]);
    let sync = DescriptorFlags::FILE_INTEGRITY_SYNC;
    for (path, flags, kind, told) in [
        ("file", READ, DescriptorType::RegularFile, READ),
        ("file", WRITE, DescriptorType::RegularFile, WRITE),
        ("file", READ | WRITE | sync, DescriptorType::RegularFile, READ | WRITE | sync),
        ("file", DescriptorFlags::empty(), DescriptorType::RegularFile, READ),
        ("sub", READ, DescriptorType::Directory, READ | DescriptorFlags::MUTATE_DIRECTORY),
    ] {
        let fd = guest.open(path, plain(), flags).unwrap();
        assert_eq!(guest.call(fd, |view, fd| view.get_type(fd)).unwrap(), kind);
        assert_eq!(guest.call(fd, |view, fd| view.get_flags(fd)).unwrap(), told);
    }
}

#[test]
fn open_flags_mean_what_they_mean_in_posix() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    with_both(&[all_of(&ws)], |guest| {
        refused(guest.open("missing", plain(), READ), ErrorCode::NoEntry);
        refused(guest.open("missing", TRUNCATE, WRITE), ErrorCode::NoEntry);
        refused(guest.open("file", CREATE | EXCLUSIVE, WRITE), ErrorCode::Exist);
        refused(guest.open("sub", CREATE | EXCLUSIVE, WRITE), ErrorCode::Exist);
        refused(guest.open("sub", plain(), WRITE), ErrorCode::IsDirectory);
        refused(guest.open("sub", CREATE, READ), ErrorCode::IsDirectory);
        refused(guest.open("file", DIRECTORY, READ), ErrorCode::NotDirectory);
        refused(guest.open("file", DIRECTORY | CREATE, READ), ErrorCode::Invalid);
        refused(guest.open("sub", DIRECTORY | TRUNCATE, READ), ErrorCode::Invalid);
        refused(guest.open("missing/", CREATE, WRITE), ErrorCode::IsDirectory);
        refused(guest.open("missing/new", CREATE, WRITE), ErrorCode::NoEntry);
        guest.write_file("new", CREATE | EXCLUSIVE, b"0123456789").unwrap();
        guest.write_file("new", CREATE, b"ab").unwrap();
        assert_eq!(guest.read_file("new").unwrap(), b"ab23456789");
        guest.write_file("new", CREATE | TRUNCATE, b"x").unwrap();
        assert_eq!(guest.read_file("new").unwrap(), b"x");
        guest.open("new", TRUNCATE, READ).unwrap();
        assert_eq!(guest.read_file("new").unwrap(), b"");
        let fd = guest.open("new", plain(), READ | WRITE).unwrap();
        guest.unlink("new").unwrap();
        guest.write_at(fd, 0, b"unlinked").unwrap();
        assert_eq!(guest.call(fd, |view, fd| view.read(fd, 100, 0)).unwrap().0, b"unlinked");
    });
}

#[test]
fn what_was_touched_is_noted_with_guest_paths() {
    let temp = workspace();
    let mut guest = Guest::new(&[all_of(&temp.path().join("ws"))]);
    guest.read_file("file").unwrap();
    guest.write_file("sub/new", CREATE, b"x").unwrap();
    guest.write_file("./sub//new", TRUNCATE, b"y").unwrap();
    guest.rename("sub/new", "moved").unwrap();
    guest.unlink("moved").unwrap();
    guest.list("sub").unwrap();
    let notes = guest.fs.take_notes();
    let touches: Vec<_> =
        notes.touches.iter().map(|touch| (touch.grant.as_str(), touch.path.as_str(), touch.touched.clone())).collect();
    assert_eq!(
        touches,
        [
            ("/ws", "file", Touched::Read),
            ("/ws", "sub/new", Touched::Created),
            ("/ws", "sub/new", Touched::Written),
            ("/ws", "sub/new", Touched::Renamed("moved".to_owned())),
            ("/ws", "moved", Touched::Deleted),
            ("/ws", "sub", Touched::Listed),
        ]
    );
    assert!(guest.fs.notes().touches.is_empty());
}
