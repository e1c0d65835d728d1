//! Streams of files, and reading and writing at offsets.

use wasmtime_wasi_io::streams::StreamError;

use super::super::bindings::types::{Advice, ErrorCode, Host as _, HostDescriptor};
use super::support::*;

#[test]
fn a_stream_reads_from_its_offset_to_the_end_and_then_is_closed() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    std::fs::write(ws.join("big"), &content).unwrap();
    let mut guest = Guest::new(&[all_of(&ws)]);
    let fd = guest.open("big", plain(), READ).unwrap();
    let mut stream = guest.input(fd, 17).unwrap();
    // The stream lives on without its descriptor.
    guest.close(fd);
    assert!(stream.read(0).unwrap().is_empty());
    let mut read = Vec::new();
    loop {
        match stream.read(usize::MAX) {
            Ok(bytes) => {
                assert!(!bytes.is_empty() && bytes.len() <= 1 << 20);
                read.extend(bytes);
            }
            Err(StreamError::Closed) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(read, content[17..]);
    let fd = guest.open("big", plain(), READ).unwrap();
    let mut beyond = guest.input(fd, u64::MAX).unwrap();
    assert!(matches!(beyond.read(1), Err(StreamError::Closed)));
}

#[test]
fn streams_write_at_their_offset_or_at_the_end() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let mut guest = Guest::new(&[all_of(&ws)]);
    let fd = guest.open("file", plain(), WRITE).unwrap();
    let mut first = guest.output(fd, Some(3)).unwrap();
    let mut end = guest.output(fd, None).unwrap();
    let mut second = guest.output(fd, Some(0)).unwrap();
    assert_eq!(first.check_write().unwrap(), 1 << 20);
    first.write("XY".into()).unwrap();
    end.write("!".into()).unwrap();
    second.write("A".into()).unwrap();
    first.write("Z".into()).unwrap();
    end.write("?".into()).unwrap();
    second.write_zeroes(1).unwrap();
    first.flush().unwrap();
    assert_eq!(std::fs::read(ws.join("file")).unwrap(), b"A\0nXYZt!?");
}

#[test]
fn a_stream_that_failed_is_closed_and_tells_the_code() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let mut guest = Guest::new(&[all_of(&ws)]);
    let fd = guest.open("file", plain(), WRITE).unwrap();
    let mut stream = guest.output(fd, Some(i64::MAX as u64)).unwrap();
    let StreamError::LastOperationFailed(error) = stream.write("xx".into()).unwrap_err() else {
        panic!("another error")
    };
    assert!(!format!("{error:?}").contains(temp.path().to_str().unwrap()));
    let error = guest.table.push(error).unwrap();
    assert_eq!(guest.view().filesystem_error_code(error).unwrap(), Some(ErrorCode::FileTooLarge));
    assert!(matches!(stream.check_write(), Err(StreamError::Closed)));
    assert!(matches!(stream.write("x".into()), Err(StreamError::Closed)));
    let foreign = guest.table.push(wasmtime::Error::msg("not ours")).unwrap();
    assert_eq!(guest.view().filesystem_error_code(foreign).unwrap(), None);
}

#[test]
fn crossing_a_limit_in_a_stream_is_a_trap_with_its_name() {
    use toolhold_core::limit::Limit;
    let temp = workspace();
    let ws = temp.path().join("ws");
    let mut guest = Guest::limited(&[all_of(&ws)], Limit::BytesWritten, 10);
    let fd = guest.open("file", plain(), WRITE).unwrap();
    let mut stream = guest.output(fd, None).unwrap();
    stream.write("0123456789".into()).unwrap();
    assert_eq!(stream_failed(stream.write("x".into()).unwrap_err()), Failed::Limit(Limit::BytesWritten));
    assert_eq!(std::fs::read(ws.join("file")).unwrap(), b"content0123456789");
}

#[test]
fn reading_tells_the_end_and_never_more_than_was_asked_for() {
    let temp = workspace();
    let mut guest = Guest::new(&[all_of(&temp.path().join("ws"))]);
    let fd = guest.open("file", plain(), READ).unwrap();
    let mut read = |length, offset| guest.call(fd, |view, fd| view.read(fd, length, offset)).unwrap();
    assert_eq!(read(3, 0), (b"con".to_vec(), false));
    assert_eq!(read(100, 3), (b"tent".to_vec(), false));
    assert_eq!(read(100, 7), (Vec::new(), true));
    assert_eq!(read(u64::MAX, u64::MAX), (Vec::new(), true));
    assert_eq!(read(0, 0), (Vec::new(), false));
}

#[test]
fn a_directory_is_no_file_and_a_file_no_directory() {
    let temp = workspace();
    let mut guest = Guest::new(&[all_of(&temp.path().join("ws"))]);
    let (root, file) = (guest.root(), guest.open("file", plain(), READ | WRITE).unwrap());
    refused(guest.call(root, |view, fd| view.read(fd, 1, 0)), ErrorCode::IsDirectory);
    refused(guest.call(root, |view, fd| view.read_via_stream(fd, 0)), ErrorCode::IsDirectory);
    refused(guest.call(root, |view, fd| view.write(fd, vec![1], 0)), ErrorCode::BadDescriptor);
    refused(guest.call(root, |view, fd| view.set_size(fd, 0)), ErrorCode::BadDescriptor);
    refused(guest.call(root, |view, fd| view.advise(fd, 0, 0, Advice::Normal)), ErrorCode::BadDescriptor);
    refused(guest.open_at(file, FOLLOW, "x", plain(), READ), ErrorCode::NotDirectory);
    guest.call(root, |view, fd| view.sync(fd)).unwrap();
    guest.call(root, |view, fd| view.sync_data(fd)).unwrap();
    guest.call(file, |view, fd| view.sync(fd)).unwrap();
    guest.call(file, |view, fd| view.sync_data(fd)).unwrap();
    guest.call(file, |view, fd| view.advise(fd, 0, 0, Advice::Sequential)).unwrap();
}
