//! Things that take each other's places, and calls that take each other's turns.

use std::fs;

use toolhold_core::effect::ChangeKind;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;

use super::super::bindings::types::{DescriptorStat, HostDescriptor, NewTimestamp};
use super::super::commit::{CommitError, Detail, Durable};
use super::oracle::snapshot;
use super::support::*;

#[test]
fn two_directories_change_places() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    fs::create_dir(ws.join("next")).unwrap();
    fs::write(ws.join("next/new"), "new").unwrap();
    let before = snapshot(&ws);
    let mut guest = Guest::staged(&[all_of(&ws)]);
    guest.rename("sub", "between").unwrap();
    guest.rename("next", "sub").unwrap();
    guest.rename("between", "next").unwrap();
    let (staged, home) = guest.finish();
    assert!(!staged.is_empty());
    let told = staged.changes(Detail::Brief).0;
    assert!(told.len() == 2 && told.iter().all(|change| matches!(change.kind, ChangeKind::Moved { .. })), "{told:?}");
    let prepared = staged.prepare(Durable::No).unwrap();
    let plan = prepared.plan().clone();
    let after = prepared.commit().unwrap();
    assert_eq!(fs::read(ws.join("sub/new")).unwrap(), b"new");
    assert_eq!(fs::read(ws.join("next/inner")).unwrap(), b"inner");
    plan.undo(&home.path().join("staging"), &after, Durable::No).unwrap();
    assert_eq!(snapshot(&ws), before);
}

#[test]
fn a_directory_that_is_brought_back_is_no_change() {
    let temp = workspace();
    let mut guest = Guest::staged(&[all_of(&temp.path().join("ws"))]);
    guest.rename("sub", "between").unwrap();
    guest.rename("between", "sub").unwrap();
    assert!(guest.finish().0.is_empty());
}

#[test]
fn a_new_file_takes_the_place_of_another_one_as_its_second_name() {
    let linked = |guest: &mut Guest| {
        guest.unlink("file").unwrap();
        guest.link("a", "file").unwrap();
    };
    let renamed = |guest: &mut Guest| {
        guest.link("a", "b").unwrap();
        guest.rename("b", "file").unwrap();
    };
    for act in [&linked as &dyn Fn(&mut Guest), &renamed] {
        let temp = workspace();
        let ws = temp.path().join("ws");
        let before = snapshot(&ws);
        let mut guest = Guest::staged(&[all_of(&ws)]);
        guest.write_file("a", CREATE, b"new").unwrap();
        act(&mut guest);
        let (staged, home) = guest.finish();
        let prepared = staged.prepare(Durable::No).unwrap();
        let plan = prepared.plan().clone();
        let after = prepared.commit().unwrap();
        assert_eq!([fs::read(ws.join("a")).unwrap(), fs::read(ws.join("file")).unwrap()], [b"new", b"new"]);
        plan.undo(&home.path().join("staging"), &after, Durable::No).unwrap();
        assert_eq!(snapshot(&ws), before);
    }
}

#[test]
fn a_file_that_an_editor_replaced_after_it_was_read_is_a_conflict() {
    let second = || NewTimestamp::Timestamp(Datetime { seconds: 1, nanoseconds: 0 });
    let write = |guest: &mut Guest| guest.write_file("file", plain(), b"mine").unwrap();
    let touch = |guest: &mut Guest| {
        let fd = guest.open("file", plain(), READ | WRITE).unwrap();
        guest.call(fd, |view, fd| view.set_times(fd, NewTimestamp::NoChange, second())).unwrap();
        guest.close(fd);
    };
    for act in [&write as &dyn Fn(&mut Guest), &touch] {
        let temp = workspace();
        let ws = temp.path().join("ws");
        let mut guest = Guest::staged(&[all_of(&ws)]);
        guest.read_file("file").unwrap();
        fs::write(ws.join("file~"), "theirs").unwrap();
        fs::rename(ws.join("file~"), ws.join("file")).unwrap();
        act(&mut guest);
        let (staged, _home) = guest.finish();
        let landed = staged.prepare(Durable::No).unwrap().commit();
        assert_eq!(landed.unwrap_err(), CommitError::Conflict(vec!["/ws/file".into()]));
        assert_eq!(fs::read_to_string(ws.join("file")).unwrap(), "theirs");
    }
}

#[test]
fn a_call_that_is_taken_back_leaves_what_the_call_before_it_wrote() {
    let temp = workspace();
    let second = || NewTimestamp::Timestamp(Datetime { seconds: 1, nanoseconds: 0 });
    let mut guest = Guest::staged(&[all_of(&temp.path().join("ws"))]).next_call();
    guest.write_file("file", TRUNCATE, b"first call").unwrap();
    let first = guest.stat(FOLLOW, "file").unwrap();
    let mut guest = guest.next_call();
    let fd = guest.open("file", plain(), READ | WRITE).unwrap();
    let reader = guest.open("file", plain(), READ).unwrap();
    for fd in [fd, reader] {
        assert_eq!(guest.call(fd, |view, fd| view.read(fd, 100, 0)).unwrap().0, b"first call");
    }
    guest.set_times(FOLLOW, "file", second()).unwrap();
    let modified = |guest: &mut Guest| guest.stat(FOLLOW, "file").unwrap().data_modification_timestamp.unwrap().seconds;
    assert_eq!(modified(&mut guest), 1);
    guest.write_at(fd, 0, b"FIRST").unwrap();
    assert_eq!(guest.call(reader, |view, fd| view.read(fd, 100, 0)).unwrap().0, b"FIRST call");
    assert_ne!(modified(&mut guest), 1);
    for fd in [fd, reader] {
        guest.close(fd);
    }
    assert!(guest.stage.as_ref().unwrap().0.roll_back());
    let mut guest = guest.next_call();
    assert_eq!(guest.read_file("file").unwrap(), b"first call");
    let now = guest.stat(FOLLOW, "file").unwrap();
    let told = |stat: &DescriptorStat| stat.data_modification_timestamp.map(|time| (time.seconds, time.nanoseconds));
    assert_eq!(told(&now), told(&first));
}

#[test]
fn times_that_a_later_call_sets_are_told_and_kept_when_it_writes() {
    let temp = workspace();
    let mut guest = Guest::staged(&[all_of(&temp.path().join("ws"))]).next_call();
    guest.write_file("file", TRUNCATE, b"first call").unwrap();
    let mut guest = guest.next_call();
    let second = NewTimestamp::Timestamp(Datetime { seconds: 1, nanoseconds: 0 });
    guest.set_times(FOLLOW, "file", second).unwrap();
    let (staged, _home) = guest.finish();
    let told = staged.changes(Detail::Brief).0;
    assert_eq!(told[0].after.as_ref().unwrap().modified, 1_000_000);
    staged.prepare(Durable::No).unwrap().commit().unwrap();
    let landed = fs::metadata(temp.path().join("ws/file")).unwrap().modified().unwrap();
    assert_eq!(landed, std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1));
}

#[test]
fn a_file_that_is_cut_to_nothing_stays_one_for_whoever_has_it_open() {
    let temp = workspace();
    let mut guest = Guest::staged(&[all_of(&temp.path().join("ws"))]);
    let [one, other] = [(); 2].map(|()| guest.open("file", plain(), READ | WRITE).unwrap());
    guest.write_at(one, 0, b"one").unwrap();
    guest.set_size(other, 0).unwrap();
    guest.write_at(one, 0, b"two").unwrap();
    assert_eq!(guest.call(other, |view, fd| view.read(fd, 100, 0)).unwrap().0, b"two");
}
