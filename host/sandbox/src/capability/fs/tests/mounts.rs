//! Two mounts of one file system: nothing can be moved between them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use toolhold_core::limit::Limits;

use super::super::Protected;
use super::super::bindings::types::ErrorCode;
use super::super::commit::Durable;
use super::oracle::snapshot;
use super::support::*;

/// Where the test finds the directory that was mounted for it.
const MOUNTED: &str = "TOOLHOLD_TEST_MOUNTED";

#[test]
fn a_directory_on_another_mount_of_the_same_file_system_is_changed_as_a_whole_too() {
    if let Some(ws) = std::env::var_os(MOUNTED) {
        return lands_and_is_undone(Path::new(&ws));
    }
    let temp = workspace();
    let ws = temp.path().join("ws");
    let name = "a_directory_on_another_mount_of_the_same_file_system_is_changed_as_a_whole_too";
    let script = format!("mount --bind \"$1\" \"$1\" && exec \"$2\" --nocapture {name}");
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "sh", "-c", &script, "sh"]).arg(&ws).arg(std::env::current_exe().unwrap());
    match command.env(MOUNTED, &ws).output() {
        // What cannot mount runs no test, and what runs a test says so.
        Ok(output) if !output.stdout.is_empty() => {
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && told.contains("1 passed"), "{output:?}");
        }
        other => eprintln!("SKIPPED: nothing can be mounted here: {other:?}"),
    }
}

fn lands_and_is_undone(ws: &Path) {
    let home = tempfile::tempdir().unwrap();
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    assert_eq!(device(ws), device(home.path()), "one file system");
    let before = snapshot(ws);
    let protected = Protected::default().with_state(home.path());
    let mut guest = Guest::staged_with(&[all_of(ws)], &protected, Limits::default());
    guest.write_file("file", TRUNCATE, b"new").unwrap();
    guest.rename("sub", "moved").unwrap();
    guest.write_file("made", CREATE, b"made").unwrap();
    refused(guest.mkdir(".toolhold"), ErrorCode::Access);
    let (staged, home) = guest.finish();
    assert!(!staged.can_wait(), "a preview would have to touch the directory");
    let prepared = staged.prepare(Durable::Yes).unwrap();
    let plan = prepared.plan().clone();
    let after = prepared.commit().unwrap();
    assert_eq!(fs::read(ws.join("file")).unwrap(), b"new");
    assert_eq!(fs::read(ws.join("moved/inner")).unwrap(), b"inner");
    plan.undo(&home.path().join("staging"), &after, Durable::Yes).unwrap();
    plan.discard(&home.path().join("staging")).unwrap();
    fs::remove_dir(ws.join(".toolhold")).unwrap();
    assert_eq!(snapshot(ws), before);
}
