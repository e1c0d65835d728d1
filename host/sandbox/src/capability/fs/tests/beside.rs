//! What is made for a plan in the directory that it changes, and goes when there is no plan.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use tempfile::TempDir;

use super::super::commit::faults::{Fault, Strikes, failing};
use super::super::commit::{Durable, sweep};
use super::support::*;

/// A directory on another file system than the one that guests stage on, if there is one.
fn elsewhere() -> Option<(TempDir, PathBuf)> {
    let shm = Path::new("/dev/shm");
    let Ok(temp) = tempfile::tempdir_in(shm) else {
        assert!(std::env::var_os("CI").is_none(), "no second file system");
        eprintln!("SKIPPED: no file system at {}", shm.display());
        return None;
    };
    let ws = temp.path().join("ws");
    fs::create_dir(&ws).unwrap();
    fs::write(ws.join("file"), "content").unwrap();
    Some((temp, ws))
}

fn count(path: &Path) -> usize {
    fs::read_dir(path).map_or(0, Iterator::count)
}

#[test]
fn what_cannot_be_prepared_leaves_nothing_behind() {
    let Some((_temp, ws)) = elsewhere() else { return };
    let Some((_other, second)) = elsewhere() else { return };
    for after in 0..2 {
        // The first area is prepared whole, and the second one fails.
        let mut guest = Guest::staged(&[all_of(&ws), all_of(&second)]);
        for root in guest.roots.clone() {
            let fd = guest.open_at(root, FOLLOW, "file", plain(), WRITE).unwrap();
            guest.write_at(fd, 0, b"new").unwrap();
            guest.close(fd);
        }
        let (staged, home) = guest.finish();
        let fault = Fault { strikes: Strikes::Any, after, lasts: true, errno: Errno::NOSPC };
        let (prepared, struck) = failing(fault, || staged.prepare(Durable::Yes));
        assert!(struck && prepared.is_err());
        drop(staged);
        assert_eq!([count(&ws.join(".toolhold")), count(&second.join(".toolhold"))], [0, 0], "{after}");
        assert_eq!(count(&home.path().join("staging")), 0, "{after}");
    }
}

#[test]
fn what_was_prepared_before_a_kill_is_swept() {
    let Some((_temp, ws)) = elsewhere() else { return };
    let mut guest = Guest::staged(&[all_of(&ws)]);
    guest.write_file("file", TRUNCATE, b"new").unwrap();
    let (staged, home) = guest.finish();
    let staging = home.path().join("staging");
    drop(staged.prepare(Durable::No).unwrap());
    drop(staged);
    assert_eq!(count(&ws.join(".toolhold")), 1);
    sweep(&staging, |plan| plan == "one").unwrap();
    assert_eq!(count(&ws.join(".toolhold/one")), 1, "a plan needs it");
    // Of another host, which has the same directory.
    fs::create_dir(ws.join(".toolhold/theirs")).unwrap();
    let swept = sweep(&staging, |_| false).unwrap();
    assert!(swept.iter().all(|(_, removed)| removed.is_ok()), "{swept:?}");
    assert!(!ws.join(".toolhold/one").exists() && ws.join(".toolhold/theirs").exists());
    assert_eq!(count(&staging), 0);
    assert_eq!(fs::read(ws.join("file")).unwrap(), b"content");
}

#[test]
fn what_is_discarded_is_forgotten() {
    let Some((_temp, ws)) = elsewhere() else { return };
    let mut guest = Guest::staged(&[all_of(&ws)]);
    guest.write_file("file", TRUNCATE, b"new").unwrap();
    let (staged, home) = guest.finish();
    let staging = home.path().join("staging");
    let prepared = staged.prepare(Durable::No).unwrap();
    let plan = prepared.plan().clone();
    prepared.commit().unwrap();
    plan.discard(&staging).unwrap();
    assert_eq!([count(&ws.join(".toolhold")), count(&staging)], [0, 0]);
}
