//! What is neither a file nor a directory.

use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::super::Why;
use super::super::bindings::types::{DescriptorType, ErrorCode};
use super::support::*;

#[test]
fn fifos_sockets_and_devices_are_seen_but_never_opened() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    mknodat(CWD, ws.join("fifo"), FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    let _socket = UnixListener::bind(ws.join("socket")).unwrap();
    with_both(&[all_of(&ws)], |guest| {
        for (name, kind) in [("fifo", DescriptorType::Fifo), ("socket", DescriptorType::Socket)] {
            for flags in [READ, WRITE, READ | WRITE] {
                for open in [plain(), CREATE, TRUNCATE] {
                    refused(guest.open(name, open, flags), ErrorCode::Access);
                    assert_eq!(guest.last_why(), Why::SpecialFile);
                }
            }
            assert_eq!(guest.stat(keep(), name).unwrap().type_, kind);
            assert!(guest.list(".").unwrap().contains(&(name.to_owned(), kind)));
            refused(guest.link(name, "second"), ErrorCode::Access);
            refused(guest.rename(name, "moved"), ErrorCode::Access);
            refused(guest.open(name, DIRECTORY, READ), ErrorCode::NotDirectory);
        }
    });
}

#[test]
fn a_device_is_not_opened() {
    // Only root can make one; `/dev` has them, on a mount of its own, so it is granted itself.
    let mut guest = Guest::new(&[all_of(std::path::Path::new("/dev"))]);
    for name in ["null", "zero", "full", "random", "tty"] {
        refused(guest.open(name, plain(), READ), ErrorCode::Access);
        refused(guest.open(name, plain(), WRITE), ErrorCode::Access);
    }
    for name in ["fd/0", "stdin", "stdout"] {
        guest.open(name, plain(), READ).unwrap_err();
    }
}
