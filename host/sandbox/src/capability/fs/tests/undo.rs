//! An undo that was cut off, and what somebody changed before the next host finishes it.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;

use super::super::bindings::types::NewTimestamp;
use super::super::commit::{After, CommitError, Durable, Plan};
use super::oracle::snapshot;
use super::support::*;

/// What a call left: `file`, which has a second name, was written in place if `act` wrote it.
struct Landed {
    temp: TempDir,
    home: TempDir,
    plan: Plan,
    after: After,
}

impl Landed {
    fn by(act: impl FnOnce(&mut Guest)) -> Self {
        let temp = workspace();
        let ws = temp.path().join("ws");
        fs::hard_link(ws.join("file"), ws.join("twin")).unwrap();
        fs::write(ws.join("replaced"), "before").unwrap();
        let mut guest = Guest::staged(&[all_of(&ws)]);
        act(&mut guest);
        let (staged, home) = guest.finish();
        let prepared = staged.prepare(Durable::No).unwrap();
        let plan = prepared.plan().clone();
        let after = prepared.commit().unwrap();
        Self { temp, home, plan, after }
    }

    fn staging(&self) -> PathBuf {
        self.home.path().join("staging")
    }

    fn ws(&self) -> PathBuf {
        self.temp.path().join("ws")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.ws().join(name)).unwrap()
    }

    /// The undo is cut off after `count` steps, and then somebody writes to the file `name`, in place.
    fn cut_off(&self, count: usize, name: &str) {
        self.plan.undo_cut_off(&self.staging(), count).unwrap();
        fs::write(self.ws().join(name), "theirs").unwrap();
    }

    fn finish(&self) -> Result<(), CommitError> {
        self.plan.finish_undo(&self.staging(), Some(&self.after), Durable::No)
    }
}

fn in_place(guest: &mut Guest) {
    guest.write_file("file", TRUNCATE, b"ours").unwrap();
}

fn conflict(name: &str) -> Result<(), CommitError> {
    Err(CommitError::Conflict(vec![format!("/ws/{name}")]))
}

#[test]
fn what_was_written_in_place_and_edited_before_its_undo_began_stays_as_it_was_edited() {
    let landed = Landed::by(in_place);
    landed.cut_off(0, "twin");
    assert_eq!(landed.finish(), conflict("file"));
    assert_eq!(landed.read("file"), "theirs");
    // Also where nobody knows what the plan left.
    let unknown = landed.plan.finish_undo(&landed.staging(), None, Durable::No);
    assert_eq!(unknown, conflict("file"));
    assert_eq!(landed.read("file"), "theirs");
}

#[test]
fn what_was_changed_back_and_edited_before_the_undo_ended_stays_as_it_was_edited() {
    let landed = Landed::by(in_place);
    landed.cut_off(1, "file");
    assert_eq!(landed.finish(), Ok(()));
    assert_eq!(landed.read("twin"), "theirs");
}

#[test]
fn what_was_being_changed_back_is_changed_back() {
    let landed = Landed::by(in_place);
    fs::write(landed.staging().join("one.s1-between"), "").unwrap();
    fs::write(landed.ws().join("file"), "conours").unwrap();
    assert_eq!(landed.finish(), Ok(()));
    assert_eq!(landed.read("twin"), "content");
    landed.plan.discard(&landed.staging()).unwrap();
    assert_eq!(fs::read_dir(landed.staging()).unwrap().count(), 0, "marks go with the plan");
}

#[test]
fn an_undo_that_meets_an_edit_half_way_does_again_what_it_took_back() {
    let both = |guest: &mut Guest| {
        in_place(guest);
        guest.write_file("replaced", TRUNCATE, b"ours").unwrap();
    };
    let landed = Landed::by(both);
    landed.cut_off(1, "file");
    assert_eq!(landed.read("replaced"), "before");
    assert_eq!(landed.finish(), conflict("file"));
    assert_eq!([landed.read("file"), landed.read("replaced")], ["theirs", "ours"]);
    // All was taken back, and what was changed back in place was edited then: nothing is left to be done.
    let landed = Landed::by(both);
    landed.cut_off(2, "file");
    assert_eq!(landed.finish(), Ok(()));
    assert_eq!([landed.read("file"), landed.read("replaced")], ["theirs", "before"]);
}

#[test]
fn what_was_edited_is_not_taken_away_by_an_undo_that_ends_in_what_leaves_no_trace() {
    // Times leave no trace, so it is not known whether anything was taken back.
    let second = || NewTimestamp::Timestamp(Datetime { seconds: 1, nanoseconds: 0 });
    let landed = Landed::by(|guest| {
        guest.write_file("replaced", TRUNCATE, b"ours").unwrap();
        guest.set_times(FOLLOW, "sub/inner", second()).unwrap();
    });
    for count in [0, 1] {
        landed.cut_off(count, "replaced");
        assert_eq!(landed.finish(), conflict("replaced"), "{count}");
        assert_eq!(landed.read("replaced"), "theirs");
    }
    let landed = Landed::by(|guest| {
        guest.mkdir("made").unwrap();
        guest.write_file("made/ours", CREATE, b"ours").unwrap();
        guest.set_times(FOLLOW, "made", second()).unwrap();
    });
    for count in [0, 1, 2] {
        landed.cut_off(count, "made/theirs");
        assert_eq!(landed.finish(), conflict("made"), "{count}");
        assert_eq!([landed.read("made/ours"), landed.read("made/theirs")], ["ours", "theirs"]);
    }
}

#[test]
fn the_time_of_what_was_edited_after_an_undo_was_cut_off_stays() {
    let landed = Landed::by(|guest| {
        guest.write_file("replaced", TRUNCATE, b"ours").unwrap();
        let second = NewTimestamp::Timestamp(Datetime { seconds: 1, nanoseconds: 0 });
        guest.set_times(FOLLOW, "sub/inner", second).unwrap();
    });
    let inner = landed.ws().join("sub/inner");
    let modified = || fs::metadata(&inner).unwrap().modified().unwrap();
    let edit = || {
        fs::write(&inner, "theirs").unwrap();
        modified()
    };
    // The undo is given up: somebody has changed the other file, too.
    landed.cut_off(1, "replaced");
    let edited = edit();
    assert_eq!(landed.finish(), conflict("replaced"));
    assert_eq!(modified(), edited);
    fs::write(landed.ws().join("replaced"), "ours").unwrap();
    let unknown = landed.plan.finish_undo(&landed.staging(), None, Durable::No);
    assert_eq!(unknown, Ok(()));
    assert_eq!((landed.read("replaced"), modified()), ("before".into(), edited));
}

#[test]
fn an_undo_that_is_cut_off_and_met_by_nobody_is_finished() {
    let landed = Landed::by(in_place);
    let before = snapshot(&landed.ws());
    for _ in 0..2 {
        assert_eq!(landed.finish(), Ok(()));
        assert_eq!(landed.read("twin"), "content");
    }
    assert_ne!(snapshot(&landed.ws()), before);
}
