//! An operating system that fails in the midst of a commit or an undo: all of it is done, or nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use tempfile::TempDir;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;

use super::super::bindings::types::NewTimestamp;
use super::super::commit::faults::{Fault, Strikes, failing};
use super::super::commit::{After, CommitError, Durable, Plan, Prepared};
use super::oracle::snapshot;
use super::support::*;

/// A directory in which a call has done one of everything, staged.
struct World {
    temp: TempDir,
    home: TempDir,
    before: Snapshot,
    plan: Plan,
}

type Snapshot = BTreeMap<String, String>;

impl World {
    fn new() -> (Self, Prepared) {
        let temp = workspace();
        let ws = temp.path().join("ws");
        // Of two names: written in place.
        fs::hard_link(ws.join("file"), ws.join("twin")).unwrap();
        for name in ["replaced", "left", "right", "going", "here"] {
            fs::write(ws.join(name), format!("old {name}")).unwrap();
        }
        fs::create_dir_all(ws.join("whole/within")).unwrap();
        fs::write(ws.join("whole/within/deep"), "deep").unwrap();
        let before = snapshot(&ws);
        let mut guest = Guest::staged(&[all_of(&ws)]);
        guest.write_file("file", TRUNCATE, b"new content").unwrap();
        guest.write_file("replaced", TRUNCATE, b"new").unwrap();
        guest.rename("left", "between").unwrap();
        guest.rename("right", "left").unwrap();
        guest.rename("between", "right").unwrap();
        guest.unlink("going").unwrap();
        guest.mkdir("made").unwrap();
        guest.write_file("made/in it", CREATE, b"made").unwrap();
        guest.rename("here", "there").unwrap();
        guest.link("there", "there too").unwrap();
        guest.unlink("whole/within/deep").unwrap();
        guest.rmdir("whole/within").unwrap();
        guest.rmdir("whole").unwrap();
        let second = NewTimestamp::Timestamp(Datetime { seconds: 1, nanoseconds: 0 });
        guest.set_times(FOLLOW, "sub/inner", second).unwrap();
        let (staged, home) = guest.finish();
        let prepared = staged.prepare(Durable::Yes).unwrap();
        let plan = prepared.plan().clone();
        (Self { temp, home, before, plan }, prepared)
    }

    fn ws(&self) -> PathBuf {
        self.temp.path().join("ws")
    }

    fn staging(&self) -> PathBuf {
        self.home.path().join("staging")
    }

    fn now(&self) -> Snapshot {
        snapshot(&self.ws())
    }

    /// One that has landed, with what is then there.
    fn landed() -> (Self, After, Snapshot) {
        let (world, prepared) = Self::new();
        let after = prepared.commit().unwrap();
        let landed = world.now();
        (world, after, landed)
    }
}

/// The disk is full, a directory cannot be reached, or somebody has put something in the way.
const HOW: [Errno; 3] = [Errno::NOSPC, Errno::ACCESS, Errno::EXIST];

/// Has `act` fail at each of its operations, until it says that it has no more.
fn at_each(lasts: bool, mut act: impl FnMut(Fault) -> bool) {
    for errno in HOW {
        for after in 0.. {
            if !act(Fault { strikes: Strikes::Any, after, lasts, errno }) {
                assert!(after > 20, "only {after} operations were made to fail");
                break;
            }
        }
    }
}

#[test]
fn what_fails_once_while_it_lands_lands_as_a_whole_or_not_at_all() {
    let (_, _, landed) = World::landed();
    at_each(false, |fault| {
        let (world, prepared) = World::new();
        let (committed, struck) = failing(fault, || prepared.commit());
        match committed {
            Ok(after) => {
                assert_eq!(world.now(), landed, "{fault:?}");
                world.plan.undo(&world.staging(), &after, Durable::Yes).unwrap();
                assert_eq!(world.now(), world.before, "{fault:?}");
            }
            Err(CommitError::Stuck { why, .. }) => panic!("{fault:?}: {why}"),
            Err(_) => assert_eq!(world.now(), world.before, "{fault:?}"),
        }
        struck
    });
}

#[test]
fn what_goes_on_failing_while_it_lands_is_said_to_be_half_done_and_finished_by_the_next_host() {
    let (_, _, landed) = World::landed();
    let mut stuck = 0;
    at_each(true, |fault| {
        let (world, prepared) = World::new();
        let (committed, struck) = failing(fault, || prepared.commit());
        match committed {
            Ok(_) => assert_eq!(world.now(), landed, "{fault:?}"),
            Err(CommitError::Stuck { .. }) => {
                stuck += 1;
                world.plan.roll_forward(&world.staging(), Durable::Yes).unwrap();
                assert_eq!(world.now(), landed, "{fault:?}");
            }
            Err(_) => assert_eq!(world.now(), world.before, "{fault:?}"),
        }
        struck
    });
    assert!(stuck > 20, "{stuck}");
}

#[test]
fn what_fails_once_while_it_is_taken_back_is_taken_back_as_a_whole_or_not_at_all() {
    at_each(false, |fault| {
        let (world, after, landed) = World::landed();
        let (undone, struck) = failing(fault, || world.plan.undo(&world.staging(), &after, Durable::Yes));
        match undone {
            Ok(()) => {}
            // All but that it lasts.
            Err(CommitError::Stuck { .. }) if world.now() == world.before => {
                world.plan.finish_undo(&world.staging(), Some(&after), Durable::Yes).unwrap();
            }
            Err(CommitError::Stuck { why, .. }) => panic!("{fault:?}: {why}"),
            Err(_) => {
                assert_eq!(world.now(), landed, "{fault:?}");
                world.plan.undo(&world.staging(), &after, Durable::Yes).unwrap();
            }
        }
        assert_eq!(world.now(), world.before, "{fault:?}");
        struck
    });
}

#[test]
fn what_goes_on_failing_while_it_is_taken_back_is_taken_back_by_the_next_host() {
    let mut stuck = 0;
    at_each(true, |fault| {
        let (world, after, landed) = World::landed();
        let (undone, struck) = failing(fault, || world.plan.undo(&world.staging(), &after, Durable::Yes));
        match undone {
            Ok(()) => {}
            Err(CommitError::Stuck { .. }) => {
                stuck += 1;
                world.plan.finish_undo(&world.staging(), Some(&after), Durable::Yes).unwrap();
            }
            Err(_) => {
                assert_eq!(world.now(), landed, "{fault:?}");
                world.plan.undo(&world.staging(), &after, Durable::Yes).unwrap();
            }
        }
        assert_eq!(world.now(), world.before, "{fault:?}");
        struck
    });
    assert!(stuck > 20, "{stuck}");
}

/// Has `act` fail at each operation that sets times or a mode, as with files of another owner that we may write.
fn at_each_property(mut act: impl FnMut(Fault) -> bool) {
    for lasts in [true, false] {
        let struck = (0..)
            .take_while(|after| act(Fault { strikes: Strikes::Properties, after: *after, lasts, errno: Errno::PERM }));
        assert!(struck.count() > 1, "nothing was made to fail");
    }
}

#[test]
fn files_whose_times_are_not_ours_to_set_land_as_a_whole_or_not_at_all() {
    let (_, _, landed) = World::landed();
    at_each_property(|fault| {
        let (world, prepared) = World::new();
        let (committed, struck) = failing(fault, || prepared.commit());
        match committed {
            Ok(_) => assert_eq!(world.now(), landed, "{fault:?}"),
            Err(CommitError::Stuck { why, .. }) => panic!("{fault:?}: {why}"),
            // Times that the call set by themselves are refused, and then everything is.
            Err(_) => assert_eq!(world.now(), world.before, "{fault:?}"),
        }
        struck
    });
}

#[test]
fn files_whose_times_are_not_ours_to_set_are_taken_back() {
    at_each_property(|fault| {
        let (world, after, _) = World::landed();
        let (undone, struck) = failing(fault, || world.plan.undo(&world.staging(), &after, Durable::Yes));
        undone.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(world.now(), world.before, "{fault:?}");
        struck
    });
}

#[test]
fn a_plan_that_is_refused_for_times_does_not_take_back_what_it_did_not_do() {
    let (world, prepared) = World::new();
    // Times cannot be set at all, by nobody.
    let fault = Fault { strikes: Strikes::Properties, after: 1, lasts: true, errno: Errno::ROFS };
    let (committed, _) = failing(fault, || prepared.commit());
    let error = committed.unwrap_err();
    assert!(matches!(&error, CommitError::Stuck { why, .. } if why.contains("/ws/file")), "{error}");
    assert_eq!(world.now()["replaced"], world.before["replaced"], "all but the file that is changed in place");
}

/// What a host that is opened after a kill finds: `count` steps were done, and then `meanwhile` happened.
fn cut_off(
    act: impl FnOnce(&mut Guest),
    count: usize,
    meanwhile: impl FnOnce(&Path),
) -> (TempDir, Result<After, CommitError>) {
    let temp = workspace();
    let ws = temp.path().join("ws");
    fs::hard_link(ws.join("file"), ws.join("twin")).unwrap();
    fs::write(ws.join("first"), "first").unwrap();
    fs::write(ws.join("second"), "second").unwrap();
    let mut guest = Guest::staged(&[all_of(&ws)]);
    act(&mut guest);
    let (staged, home) = guest.finish();
    let prepared = staged.prepare(Durable::No).unwrap();
    let plan = prepared.plan().clone();
    prepared.cut_off_after(count).unwrap();
    meanwhile(&ws);
    let finished = plan.roll_forward(&home.path().join("staging"), Durable::No);
    (temp, finished)
}

#[test]
fn what_was_written_in_place_after_a_kill_is_not_overwritten() {
    // The first step writes in place too, and had not begun.
    let write = |guest: &mut Guest| guest.write_file("file", TRUNCATE, b"mine").unwrap();
    let (temp, finished) = cut_off(write, 0, |ws| fs::write(ws.join("twin"), "theirs").unwrap());
    assert_eq!(finished.unwrap_err(), CommitError::Conflict(vec!["/ws/file".into()]));
    assert_eq!(fs::read_to_string(temp.path().join("ws/file")).unwrap(), "theirs");
    let (temp, finished) = cut_off(write, 1, |_| ());
    finished.unwrap();
    assert_eq!(fs::read_to_string(temp.path().join("ws/twin")).unwrap(), "mine");
    // It was done, and the next one had not begun.
    let both = |guest: &mut Guest| {
        guest.write_file("file", TRUNCATE, b"mine").unwrap();
        guest.write_file("first", TRUNCATE, b"mine").unwrap();
    };
    let (temp, finished) = cut_off(both, 1, |ws| fs::write(ws.join("first"), "theirs").unwrap());
    assert_eq!(finished.unwrap_err(), CommitError::Conflict(vec!["/ws/first".into()]));
    assert_eq!(fs::read_to_string(temp.path().join("ws/first")).unwrap(), "theirs");
}

#[test]
fn what_was_edited_after_a_kill_in_the_midst_stays_as_it_was_edited() {
    let both = |guest: &mut Guest| {
        guest.write_file("first", TRUNCATE, b"mine").unwrap();
        guest.write_file("second", TRUNCATE, b"mine").unwrap();
    };
    let (temp, finished) = cut_off(both, 1, |ws| fs::write(ws.join("second"), "theirs").unwrap());
    let error = finished.unwrap_err();
    assert!(matches!(&error, CommitError::Stuck { why, .. } if why.contains("/ws/second")), "{error}");
    let read = |name: &str| fs::read_to_string(temp.path().join("ws").join(name)).unwrap();
    assert_eq!([read("first"), read("second")], ["mine", "theirs"]);
}

#[test]
fn what_came_into_a_directory_after_a_kill_does_not_go_with_it() {
    let remove = |guest: &mut Guest| {
        guest.unlink("first").unwrap();
        guest.unlink("sub/inner").unwrap();
        guest.rmdir("sub").unwrap();
    };
    for count in 0..2 {
        let (temp, finished) = cut_off(remove, count, |ws| fs::write(ws.join("sub/theirs"), "theirs").unwrap());
        let error = finished.map(drop).unwrap_err().to_string();
        assert!(error.contains("/ws/sub"), "{count}: {error}");
        assert_eq!(fs::read_to_string(temp.path().join("ws/sub/theirs")).unwrap(), "theirs");
    }
}
