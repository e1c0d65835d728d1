//! Ways out of a grant.

use toolhold_core::grant::Symlinks;

use super::super::Why;
use super::super::bindings::types::ErrorCode;
use super::support::*;

#[test]
fn no_spelling_of_dots_or_slashes_leaves_the_grant() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    for symlinks in [Symlinks::Deny, Symlinks::Follow, Symlinks::Create] {
        with_both(&[with_links(&ws, symlinks)], |guest| {
            for path in [
                "..",
                "../",
                "../canary",
                "./../canary",
                "sub/../../canary",
                "sub/./../..//canary",
                "../ws/file",
                "../ws-secret/canary",
                "sub/../../ws-secret/canary",
                "file/../../canary",
                "missing/../../canary",
                "sub/../../../../../../../../etc/passwd",
            ] {
                guest.read_file(path).expect_err(path);
                guest.stat(FOLLOW, path).expect_err(path);
                guest.list(path).expect_err(path);
                guest.write_file(path, CREATE, b"x").expect_err(path);
                guest.rename("file", path).expect_err(path);
                guest.rename(path, "stolen").expect_err(path);
                guest.link(path, "stolen").expect_err(path);
                guest.mkdir(path).expect_err(path);
                guest.unlink(path).expect_err(path);
                guest.rmdir(path).expect_err(path);
            }
            refused(guest.read_file("../canary"), ErrorCode::NotPermitted);
            assert_eq!(guest.last_why(), Why::Escape);
        });
    }
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 3);
}

#[test]
fn absolute_paths_are_refused_even_if_they_name_the_grant() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    with_both(&[all_of(&ws)], |guest| {
        for path in
            [ws.join("file").to_str().unwrap(), "/", "//", "/ws/file", "/proc/self/environ", "/dev/fd/0", "/etc/passwd"]
        {
            refused(guest.read_file(path), ErrorCode::NotPermitted);
            refused(guest.stat(keep(), path), ErrorCode::NotPermitted);
            refused(guest.mkdir(path), ErrorCode::NotPermitted);
        }
    });
}

#[test]
fn climbing_stops_at_the_directory_that_the_path_starts_from() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    with_both(&[all_of(&ws)], |guest| {
        let sub = guest.open("sub", DIRECTORY, READ).unwrap();
        refused(guest.open_at(sub, FOLLOW, "../file", plain(), READ), ErrorCode::NotPermitted);
        refused(guest.open_at(sub, FOLLOW, "..", DIRECTORY, READ), ErrorCode::NotPermitted);
        assert_eq!(guest.read_file("sub/../file").unwrap(), b"content");
        assert_eq!(guest.read_file("sub/../sub/./inner").unwrap(), b"inner");
        refused(guest.read_file("missing/../file"), ErrorCode::NoEntry);
        refused(guest.read_file("file/../file"), ErrorCode::NotDirectory);
    });
}

#[test]
fn odd_names_are_refused_or_taken_literally() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    with_both(&[all_of(&ws)], |guest| {
        for (path, code) in [
            ("", ErrorCode::NoEntry),
            ("fi\0le", ErrorCode::Invalid),
            ("file\0", ErrorCode::Invalid),
            (&"n".repeat(256), ErrorCode::NameTooLong),
            (&"n".repeat(4096), ErrorCode::NameTooLong),
            (&"n/".repeat(2049), ErrorCode::NameTooLong),
            ("file/", ErrorCode::NotDirectory),
            ("file/.", ErrorCode::NotDirectory),
            ("file/x", ErrorCode::NotDirectory),
            ("..\\canary", ErrorCode::NoEntry),
            ("sub\\inner", ErrorCode::NoEntry),
            ("C:\\canary", ErrorCode::NoEntry),
            ("%2e%2e/canary", ErrorCode::NoEntry),
        ] {
            refused(guest.read_file(path), code);
            refused(guest.stat(keep(), path), code);
        }
        let odd = "back\\slash \u{202e}bidi \n\t";
        guest.write_file(odd, CREATE | EXCLUSIVE, b"x").unwrap();
        assert!(guest.names(".").unwrap().contains(&odd.to_owned()));
        guest.unlink(odd).unwrap();
    });
}

#[test]
fn mounts_below_a_grant_are_not_crossed() {
    let root = std::path::Path::new("/");
    let grant = toolhold_core::grant::DirectoryGrant {
        guest: "/root".to_owned(),
        host: root.to_owned(),
        ..read_only_named(root)
    };
    with_both(&[grant], |guest| {
        for path in [
            "proc/self/environ",
            "proc/self/root/etc/passwd",
            "proc/self/fd/0",
            "proc/1/cwd",
            "proc",
            "dev/../proc/version",
        ] {
            refused(guest.open(path, plain(), READ), ErrorCode::Access);
            guest.stat(FOLLOW, path).expect_err(path);
        }
        assert_eq!(guest.last_why(), Why::MountPoint);
    });
}

fn read_only_named(host: &std::path::Path) -> toolhold_core::grant::DirectoryGrant {
    toolhold_core::grant::DirectoryGrant {
        host: host.to_owned(),
        guest: String::new(),
        read: patterns(&["**"]),
        write: patterns(&[]),
        deny: patterns(&[]),
        symlinks: Symlinks::Follow,
        atomic: true,
        labels: std::sync::Arc::default(),
    }
}

#[test]
fn a_path_outside_of_the_patterns_does_not_tell_whether_it_exists() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let grant = toolhold_core::grant::DirectoryGrant {
        read: patterns(&["sub/**"]),
        deny: patterns(&["sub/deny"]),
        ..all_of(&ws)
    };
    std::fs::write(ws.join("sub/deny"), "x").unwrap();
    let grant = toolhold_core::grant::DirectoryGrant { write: patterns(&[]), ..grant };
    with_both(&[grant], |guest| {
        for path in ["file", "missing", "missing/below", "file/below", "sub/deny", "sub/deny/below", "."] {
            if path != "." {
                refused(guest.read_file(path), ErrorCode::Access);
                refused(guest.stat(keep(), path), ErrorCode::Access);
                refused(guest.list(path), ErrorCode::Access);
            }
            guest.read_file(path).unwrap_err();
        }
        refused(guest.read_file("sub/missing"), ErrorCode::NoEntry);
        assert_eq!(guest.read_file("sub/inner").unwrap(), b"inner");
    });
}

#[test]
fn a_directory_that_was_replaced_by_a_link_is_not_followed_by_its_descriptor() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    with_both(&[with_links(&ws, Symlinks::Follow)], |guest| {
        let sub = guest.open("sub", DIRECTORY, READ).unwrap();
        std::fs::rename(ws.join("sub"), temp.path().join("moved-out")).unwrap();
        refused(guest.open_at(sub, FOLLOW, "inner", plain(), READ), ErrorCode::NoEntry);
        std::os::unix::fs::symlink("../ws-secret", ws.join("sub")).unwrap();
        guest.open_at(sub, FOLLOW, "canary", plain(), READ).unwrap_err();
        guest.open_at(sub, FOLLOW, "inner", CREATE, WRITE).unwrap_err();
        std::fs::remove_file(ws.join("sub")).unwrap();
        std::fs::rename(temp.path().join("moved-out"), ws.join("sub")).unwrap();
    });
}

#[test]
fn no_host_path_is_in_what_a_guest_sees() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    std::os::unix::fs::symlink(temp.path().join("canary"), ws.join("absolute")).unwrap();
    let mut guest = Guest::new(&[with_links(&ws, Symlinks::Follow)]);
    refused(guest.readlink("absolute"), ErrorCode::NotPermitted);
    let _ = guest.read_file("absolute").unwrap_err();
    let notes = format!("{:?}", guest.fs.notes());
    assert!(!notes.contains(temp.path().to_str().unwrap()), "{notes}");
}
