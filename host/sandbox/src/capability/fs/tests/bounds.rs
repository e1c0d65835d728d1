//! What the host has to do after a call is bounded by more than the limits of the call, which stop with the guest.

use std::fs;

use toolhold_core::effect::Content;

use super::super::bindings::types::ErrorCode;
use super::super::commit::{CommitError, Detail, Durable};
use super::support::*;

/// A name as long as names can be.
fn long(letter: char) -> String {
    letter.to_string().repeat(250)
}

/// Makes directories in each other, `depth` of them, and returns the path of the last.
fn chain(guest: &mut Guest, letter: char, depth: usize) -> String {
    let path: Vec<String> = std::iter::repeat_n(long(letter), depth).collect();
    for end in 1..=depth {
        guest.mkdir(&path[..end].join("/")).unwrap();
    }
    path.join("/")
}

/// Moved into each other, directories could be deeper than any path that the operating system takes, and each path is written down.
#[test]
fn nothing_is_moved_to_where_its_path_is_too_long() {
    for begin in [Guest::new, Guest::staged] {
        let temp = workspace();
        let mut guest = begin(&[all_of(&temp.path().join("ws"))]);
        let (one, two) = (chain(&mut guest, 'a', 10), chain(&mut guest, 'b', 10));
        guest.write_file(&format!("{one}/file"), CREATE, b"x").unwrap();
        refused(guest.rename(&long('a'), &format!("{two}/in")), ErrorCode::NameTooLong);
        assert_eq!(guest.read_file(&format!("{one}/file")).unwrap(), b"x", "it is where it was");
        guest.rename(&long('a'), &format!("{}/in", long('b'))).unwrap();
    }
}

#[test]
fn paths_of_one_call_have_an_end_in_plans_and_in_what_is_told() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let mut guest = Guest::staged(&[all_of(&ws)]);
    let deep = chain(&mut guest, 'd', 15);
    for number in 0..2_400 {
        guest.write_file(&format!("{deep}/{number}"), CREATE, b"").unwrap();
    }
    let (staged, _home) = guest.finish();
    let (told, left_out) = staged.changes(Detail::Brief);
    let bytes: usize = told.iter().map(|change| change.path.len()).sum();
    assert!(bytes < 9 << 20 && left_out > 0 && told.len() as u64 + left_out == 2_415, "{bytes}, {left_out}");
    let CommitError::Refused { action: "record", why, .. } = staged.prepare(Durable::No).unwrap_err() else { panic!() };
    assert!(why.contains("at most 8388608 are recorded of a call"), "{why}");
    assert!(!ws.join(long('d')).exists());
}

/// Comparing goes on for no longer than there is room for what comes of it.
#[test]
fn diffs_of_one_report_have_an_end() {
    let temp = workspace();
    let mut guest = Guest::staged(&[all_of(&temp.path().join("ws"))]);
    let text = format!("{}\n", "x".repeat(1023)).repeat(300);
    for number in 0..20 {
        guest.write_file(&format!("new{number:02}"), CREATE, text.as_bytes()).unwrap();
    }
    let (staged, _home) = guest.finish();
    let told = staged.changes(Detail::Full).0;
    let compared = told.iter().filter(|change| matches!(change.content, Content::Text { .. })).count();
    assert_eq!(compared, 16, "4 MiB in pieces of 256 KiB");
    assert!(told.iter().skip(16).all(|change| change.content == Content::TooLarge));
    assert!(told.iter().all(|change| change.after.as_ref().unwrap().sha256.is_some()));
}

/// Many files of nothing take room too, and are bounded by the same setting.
#[test]
fn what_is_kept_of_empty_files_counts() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    for number in 0..10 {
        fs::write(ws.join(format!("old{number}")), "").unwrap();
    }
    let mut guest = Guest::staged(&[all_of(&ws)]);
    for number in 0..10 {
        guest.write_file(&format!("new{number}"), CREATE, b"").unwrap();
        guest.unlink(&format!("old{number}")).unwrap();
    }
    guest.mkdir("made").unwrap();
    let (staged, _home) = guest.finish();
    let prepared = staged.prepare(Durable::No).unwrap();
    assert_eq!(prepared.waiting_bytes(), 11 * 4096);
    assert_eq!(prepared.plan().kept_bytes(), 10 * 4096);
}
