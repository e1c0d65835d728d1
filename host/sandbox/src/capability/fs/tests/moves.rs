//! Moving files and directories.

use toolhold_core::grant::DirectoryGrant;

use super::super::bindings::types::ErrorCode;
use super::super::{Touched, Why};
use super::support::*;

#[test]
fn a_directory_is_moved_only_if_all_below_it_may_be() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    std::fs::create_dir_all(ws.join("tree/deep/deeper")).unwrap();
    std::fs::write(ws.join("tree/deep/deeper/secret.key"), "key").unwrap();
    for (grant, why) in [
        (DirectoryGrant { deny: patterns(&["tree/deep/deeper/secret.key"]), ..all_of(&ws) }, Why::MovesForbidden),
        (DirectoryGrant { deny: patterns(&["moved/deep/deeper"]), ..all_of(&ws) }, Why::MovesForbidden),
        (
            DirectoryGrant { write: patterns(&["tree", "tree/deep/deeper/**", "moved/**"]), ..all_of(&ws) },
            Why::MovesForbidden,
        ),
        (DirectoryGrant { write: patterns(&["tree", "tree/**", "moved"]), ..all_of(&ws) }, Why::MovesForbidden),
        (DirectoryGrant { read: patterns(&["moved/**"]), ..all_of(&ws) }, Why::MovesForbidden),
        (DirectoryGrant { write: patterns(&["tree/deep/**", "moved/**"]), ..all_of(&ws) }, Why::NotWritable),
        (DirectoryGrant { deny: patterns(&["tree"]), ..all_of(&ws) }, Why::Denied),
    ] {
        with_both(&[grant], |guest| {
            refused(guest.rename("tree", "moved"), ErrorCode::Access);
            assert_eq!(guest.last_why(), why);
        });
    }
    let grant = DirectoryGrant {
        write: patterns(&["{tree,moved}", "{tree,moved}/**"]),
        deny: patterns(&["sub/**"]),
        ..all_of(&ws)
    };
    with_both(&[grant], |guest| {
        guest.rename("tree", "moved").unwrap();
        assert_eq!(guest.read_file("moved/deep/deeper/secret.key").unwrap(), b"key");
        assert!(guest.fs.notes().touches.iter().any(|touch| touch.touched == Touched::Renamed("moved".to_owned())));
        guest.rename("moved/", "tree/").unwrap();
    });
}

#[test]
fn a_directory_with_a_link_that_would_lead_out_from_the_new_place_stays() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    std::fs::create_dir_all(ws.join("a/b")).unwrap();
    std::os::unix::fs::symlink("../../file", ws.join("a/b/link")).unwrap();
    with_both(&[all_of(&ws)], |guest| {
        refused(guest.rename("a/b", "b"), ErrorCode::NotPermitted);
        guest.rename("a/b", "a/c").unwrap();
        guest.rename("a/c", "a/b").unwrap();
    });
}

#[test]
fn names_that_cannot_be_checked_are_not_moved() {
    use std::os::unix::ffi::OsStrExt;
    let temp = workspace();
    let ws = temp.path().join("ws");
    std::fs::write(ws.join("sub").join(std::ffi::OsStr::from_bytes(b"\xff\xfe")), "x").unwrap();
    with_both(&[all_of(&ws)], |guest| {
        refused(guest.rename("sub", "moved"), ErrorCode::Access);
        assert_eq!(guest.names("sub").unwrap(), ["inner"]);
        refused(guest.rmdir("sub"), ErrorCode::NotEmpty);
    });
}

#[test]
fn the_root_and_dots_are_not_moved_or_removed() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    with_both(&[all_of(&ws)], |guest| {
        for path in [".", "./", "sub/..", "sub/."] {
            refused(guest.rename(path, "moved"), ErrorCode::Busy);
            refused(guest.rename("sub", path), ErrorCode::Busy);
            refused(guest.rmdir(path), ErrorCode::Invalid);
            refused(guest.unlink(path), ErrorCode::IsDirectory);
            refused(guest.mkdir(path), ErrorCode::Exist);
        }
        refused(guest.rename("sub", "sub/inside"), ErrorCode::Invalid);
        refused(guest.rename("file/", "moved"), ErrorCode::NotDirectory);
        refused(guest.rename("file", "moved/"), ErrorCode::NotDirectory);
        refused(guest.rename("missing", "moved"), ErrorCode::NoEntry);
        refused(guest.rename("file", "missing/moved"), ErrorCode::NoEntry);
    });
}

#[test]
fn nothing_moves_between_grants() {
    let temp = workspace();
    let (ws, other) = (temp.path().join("ws"), temp.path().join("ws-secret"));
    with_both(&[all_of(&ws), all_of(&other)], |guest| {
        let (one, two) = (guest.roots[0], guest.roots[1]);
        refused(guest.rename_between(one, "file", two, "file"), ErrorCode::CrossDevice);
        refused(guest.link_between(one, "file", two, "file"), ErrorCode::CrossDevice);
        assert_eq!(guest.last_why(), Why::AcrossGrants);
    });
}

/// Two calls work together: one moves a directory, the other puts something in that may not be where it is moved to.
#[test]
fn nothing_slips_into_a_tree_between_the_look_and_the_move() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    for path in ["public", "staging"] {
        std::fs::create_dir(ws.join(path)).unwrap();
    }
    // Directories are looked into after the one that holds them: there is a while in which `staging` was seen already.
    for number in 0..100 {
        std::fs::create_dir(ws.join(format!("staging/{number}"))).unwrap();
    }
    let grant = DirectoryGrant { deny: patterns(&["public/**/denied"]), ..all_of(&ws) };
    let (mut mover, mut planter) = (Guest::new(std::slice::from_ref(&grant)), Guest::new(&[grant]));
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                if mover.rename("staging", "public/staging").is_ok() {
                    assert!(!ws.join("public/staging/denied").exists(), "a denied path came to be");
                    mover.rename("public/staging", "staging").unwrap();
                }
            }
        });
        for _ in 0..3000 {
            let _ = planter.write_file("staging/denied", CREATE, b"x");
            let _ = planter.unlink("staging/denied");
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
