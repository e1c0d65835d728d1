//! A call holds as many files of the host open as it has handles, however many files it changes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::super::bindings::types::ErrorCode;
use super::super::commit::{Detail, Durable};
use super::support::*;

/// How many files below `directory` this process has open.
fn open_below(directory: &Path) -> usize {
    let directory = directory.canonicalize().unwrap();
    let open = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    open.filter(|path| path.starts_with(&directory) && *path != directory).count()
}

#[test]
fn a_call_that_changes_a_thousand_files_does_not_have_them_open() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    for number in 0..500 {
        fs::write(ws.join(format!("old{number}")), "old").unwrap();
    }
    let mut guest = Guest::staged(&[all_of(&ws)]);
    let staging = guest.stage.as_ref().unwrap().1.path().join("staging");
    for number in 0..500 {
        guest.write_file(&format!("new{number}"), CREATE, format!("new {number}").as_bytes()).unwrap();
        guest.write_file(&format!("old{number}"), TRUNCATE, format!("changed {number}").as_bytes()).unwrap();
    }
    assert_eq!(fs::read_dir(&staging).unwrap().count(), 1_000);
    assert!(open_below(&staging) <= 16, "{} are open", open_below(&staging));

    // What is closed is opened again, by all who have it open at once as one.
    for number in [0, 499] {
        let (new, old) = (format!("new{number}"), format!("old{number}"));
        assert_eq!(guest.read_file(&new).unwrap(), format!("new {number}").as_bytes());
        assert_eq!(guest.read_file(&old).unwrap(), format!("changed {number}").as_bytes());
        let (one, two) = (guest.open(&new, plain(), READ | WRITE).unwrap(), guest.open(&new, plain(), WRITE).unwrap());
        guest.write_at(one, 0, b"N").unwrap();
        guest.write_at(two, 1, b"E").unwrap();
        assert_eq!(guest.read_file(&new).unwrap(), format!("NEw {number}").as_bytes());
        guest.close(one);
        guest.close(two);
        assert_eq!(guest.stat(keep(), &new).unwrap().size, format!("new {number}").len() as u64);
    }
    assert!(open_below(&staging) <= 16, "{} are open", open_below(&staging));

    let (staged, _home) = guest.finish();
    let (told, left_out) = staged.changes(Detail::Full);
    assert_eq!((told.len(), left_out), (1_000, 0));
    assert!(told.iter().all(|change| change.after.as_ref().is_some_and(|after| after.sha256.is_some())));
    assert!(open_below(&staging) <= 16, "{} are open", open_below(&staging));
    staged.prepare(Durable::Yes).unwrap().commit().unwrap();
    for number in 1..499 {
        assert_eq!(fs::read_to_string(ws.join(format!("new{number}"))).unwrap(), format!("new {number}"));
        assert_eq!(fs::read_to_string(ws.join(format!("old{number}"))).unwrap(), format!("changed {number}"));
    }
    assert_eq!(fs::read_to_string(ws.join("new499")).unwrap(), "NEw 499");
}

/// Whoever may write to a file by its group alone could not open a copy with the same mode bits again. Root can.
#[test]
fn what_nobody_but_root_could_open_again_is_no_descriptor_of_roots() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    for number in 0..20 {
        let file = ws.join(format!("old{number}"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o460)).unwrap();
    }
    let mut guest = Guest::staged(&[all_of(&ws)]);
    let staging = guest.stage.as_ref().unwrap().1.path().join("staging");
    for number in 0..20 {
        // Who is not root is refused here, as on disk.
        match guest.write_file(&format!("old{number}"), TRUNCATE, b"changed") {
            Ok(()) => {}
            Err(refused) => return assert_eq!(refused, Failed::Code(ErrorCode::Access)),
        }
    }
    assert!(open_below(&staging) <= 16, "{} are open", open_below(&staging));
}

/// Content that cannot be read any more is told as unknown, and never as nothing.
#[test]
fn content_that_is_lost_is_not_shown_as_none() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let mut guest = Guest::staged(&[all_of(&ws)]);
    let home = guest.stage.as_ref().unwrap().1.path().to_owned();
    for number in 0..20 {
        guest.write_file(&format!("new{number}"), CREATE, b"content").unwrap();
    }
    for entry in fs::read_dir(home.join("staging")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let (staged, _home) = guest.finish();
    let told = staged.changes(Detail::Full).0;
    let lost = told.iter().find(|change| change.path.ends_with("/new19")).unwrap();
    assert_eq!(lost.content, toolhold_core::effect::Content::TooLarge);
    assert!(staged.prepare(Durable::Yes).is_err(), "half of it would land");
    assert!(!ws.join("new0").exists() && !ws.join("new19").exists());
}
