//! What is staged, what lands, and what stands in its way.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;
use toolhold_core::effect::{ChangeKind, Content};
use toolhold_core::grant::{DirectoryGrant, Symlinks};
use toolhold_core::limit::{Limit, Limits};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;

use super::super::Protected;
use super::super::bindings::types::{ErrorCode, HostDescriptor, NewTimestamp};
use super::super::commit::{After, CommitError, Detail, Durable, Plan, sweep};
use super::oracle::snapshot;
use super::support::*;

/// A staged guest on `ws`, which has `file` and `sub/inner`.
fn staged(temp: &TempDir) -> Guest {
    Guest::staged(&[all_of(&temp.path().join("ws"))])
}

/// What stood in the way, in guest paths. Nothing else changed on disk than what `meanwhile` did.
#[track_caller]
fn conflicts(act: impl FnOnce(&mut Guest), meanwhile: impl FnOnce(&Path)) -> Vec<String> {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let mut guest = staged(&temp);
    act(&mut guest);
    meanwhile(&ws);
    let before = snapshot(&ws);
    let (staged, _home) = guest.finish();
    let prepared = staged.prepare(Durable::No).unwrap();
    let Err(CommitError::Conflict(paths)) = prepared.commit() else { panic!("it landed") };
    assert_eq!(snapshot(&ws), before);
    paths
}

#[test]
fn what_somebody_else_changed_meanwhile_is_not_overwritten() {
    let write = |guest: &mut Guest| guest.write_file("file", plain(), b"mine").unwrap();
    assert_eq!(conflicts(write, |ws| fs::write(ws.join("file"), "theirs").unwrap()), ["/ws/file"]);
    assert_eq!(conflicts(write, |ws| fs::remove_file(ws.join("file")).unwrap()), ["/ws/file"]);
    let same_size = |ws: &Path| {
        // Same size, same name, same content: another file all the same.
        fs::write(ws.join("other"), "content").unwrap();
        fs::rename(ws.join("other"), ws.join("file")).unwrap();
    };
    assert_eq!(conflicts(write, same_size), ["/ws/file"]);
}

#[test]
fn an_update_of_what_was_read_is_not_lost() {
    // The guest replaces the file by another one that it made of what it read: the old one is only ever read.
    let replace = |guest: &mut Guest| {
        let old = guest.read_file("file").unwrap();
        guest.write_file("new", CREATE, &[old, b" and more".to_vec()].concat()).unwrap();
    };
    let temp = workspace();
    let ws = temp.path().join("ws");
    let mut guest = staged(&temp);
    replace(&mut guest);
    fs::write(ws.join("file"), "theirs, meanwhile").unwrap();
    guest.rename("new", "file").unwrap();
    let (staged, _home) = guest.finish();
    let landed = staged.prepare(Durable::No).unwrap().commit();
    assert_eq!(landed.unwrap_err(), CommitError::Conflict(vec!["/ws/file".into()]));
    assert_eq!(fs::read_to_string(ws.join("file")).unwrap(), "theirs, meanwhile");
}

#[test]
fn a_name_that_was_free_and_is_taken_by_now_is_not_overwritten() {
    let create = |guest: &mut Guest| guest.write_file("new", CREATE | EXCLUSIVE, b"mine").unwrap();
    assert_eq!(conflicts(create, |ws| fs::write(ws.join("new"), "theirs").unwrap()), ["/ws/new"]);
    assert_eq!(conflicts(create, |ws| symlink("file", ws.join("new")).unwrap()), ["/ws/new"]);
    let rename = |guest: &mut Guest| guest.rename("file", "sub/file").unwrap();
    assert_eq!(conflicts(rename, |ws| fs::write(ws.join("sub/file"), "theirs").unwrap()), ["/ws/sub/file"]);
}

#[test]
fn what_came_into_a_directory_meanwhile_is_not_deleted_or_moved_along() {
    let add = |ws: &Path| fs::write(ws.join("sub/theirs"), "theirs").unwrap();
    let delete = |guest: &mut Guest| {
        guest.unlink("sub/inner").unwrap();
        guest.rmdir("sub").unwrap();
    };
    assert_eq!(conflicts(delete, add), ["/ws/sub"]);
    assert_eq!(conflicts(|guest| guest.rename("sub", "moved").unwrap(), add), ["/ws/sub"]);
}

#[test]
fn a_directory_that_became_a_link_is_not_followed() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let mut guest = staged(&temp);
    guest.write_file("sub/new", CREATE, b"mine").unwrap();
    fs::rename(ws.join("sub"), ws.join("sub-away")).unwrap();
    symlink(temp.path().join("ws-secret"), ws.join("sub")).unwrap();
    let (staged, _home) = guest.finish();
    assert!(staged.prepare(Durable::No).unwrap().commit().is_err());
    assert!(!temp.path().join("ws-secret/new").exists());
}

#[test]
fn nothing_is_made_before_the_first_write_and_nothing_is_left_of_what_does_not_land() {
    let temp = workspace();
    let mut guest = staged(&temp);
    guest.read_file("file").unwrap();
    guest.list(".").unwrap();
    let fd = guest.open("file", plain(), WRITE).unwrap();
    let home = guest.stage.as_ref().unwrap().1.path().to_owned();
    assert_eq!(fs::read_dir(&home).unwrap().count(), 0, "opened for writing only");
    guest.write_at(fd, 0, b"X").unwrap();
    assert_eq!(files(&home.join("staging")), ["one.b0"]);
    guest.close(fd);
    let before = snapshot(&temp.path().join("ws"));
    let (staged, home) = guest.finish();
    drop(staged);
    assert!(files(&home.path().join("staging")).is_empty());
    assert_eq!(snapshot(&temp.path().join("ws")), before);
}

fn files(directory: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(directory).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn a_plan_keeps_the_files_that_it_needs_and_no_other() {
    let temp = workspace();
    let mut guest = staged(&temp);
    guest.write_file("gone again", CREATE, b"x").unwrap();
    guest.unlink("gone again").unwrap();
    guest.write_file("file", TRUNCATE, b"new").unwrap();
    guest.unlink("sub/inner").unwrap();
    guest.rmdir("sub").unwrap();
    let (staged, home) = guest.finish();
    let staging = home.path().join("staging");
    let prepared = staged.prepare(Durable::No).unwrap();
    let plan = prepared.plan().clone();
    assert_eq!(files(&staging), ["one.b1"]);
    prepared.commit().unwrap();
    drop(staged);
    assert_eq!(files(&staging), ["one.b1", "one.t1"], "what was there before");
    fs::write(staging.join("two.b0"), "of another plan").unwrap();
    fs::create_dir(staging.join("three")).unwrap();
    assert_eq!(sweep(&staging, |plan| plan == "one").unwrap().len(), 2);
    assert_eq!(files(&staging), ["one.b1", "one.t1"]);
    plan.discard(&staging).unwrap();
    assert!(files(&staging).is_empty(), "a directory with all that is in it, too");
    assert!(sweep(&home.path().join("nowhere"), |_| false).unwrap().is_empty());
}

#[test]
fn two_directories_lose_a_file_each_and_get_it_back() {
    let (one, other) = (workspace(), workspace());
    let before = [&one, &other].map(|temp| snapshot(&temp.path().join("ws")));
    let named = |temp: &TempDir, guest: &str| DirectoryGrant { guest: guest.into(), ..all_of(&temp.path().join("ws")) };
    let grants = [named(&one, "/one"), named(&other, "/other")];
    let mut guest = Guest::staged(&grants);
    for root in guest.roots.clone() {
        guest.call(root, |view, fd| view.unlink_file_at(fd, "file".to_owned())).unwrap();
    }
    let (staged, home) = guest.finish();
    let prepared = staged.prepare(Durable::No).unwrap();
    let plan = prepared.plan().clone();
    let after = prepared.commit().unwrap();
    assert!([&one, &other].iter().all(|temp| !temp.path().join("ws/file").exists()));
    plan.undo(&home.path().join("staging"), &after, Durable::No).unwrap();
    assert_eq!([&one, &other].map(|temp| snapshot(&temp.path().join("ws"))), before);
}

#[test]
fn a_plan_as_they_were_written_at_first_is_undone_and_one_whose_files_are_gone_changes_nothing() {
    let temp = workspace();
    let mut guest = staged(&temp);
    guest.write_file("file", TRUNCATE, b"new").unwrap();
    guest.unlink("sub/inner").unwrap();
    let (staged, home) = guest.finish();
    let staging = home.path().join("staging");
    let prepared = staged.prepare(Durable::No).unwrap();
    let text = serde_json::to_string(prepared.plan()).unwrap();
    let after = prepared.commit().unwrap();
    let inner = staging.join("one.t1");
    fs::rename(&inner, staging.join("elsewhere")).unwrap();
    let plan: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(plan.undo(&staging, &after, Durable::No), Err(CommitError::Gone("one".into())));
    assert_eq!(fs::read(temp.path().join("ws/file")).unwrap(), b"new", "nothing of it was taken back");
    // A directory for each plan.
    fs::create_dir(staging.join("one")).unwrap();
    fs::rename(staging.join("elsewhere"), staging.join("one/t1")).unwrap();
    fs::rename(staging.join("one.b0"), staging.join("one/b0")).unwrap();
    let first = text.replace(r#""workspace":"shared""#, r#""workspace":"own""#);
    assert_ne!(first, text);
    let plan: Plan = serde_json::from_str(&first).unwrap();
    plan.undo(&staging, &after, Durable::No).unwrap();
    assert_eq!(fs::read(temp.path().join("ws/sub/inner")).unwrap(), b"inner");
    plan.discard(&staging).unwrap();
    assert!(files(&staging).is_empty());
}

#[test]
fn whoever_has_a_file_open_sees_what_is_written_under_any_of_its_names() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    fs::hard_link(ws.join("file"), ws.join("twin")).unwrap();
    let mut guest = staged(&temp);
    let reader = guest.open("twin", plain(), READ).unwrap();
    guest.write_file("file", TRUNCATE, b"new").unwrap();
    assert_eq!(guest.call(reader, |view, fd| view.read(fd, 100, 0)).unwrap().0, b"new");
    assert_eq!(guest.read_file("twin").unwrap(), b"new");
    assert_eq!(fs::read(ws.join("twin")).unwrap(), b"content");
    guest.close(reader);
    let (staged, _home) = guest.finish();
    staged.prepare(Durable::No).unwrap().commit().unwrap();
    assert_eq!(
        (fs::read(ws.join("file")).unwrap(), fs::read(ws.join("twin")).unwrap()),
        (b"new".to_vec(), b"new".to_vec())
    );
    assert_eq!(fs::metadata(ws.join("file")).unwrap().ino(), fs::metadata(ws.join("twin")).unwrap().ino());
}

#[test]
fn mode_and_times_survive_a_change_and_an_undo() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    fs::set_permissions(ws.join("file"), fs::Permissions::from_mode(0o640)).unwrap();
    let of = |path: &Path| {
        let stat = fs::metadata(path).unwrap();
        (stat.mode(), stat.mtime(), stat.mtime_nsec(), fs::read(path).unwrap())
    };
    let before = of(&ws.join("file"));
    let mut guest = staged(&temp);
    guest.write_file("file", TRUNCATE, b"new").unwrap();
    guest.unlink("sub/inner").unwrap();
    let inner = of(&ws.join("sub/inner"));
    let (staged, home) = guest.finish();
    let prepared = staged.prepare(Durable::Yes).unwrap();
    let plan = prepared.plan().clone();
    let after = prepared.commit().unwrap();
    assert_eq!(of(&ws.join("file")).0, before.0);
    assert_eq!(fs::read(ws.join("file")).unwrap(), b"new");
    plan.undo(&home.path().join("staging"), &after, Durable::Yes).unwrap();
    assert_eq!((of(&ws.join("file")), of(&ws.join("sub/inner"))), (before, inner));
}

#[test]
fn an_undo_refuses_what_somebody_changed_since_and_changes_nothing() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let mut guest = staged(&temp);
    guest.write_file("file", TRUNCATE, b"new").unwrap();
    guest.mkdir("made").unwrap();
    guest.write_file("made/one", CREATE, b"1").unwrap();
    let (staged, home) = guest.finish();
    let prepared = staged.prepare(Durable::No).unwrap();
    let plan = prepared.plan().clone();
    let after = prepared.commit().unwrap();
    fs::write(ws.join("made/theirs"), "theirs").unwrap();
    let before = snapshot(&ws);
    let undone = plan.undo(&home.path().join("staging"), &after, Durable::No);
    assert_eq!(undone.unwrap_err(), CommitError::Conflict(vec!["/ws/made".into()]));
    assert_eq!(snapshot(&ws), before);
}

/// Seconds and nanoseconds of the last change of what is at `path`.
fn modified(path: &Path) -> (i64, i64) {
    let stat = fs::metadata(path).unwrap();
    (stat.mtime(), stat.mtime_nsec())
}

fn age(path: &Path) {
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

const AGED: (i64, i64) = (1_000_000_000, 123_456_789);

/// Lands what creates `ws/new` and deletes `ws/sub/inner`, and returns what undoes it.
fn landed(temp: &TempDir) -> (Plan, After, TempDir) {
    let ws = temp.path().join("ws");
    age(&ws);
    age(&ws.join("sub"));
    let mut guest = staged(temp);
    guest.write_file("new", CREATE, b"new").unwrap();
    guest.unlink("sub/inner").unwrap();
    let (staged, home) = guest.finish();
    let prepared = staged.prepare(Durable::No).unwrap();
    let plan = prepared.plan().clone();
    let after = prepared.commit().unwrap();
    assert_ne!(modified(&ws), AGED);
    (plan, after, home)
}

#[test]
fn an_undo_sets_back_the_times_of_directories_in_which_nobody_else_did_anything() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let (plan, after, home) = landed(&temp);
    let after: After = serde_json::from_str(&serde_json::to_string(&after).unwrap()).unwrap();
    fs::write(ws.join("sub/theirs"), "theirs").unwrap();
    let theirs = modified(&ws.join("sub"));
    plan.undo(&home.path().join("staging"), &after, Durable::Yes).unwrap();
    assert_eq!(modified(&ws), AGED);
    assert!(modified(&ws.join("sub")) >= theirs, "that somebody was there can still be seen");
    assert_eq!(fs::read_to_string(ws.join("sub/inner")).unwrap(), "inner");
}

#[test]
fn what_was_written_down_before_directories_were_can_be_undone() {
    let temp = workspace();
    let (plan, after, home) = landed(&temp);
    let written = serde_json::to_value(&after).unwrap();
    let older: After = serde_json::from_value(written["left"].clone()).unwrap();
    plan.undo(&home.path().join("staging"), &older, Durable::No).unwrap();
    assert!(!temp.path().join("ws/new").exists());
    assert_ne!(modified(&temp.path().join("ws")), AGED, "nothing says what it was");
}

#[test]
fn an_undo_that_was_cut_off_anywhere_takes_back_what_leaves_no_trace_too() {
    // Of a change in place and of times, the disk does not show whether they were done.
    for cut in 0.. {
        let temp = workspace();
        let ws = temp.path().join("ws");
        fs::hard_link(ws.join("file"), ws.join("twin")).unwrap();
        age(&ws.join("sub/inner"));
        let mut guest = staged(&temp);
        guest.write_file("file", TRUNCATE, b"new").unwrap();
        if cut % 2 == 0 {
            guest.write_file("made", CREATE, b"made").unwrap();
        }
        let second = NewTimestamp::Timestamp(Datetime { seconds: 1, nanoseconds: 0 });
        guest.set_times(FOLLOW, "sub/inner", second).unwrap();
        let (staged, home) = guest.finish();
        let prepared = staged.prepare(Durable::No).unwrap();
        let plan = prepared.plan().clone();
        let after = prepared.commit().unwrap();
        assert_eq!(modified(&ws.join("sub/inner")), (1, 0));
        let staging = home.path().join("staging");
        plan.undo_cut_off(&staging, cut / 2).unwrap();
        plan.finish_undo(&staging, Some(&after), Durable::No).unwrap();
        assert_eq!(fs::read_to_string(ws.join("twin")).unwrap(), "content", "cut off after {cut}");
        assert_eq!(modified(&ws.join("sub/inner")), AGED, "cut off after {cut}");
        assert!(!ws.join("made").exists());
        if cut / 2 > plan.len() {
            break;
        }
    }
}

#[test]
fn what_is_kept_counts_and_what_comes_back_elsewhere_does_not() {
    let bytes = |act: &dyn Fn(&mut Guest)| {
        let temp = workspace();
        fs::write(temp.path().join("ws/file"), [b'f'; 7_000]).unwrap();
        fs::write(temp.path().join("ws/sub/inner"), [b'i'; 5_000]).unwrap();
        let mut guest = staged(&temp);
        act(&mut guest);
        let (staged, _home) = guest.finish();
        let prepared = staged.prepare(Durable::No).unwrap();
        (prepared.plan().kept_bytes(), prepared.waiting_bytes())
    };
    let delete = |guest: &mut Guest| {
        guest.unlink("sub/inner").unwrap();
        guest.rmdir("sub").unwrap();
    };
    assert_eq!(bytes(&delete), (5_000, 0), "of a directory, all that is in it");
    assert_eq!(bytes(&|guest| guest.unlink("file").unwrap()), (7_000, 0));
    assert_eq!(bytes(&|guest| guest.write_file("file", TRUNCATE, &[b'x'; 6_000]).unwrap()), (7_000, 6_000));
    assert_eq!(bytes(&|guest| guest.write_file("new", CREATE, b"abc").unwrap()), (0, 4_096));
    assert_eq!(bytes(&|guest| guest.rename("sub", "moved").unwrap()), (0, 0));
    let swap = |guest: &mut Guest| {
        guest.rename("file", "a").unwrap();
        guest.rename("sub/inner", "file").unwrap();
        guest.rename("a", "sub/inner").unwrap();
    };
    assert_eq!(bytes(&swap), (0, 0));
}

#[test]
fn a_directory_on_another_file_system_is_changed_as_a_whole_too() {
    let shm = Path::new("/dev/shm");
    let Ok(temp) = tempfile::tempdir_in(shm) else {
        assert!(std::env::var_os("CI").is_none(), "no second file system");
        eprintln!("SKIPPED: no file system at {}", shm.display());
        return;
    };
    let ws = temp.path().join("ws");
    fs::create_dir_all(ws.join("sub")).unwrap();
    fs::write(ws.join("file"), "content").unwrap();
    fs::write(ws.join("sub/inner"), "inner").unwrap();
    let before = snapshot(&ws);
    let home = tempfile::tempdir().unwrap();
    let protected = Protected::default().with_state(home.path());
    let mut guest = Guest::staged_with(&[all_of(&ws)], &protected, Limits::default());
    guest.write_file("file", TRUNCATE, b"new").unwrap();
    guest.rename("sub", "moved").unwrap();
    guest.mkdir("made").unwrap();
    refused(guest.mkdir(".toolhold"), ErrorCode::Access);
    let (staged, home) = guest.finish();
    assert!(!staged.can_wait(), "a preview would have to touch the directory");
    let prepared = staged.prepare(Durable::Yes).unwrap();
    let plan = prepared.plan().clone();
    let after = prepared.commit().unwrap();
    assert_eq!(fs::read(ws.join("file")).unwrap(), b"new");
    assert_eq!(fs::read(ws.join("moved/inner")).unwrap(), b"inner");
    let mut other = Guest::staged_with(&[all_of(&ws)], &protected, Limits::default());
    assert_eq!(other.names(".").unwrap(), ["file", "made", "moved"], "no guest sees what is kept for an undo");
    plan.undo(&home.path().join("staging"), &after, Durable::Yes).unwrap();
    plan.discard(&home.path().join("staging")).unwrap();
    fs::remove_dir(ws.join(".toolhold")).unwrap();
    assert_eq!(snapshot(&ws), before);
}

#[test]
fn what_is_copied_to_be_changed_is_charged_as_written() {
    let temp = workspace();
    let big = temp.path().join("ws/big");
    fs::write(&big, vec![7; 4096]).unwrap();
    let mut limits = Limits::default();
    limits.set(Limit::BytesWritten, 1000);
    let grants = [all_of(&temp.path().join("ws"))];
    let mut guest = Guest::staged_with(&grants, &Protected::default(), limits);
    let fd = guest.open("big", plain(), WRITE).unwrap();
    let written = guest.write_at(fd, 0, b"x");
    // Where the file system shares blocks, nothing is copied.
    assert!(matches!(written, Ok(()) | Err(Failed::Limit(Limit::BytesWritten))), "{written:?}");
    assert_eq!(fs::read(&big).unwrap(), vec![7; 4096]);
}

#[test]
fn grants_that_overlap_show_each_others_changes() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let inner = DirectoryGrant { guest: "/inner".into(), ..all_of(&ws.join("sub")) };
    let mut guest = Guest::staged(&[all_of(&ws), inner]);
    guest.write_file("sub/new", CREATE, b"by the outer").unwrap();
    let root = guest.roots[1];
    let fd = guest.open_at(root, FOLLOW, "new", plain(), READ).unwrap();
    guest.close(fd);
    let fd = guest.open_at(root, FOLLOW, "inner", TRUNCATE, WRITE).unwrap();
    guest.write_at(fd, 0, b"by the inner").unwrap();
    guest.close(fd);
    assert_eq!(guest.read_file("sub/inner").unwrap(), b"by the inner");
    let (staged, _home) = guest.finish();
    let paths: Vec<String> = staged.changes(Detail::Brief).0.into_iter().map(|change| change.path).collect();
    assert_eq!(paths, ["/inner/inner", "/inner/new"]);
    staged.prepare(Durable::No).unwrap().commit().unwrap();
    assert_eq!(fs::read(ws.join("sub/inner")).unwrap(), b"by the inner");
}

#[test]
fn a_report_says_what_would_change_and_how() {
    let temp = workspace();
    let mut guest = Guest::staged(&[with_links(&temp.path().join("ws"), Symlinks::Create)]);
    guest.write_file("file", TRUNCATE, b"another\n").unwrap();
    guest.write_file("binary", CREATE, b"\0\x01").unwrap();
    guest.rename("sub/inner", "sub/moved").unwrap();
    guest.symlink("file", "link").unwrap();
    let (staged, _home) = guest.finish();
    let (changes, left_out) = staged.changes(Detail::Full);
    let told: Vec<_> = changes.iter().map(|change| (change.path.as_str(), &change.kind)).collect();
    let moved = ChangeKind::Moved { from: "/ws/sub/inner".into() };
    assert_eq!(
        told,
        [
            ("/ws/binary", &ChangeKind::Created),
            ("/ws/file", &ChangeKind::Changed),
            ("/ws/link", &ChangeKind::Created),
            ("/ws/sub/moved", &moved),
        ]
    );
    assert_eq!(left_out, 0);
    assert_eq!(changes[0].content, Content::Binary);
    let Content::Text { diff, added: 1, removed: 1, cut: 0 } = &changes[1].content else { panic!("{:?}", changes[1]) };
    assert!(diff.contains("-content") && diff.contains("+another"), "{diff}");
    assert_ne!(changes[1].before.as_ref().unwrap().sha256, changes[1].after.as_ref().unwrap().sha256);
    assert_eq!(changes[2].after.as_ref().unwrap().target.as_deref(), Some("file"));
    assert_eq!(changes[3].content, Content::Same);
}
