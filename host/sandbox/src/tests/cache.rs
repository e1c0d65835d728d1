//! The compile cache: used where it can be trusted, never where it cannot.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::guests::computing;
use super::support::{Call, Way, config};
use crate::{Sandbox, SandboxConfig};

fn with_cache(dir: &Path) -> Sandbox {
    Sandbox::new(SandboxConfig { cache: Some(dir.join("cache")), ..config() }).unwrap()
}

/// Loads and runs the component whose code is in the cache, and gives what it returned.
fn run(dir: &Path, component: &[u8]) -> String {
    let sandbox = with_cache(dir);
    let loaded = sandbox.load_blocking(component).unwrap();
    Call::of(&sandbox, &loaded).run(Way::CallingThread).outcome.unwrap()
}

fn artifacts(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("cache")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")).collect()
}

fn modified(path: &Path) -> (u64, std::time::SystemTime) {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).unwrap();
    (metadata.ino(), metadata.modified().unwrap())
}

#[test]
fn compiled_code_is_kept_for_this_user_and_used_again() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run(dir.path(), &computing("")), "{}");
    let [artifact] = &artifacts(dir.path())[..] else { panic!("not one artifact") };
    assert_eq!(std::fs::metadata(artifact).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(dir.path().join("cache")).unwrap().permissions().mode() & 0o777, 0o700);
    let before = modified(artifact);
    assert_eq!(run(dir.path(), &computing("")), "{}");
    assert_eq!(modified(artifact), before);
}

/// Does `tamper` to the only artifact of a honest component, after which the honest component still runs as itself.
fn survives(tamper: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    run(dir.path(), &computing(""));
    let [artifact] = &artifacts(dir.path())[..] else { panic!("not one artifact") };
    tamper(artifact);
    assert_eq!(run(dir.path(), &computing("")), "{}");
}

/// Code that returns something else, as it would be in the cache.
fn evil() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let evil = computing("(i32.store8 (i32.const 1025) (i32.const 33))");
    assert_eq!(run(dir.path(), &evil), "{!");
    std::fs::read(&artifacts(dir.path())[0]).unwrap()
}

#[test]
fn a_file_that_others_can_write_is_not_used() {
    let evil = evil();
    survives(|artifact| {
        std::fs::write(artifact, evil).unwrap();
        std::fs::set_permissions(artifact, Permissions::from_mode(0o602)).unwrap();
    });
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let evil = evil();
    survives(|artifact| {
        let elsewhere = artifact.with_extension("elsewhere");
        std::fs::write(&elsewhere, evil).unwrap();
        std::fs::remove_file(artifact).unwrap();
        symlink(elsewhere, artifact).unwrap();
    });
}

#[test]
fn a_damaged_file_is_compiled_again() {
    for damage in [
        |bytes: &mut Vec<u8>| bytes[100] ^= 1,
        |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2),
        |bytes: &mut Vec<u8>| bytes.clear(),
        |bytes: &mut Vec<u8>| bytes.push(0),
    ] {
        survives(|artifact| {
            let mut bytes = std::fs::read(artifact).unwrap();
            damage(&mut bytes);
            std::fs::write(artifact, bytes).unwrap();
        });
    }
}

#[test]
fn something_else_with_a_correct_digest_is_compiled_again() {
    survives(|artifact| {
        let bytes = b"not machine code";
        std::fs::write(artifact, [&bytes[..], &crate::engine::trailer(bytes)].concat()).unwrap();
    });
}

#[test]
fn a_directory_that_others_can_write_to_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("cache")).unwrap();
    std::fs::set_permissions(dir.path().join("cache"), Permissions::from_mode(0o777)).unwrap();
    assert_eq!(run(dir.path(), &computing("")), "{}");
    assert!(artifacts(dir.path()).is_empty());
}

#[test]
fn a_cache_that_is_a_file_or_a_link_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("cache"), "").unwrap();
    assert_eq!(run(dir.path(), &computing("")), "{}");
    std::fs::remove_file(dir.path().join("cache")).unwrap();
    std::fs::create_dir(dir.path().join("real")).unwrap();
    symlink(dir.path().join("real"), dir.path().join("cache")).unwrap();
    assert_eq!(run(dir.path(), &computing("")), "{}");
    assert_eq!(std::fs::read_dir(dir.path().join("real")).unwrap().count(), 0);
}
