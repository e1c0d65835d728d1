//! Each limit that files can cross ends the call with its name, and nothing happens beyond it.

use toolhold_core::limit::{Exceeded, Limit};
use wasmtime::component::Resource;

use super::super::bindings::types::{ErrorCode, HostDescriptor, HostDirectoryEntryStream as _};
use super::super::listing::Listing;
use super::support::*;

#[test]
fn bytes_read() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    std::fs::write(ws.join("big"), vec![b'x'; 10_000]).unwrap();
    let mut guest = Guest::limited(&[all_of(&ws)], Limit::BytesRead, 9_999);
    assert_eq!(guest.read_file("big"), Err(Failed::Limit(Limit::BytesRead)));
    let mut guest = Guest::limited(&[all_of(&ws)], Limit::BytesRead, 10_000);
    assert_eq!(guest.read_file("big").unwrap().len(), 10_000);
    assert_eq!(guest.meter.usage().get(Limit::BytesRead), 10_000);
    assert_eq!(guest.read_file("file"), Err(Failed::Limit(Limit::BytesRead)));
}

#[test]
fn bytes_written_count_growth_too() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let mut guest = Guest::limited(&[all_of(&ws)], Limit::BytesWritten, 1000);
    let fd = guest.open("new", CREATE, READ | WRITE).unwrap();
    guest.write_at(fd, 0, &[b'x'; 100]).unwrap();
    assert_eq!(guest.meter.usage().get(Limit::BytesWritten), 100);
    // A sparse write: what lies between is growth.
    guest.write_at(fd, 500, &[b'x'; 100]).unwrap();
    assert_eq!(guest.meter.usage().get(Limit::BytesWritten), 600);
    // Overwriting is writing, but no growth.
    guest.write_at(fd, 0, &[b'x'; 100]).unwrap();
    assert_eq!(guest.meter.usage().get(Limit::BytesWritten), 700);
    guest.set_size(fd, 700).unwrap();
    assert_eq!(guest.meter.usage().get(Limit::BytesWritten), 800);
    assert_eq!(guest.set_size(fd, 2 << 30), Err(Failed::Limit(Limit::BytesWritten)));
    assert_eq!(guest.write_at(fd, 1 << 40, b"x"), Err(Failed::Limit(Limit::BytesWritten)));
    assert_eq!(std::fs::metadata(ws.join("new")).unwrap().len(), 700);
    guest.set_size(fd, 0).unwrap();
    refused(guest.set_size(fd, u64::MAX), ErrorCode::FileTooLarge);
    refused(guest.write_at(fd, u64::MAX, b"x"), ErrorCode::FileTooLarge);
    refused(guest.write_at(fd, i64::MAX as u64, b"x"), ErrorCode::FileTooLarge);
}

#[test]
fn a_file_cut_behind_a_descriptors_back_grows_at_its_cost() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let mut guest = Guest::limited(&[all_of(&ws)], Limit::BytesWritten, 1000);
    let one = guest.open("new", CREATE, WRITE).unwrap();
    let two = guest.open("new", plain(), WRITE).unwrap();
    guest.set_size(one, 600).unwrap();
    // The second descriptor knows nothing of that size and asks.
    guest.write_at(two, 600, b"x").unwrap();
    assert_eq!(guest.meter.usage().get(Limit::BytesWritten), 601);
    guest.set_size(one, 0).unwrap();
    assert_eq!(guest.set_size(two, 600), Err(Failed::Limit(Limit::BytesWritten)));
}

#[test]
fn files_created() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let grant = with_links(&ws, toolhold_core::grant::Symlinks::Create);
    let mut guest = Guest::limited(&[grant], Limit::FilesCreated, 4);
    guest.write_file("one", CREATE, b"").unwrap();
    guest.mkdir("two").unwrap();
    guest.link("one", "three").unwrap();
    guest.write_file("one", CREATE, b"").unwrap();
    refused(guest.mkdir("two"), ErrorCode::Exist);
    refused(guest.write_file("one", CREATE | EXCLUSIVE, b""), ErrorCode::Exist);
    guest.symlink("one", "four").unwrap();
    for answer in [
        guest.write_file("five", CREATE, b""),
        guest.mkdir("five"),
        guest.link("one", "five"),
        guest.symlink("one", "five"),
    ] {
        assert_eq!(answer, Err(Failed::Limit(Limit::FilesCreated)));
    }
    assert!(!ws.join("five").exists());
    assert_eq!(guest.meter.usage().get(Limit::FilesCreated), 4);
    guest.rename("one", "six").unwrap();
}

#[test]
fn handles_are_given_back() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    // One is the grant itself.
    let mut guest = Guest::limited(&[all_of(&ws)], Limit::Handles, 4);
    let fds: Vec<_> = (0..3).map(|_| guest.open("file", plain(), READ).unwrap()).collect();
    assert_eq!(guest.open("file", plain(), READ).unwrap_err(), Failed::Limit(Limit::Handles));
    assert_eq!(guest.input(fds[0], 0).map(drop).unwrap_err(), Failed::Limit(Limit::Handles));
    let root = guest.root();
    assert_eq!(guest.call(root, |view, fd| view.read_directory(fd)).unwrap_err(), Failed::Limit(Limit::Handles));
    guest.close(fds[0]);
    let stream = guest.input(fds[1], 0).unwrap();
    assert_eq!(guest.open("file", plain(), READ).unwrap_err(), Failed::Limit(Limit::Handles));
    drop(stream);
    for _ in 0..1000 {
        let fd = guest.open("file", plain(), READ).unwrap();
        guest.close(fd);
        refused(guest.open("missing", plain(), READ), ErrorCode::NoEntry);
    }
}

#[test]
fn a_handle_of_a_granted_directory_counts_like_any_other() {
    let temp = workspace();
    let grants = ["ws", "ws/sub", "ws-secret"].map(|name| all_of(&temp.path().join(name)));
    // The guest has asked for its directories once already.
    let mut guest = Guest::limited(&grants, Limit::Handles, 7);
    let again = guest.view().get_directories().unwrap();
    assert_eq!(guest.meter.usage().get(Limit::Handles), 6);
    let refused = guest.view().get_directories().unwrap_err();
    assert_eq!(refused.downcast_ref::<Exceeded>().map(|exceeded| exceeded.limit), Some(Limit::Handles));
    // What was refused counts nothing: there is room for one more, and for as many as are given back.
    let file = guest.open("file", plain(), READ).unwrap();
    assert_eq!(guest.open("file", plain(), READ).unwrap_err(), Failed::Limit(Limit::Handles));
    again.into_iter().for_each(|(fd, _)| guest.close(Fd(fd.rep())));
    guest.close(file);
    for _ in 0..1000 {
        let all = guest.view().get_directories().unwrap();
        assert_eq!(all.iter().map(|(_, guest)| &**guest).collect::<Vec<_>>(), ["/ws", "/sub", "/ws-secret"]);
        all.into_iter().for_each(|(fd, _)| guest.close(Fd(fd.rep())));
    }
    assert_eq!(guest.meter.usage().get(Limit::Handles), 7);
}

#[test]
fn a_number_that_was_not_given_out_stands_for_nothing() {
    let temp = workspace();
    let mut guest = Guest::new(&[all_of(&temp.path().join("ws"))]);
    let Fd(root) = guest.root();
    for number in [root + 1, u32::MAX, 0] {
        assert!(matches!(guest.call(Fd(number), |view, fd| view.stat(fd)), Err(Failed::Trap)), "{number}");
        assert!(HostDescriptor::drop(&mut guest.view(), Resource::new_own(number)).is_err(), "{number}");
    }
    // And one of a directory is none of something opened.
    let other: Resource<Listing> = Resource::new_own(root);
    assert!(guest.view().read_directory_entry(other).is_err());
}

#[test]
fn notes_are_bounded() {
    let temp = workspace();
    let mut guest = Guest::new(&[all_of(&temp.path().join("ws"))]);
    for _ in 0..2500 {
        guest.read_file("../canary").unwrap_err();
    }
    assert_eq!(guest.fs.notes().refusals.len(), 1000);
    assert_eq!(guest.fs.notes().left_out, 1500);
    for _ in 0..2500 {
        guest.read_file("file").unwrap();
    }
    assert_eq!(guest.fs.notes().touches.len(), 1);
}
