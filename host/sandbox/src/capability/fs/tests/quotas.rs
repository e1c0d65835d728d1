//! Each limit that files can cross ends the call with its name, and nothing happens beyond it.

use toolhold_core::limit::Limit;

use super::super::bindings::types::{ErrorCode, HostDescriptor};
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
