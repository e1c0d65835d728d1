//! What belongs to Toolhold is out of reach.

use std::path::Path;

use toolhold_core::grant::{DirectoryGrant, Symlinks};
use toolhold_core::limit::Limits;

use super::super::bindings::types::{ErrorCode, NewTimestamp};
use super::super::{Error, OpenedGrants, Protected, Why};
use super::support::*;

fn guest(grants: &[DirectoryGrant], protected: &[&Path]) -> Guest {
    Guest::with(grants, &Protected::new(protected).unwrap(), Limits::default(), None)
}

#[test]
fn by_name_below_a_grant() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    std::fs::create_dir_all(ws.join("home/.toolhold/cas")).unwrap();
    std::fs::write(ws.join("home/.toolhold/journal.db"), "journal").unwrap();
    std::fs::write(ws.join("toolhold.toml"), "manifest").unwrap();
    let (state, manifest, lock) = (ws.join("home/.toolhold"), ws.join("toolhold.toml"), ws.join("toolhold.lock"));
    for symlinks in [Symlinks::Deny, Symlinks::Create] {
        let mut guest = guest(&[with_links(&ws, symlinks)], &[&state, &manifest, &lock]);
        for path in [
            "home/.toolhold",
            "home/.toolhold/",
            "home/.toolhold/journal.db",
            "home/.toolhold/new",
            "home/.toolhold/cas",
            "toolhold.toml",
            "toolhold.lock",
            "home/../toolhold.toml",
            "./home//.toolhold/./journal.db",
            "home/../home/.toolhold/journal.db",
        ] {
            for answer in [
                guest.read_file(path).map(drop),
                guest.write_file(path, CREATE, b"x"),
                guest.write_file(path, TRUNCATE, b"x"),
                guest.stat(keep(), path).map(drop),
                guest.list(path).map(drop),
                guest.unlink(path),
                guest.rmdir(path),
                guest.mkdir(path),
                guest.rename(path, "stolen"),
                guest.rename("file", path),
                guest.link(path, "stolen"),
                guest.link("file", path),
                guest.set_times(keep(), path, NewTimestamp::Now),
            ] {
                refused(answer, ErrorCode::Access);
                assert_eq!(guest.last_why(), Why::Protected, "{path}");
            }
        }
        // A directory above is not moved away with it, nor removed.
        refused(guest.rename("home", "house"), ErrorCode::Access);
        refused(guest.rmdir("home"), ErrorCode::NotEmpty);
        assert_eq!(guest.names("home").unwrap(), [""; 0]);
        assert_eq!(guest.names(".").unwrap(), ["file", "home", "sub"]);
        if symlinks == Symlinks::Create {
            guest.symlink("home/.toolhold/journal.db", "link").unwrap();
            guest.symlink("home", "house").unwrap();
            refused(guest.read_file("link"), ErrorCode::Access);
            refused(guest.read_file("house/.toolhold/journal.db"), ErrorCode::Access);
            refused(guest.write_file("house/.toolhold/new", CREATE, b"x"), ErrorCode::Access);
        }
    }
    assert_eq!(std::fs::read(&manifest).unwrap(), b"manifest");
}

/// In the place of a link something else can be put, and is read as what is protected.
#[test]
fn the_links_that_lead_to_it_too() {
    use std::os::unix::fs::symlink;
    for symlinks in [Symlinks::Deny, Symlinks::Follow, Symlinks::Create] {
        let temp = workspace();
        let (ws, real) = (temp.path().join("ws"), temp.path().join("real"));
        std::fs::create_dir_all(real.join("bin")).unwrap();
        std::fs::create_dir_all(ws.join("modules")).unwrap();
        std::fs::write(real.join("bin/server"), "server").unwrap();
        std::fs::write(temp.path().join("manifest"), "manifest").unwrap();
        // One that is relative, one of which a directory on the way is a link, and one by way of another.
        symlink("../manifest", ws.join("toolhold.toml")).unwrap();
        symlink(real.join("bin"), ws.join("modules/bin")).unwrap();
        symlink("modules/bin/server", ws.join("run")).unwrap();
        let (manifest, server, run) = (ws.join("toolhold.toml"), ws.join("modules/bin/server"), ws.join("run"));
        let mut guest = guest(&[with_links(&ws, symlinks)], &[&manifest, &server, &run]);
        for path in ["toolhold.toml", "modules/bin", "run"] {
            for answer in [
                guest.read_file(path).map(drop),
                guest.write_file(path, CREATE, b"x"),
                guest.write_file(path, CREATE | EXCLUSIVE, b"x"),
                guest.unlink(path),
                guest.rmdir(path),
                guest.mkdir(path),
                guest.rename(path, "stolen"),
                guest.rename("file", path),
                guest.link(path, "stolen"),
                guest.link("file", path),
            ] {
                refused(answer, ErrorCode::Access);
                assert_eq!(guest.last_why(), Why::Protected, "{path}");
            }
        }
        refused(guest.rename("modules", "other"), ErrorCode::Access);
        assert_eq!(std::fs::read(&run).unwrap(), b"server");
        assert_eq!(std::fs::read(&manifest).unwrap(), b"manifest");
    }
}

#[test]
fn links_that_lead_in_a_circle_protect_nothing_and_are_told_of() {
    let temp = workspace();
    std::os::unix::fs::symlink("a", temp.path().join("b")).unwrap();
    std::os::unix::fs::symlink("b", temp.path().join("a")).unwrap();
    assert!(matches!(Protected::new([temp.path().join("a")]), Err(Error::Examine { .. })));
}

#[test]
fn what_is_about_to_replace_it_too() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    std::fs::create_dir_all(ws.join("project")).unwrap();
    let manifest = ws.join("project/toolhold.toml");
    std::fs::write(&manifest, "manifest").unwrap();
    std::fs::write(ws.join("project/.toolhold-new-a1b2c3"), "the next manifest").unwrap();
    let mut guest = guest(&[DirectoryGrant { atomic: false, ..all_of(&ws) }], &[&manifest]);
    for path in
        ["project/.toolhold-new-a1b2c3", "project/.toolhold-new-planted", "project/../project/.toolhold-new-a1b2c3"]
    {
        for answer in [
            guest.read_file(path).map(drop),
            guest.write_file(path, CREATE, b"x"),
            guest.write_file(path, TRUNCATE, b"x"),
            guest.stat(keep(), path).map(drop),
            guest.unlink(path),
            guest.rename(path, "stolen"),
            guest.rename("file", path),
            guest.link(path, "stolen"),
        ] {
            refused(answer, ErrorCode::Access);
            assert_eq!(guest.last_why(), Why::Protected, "{path}");
        }
    }
    assert_eq!(guest.names("project").unwrap(), [""; 0]);
    assert_eq!(std::fs::read(ws.join("project/.toolhold-new-a1b2c3")).unwrap(), b"the next manifest");
}

#[test]
fn by_identity_through_another_name() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let state = temp.path().join("state");
    std::fs::create_dir_all(state.join("deep")).unwrap();
    std::fs::write(state.join("deep/journal.db"), "journal").unwrap();
    let mut guest = guest(&[all_of(&ws)], &[&state]);
    // Planted by somebody else, after the grant was opened.
    std::fs::hard_link(state.join("deep/journal.db"), ws.join("innocent")).unwrap();
    for answer in [
        guest.read_file("innocent").map(drop),
        guest.write_file("innocent", TRUNCATE, b"x"),
        guest.stat(keep(), "innocent").map(drop),
        guest.rename("innocent", "moved"),
        guest.link("innocent", "second"),
        guest.unlink("innocent"),
        guest.set_times(keep(), "innocent", NewTimestamp::Now),
    ] {
        refused(answer, ErrorCode::Access);
        assert_eq!(guest.last_why(), Why::Protected);
    }
    assert_eq!(std::fs::read(state.join("deep/journal.db")).unwrap(), b"journal");
    // Files with several names that are not Toolhold's are the grant's own affair.
    guest.link("file", "other").unwrap();
    assert_eq!(guest.read_file("other").unwrap(), b"content");
}

#[test]
fn an_inode_that_was_protected_once_is_not_protected_for_ever() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let lock = temp.path().join("toolhold.lock");
    std::fs::write(&lock, "lock").unwrap();
    let protected = Protected::new([&lock]).unwrap();
    let mut guest = Guest::with(&[all_of(&ws)], &protected, Limits::default(), None);
    // The lock file is replaced, and the old one ends up in the workspace: the same inode, no longer the lock.
    std::fs::rename(&lock, ws.join("old-lock")).unwrap();
    std::fs::write(&lock, "new").unwrap();
    assert_eq!(guest.read_file("old-lock").unwrap(), b"lock");
}

#[test]
fn a_grant_within_it_is_not_opened() {
    let temp = workspace();
    let state = temp.path().join("state");
    std::fs::create_dir_all(state.join("inside")).unwrap();
    std::os::unix::fs::symlink(state.join("inside"), temp.path().join("link")).unwrap();
    let protected = Protected::new([&state]).unwrap();
    for host in [state.clone(), state.join("inside"), temp.path().join("link"), state.join("inside/../inside")] {
        let grant = DirectoryGrant { host, ..all_of(&temp.path().join("ws")) };
        assert!(matches!(OpenedGrants::open(&[grant], &protected, &Default::default()), Err(Error::Protected { .. })));
    }
}

#[test]
fn grants_and_protected_paths_are_absolute_and_exist() {
    let temp = workspace();
    let relative = DirectoryGrant { host: "ws".into(), ..all_of(&temp.path().join("ws")) };
    assert!(matches!(
        OpenedGrants::open(&[relative], &Protected::default(), &Default::default()),
        Err(Error::Relative(_))
    ));
    for missing in ["missing", "ws/file"] {
        let grant = DirectoryGrant { host: temp.path().join(missing), ..all_of(&temp.path().join("ws")) };
        let error = OpenedGrants::open(&[grant], &Protected::default(), &Default::default()).unwrap_err();
        assert!(error.to_string().contains(missing) && error.to_string().contains("/ws"), "{error}");
    }
    assert!(matches!(Protected::new(["state"]), Err(Error::Relative(_))));
    assert!(matches!(Protected::new([temp.path().join("missing/state")]), Err(Error::Examine { .. })));
    Protected::new([temp.path().join("not-yet")]).unwrap();
}
