//! One test per advisory of 2026 against the file system that we do not use, on ours.

use super::super::bindings::types::ErrorCode;
use super::support::*;

/// RUSTSEC-2026-0149: truncating on open was not taken for writing.
#[test]
fn rustsec_2026_0149_truncate_on_a_read_only_grant_is_refused_and_changes_nothing() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    with_both(&[read_only(&ws)], |guest| {
        for flags in [READ, WRITE, READ | WRITE, super::super::bindings::types::DescriptorFlags::empty()] {
            for open in [TRUNCATE, TRUNCATE | CREATE] {
                refused(guest.open("file", open, flags), ErrorCode::ReadOnly);
            }
        }
        let fd = guest.open("file", plain(), READ).unwrap();
        refused(guest.set_size(fd, 0), ErrorCode::ReadOnly);
        assert_eq!(std::fs::read(ws.join("file")).unwrap(), b"content");
    });
}

/// The same where a part of the grant may be written: a descriptor opened for reading cannot cut the file either.
#[test]
fn rustsec_2026_0149_truncate_outside_of_the_write_patterns_is_refused() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let grant = toolhold_core::grant::DirectoryGrant { write: patterns(&["sub/**"]), ..all_of(&ws) };
    with_both(&[grant], |guest| {
        refused(guest.open("file", TRUNCATE, READ), ErrorCode::Access);
        let fd = guest.open("sub/inner", plain(), READ).unwrap();
        refused(guest.set_size(fd, 0), ErrorCode::BadDescriptor);
        assert_eq!(std::fs::read(ws.join("sub/inner")).unwrap(), b"inner");
    });
}

/// RUSTSEC-2026-0188: only the source's rights were asked for when linking or moving into another directory.
#[test]
fn rustsec_2026_0188_links_and_moves_into_what_is_read_only_are_refused() {
    let temp = workspace();
    let (ws, other) = (temp.path().join("ws"), temp.path().join("ws-secret"));
    with_both(&[all_of(&ws), read_only(&other)], |guest| {
        let (from, to) = (guest.roots[0], guest.roots[1]);
        refused(guest.link_between(from, "file", to, "file"), ErrorCode::CrossDevice);
        refused(guest.rename_between(from, "file", to, "file"), ErrorCode::CrossDevice);
        refused(guest.rename_between(to, "canary", from, "canary"), ErrorCode::CrossDevice);
        refused(guest.link_between(to, "canary", from, "canary"), ErrorCode::CrossDevice);
        refused(guest.rename_between(to, "canary", to, "moved"), ErrorCode::ReadOnly);
        refused(guest.link_between(to, "canary", to, "linked"), ErrorCode::ReadOnly);
        assert_eq!(std::fs::read_dir(&other).unwrap().count(), 1);
        assert_eq!(std::fs::read_dir(&ws).unwrap().count(), 2);
    });
}

/// The same within one grant, by patterns.
#[test]
fn rustsec_2026_0188_links_and_moves_into_a_part_that_may_not_be_written_are_refused() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    let grant = toolhold_core::grant::DirectoryGrant { write: patterns(&["*"]), ..all_of(&ws) };
    with_both(&[grant], |guest| {
        let sub = guest.open("sub", DIRECTORY, READ).unwrap();
        refused(guest.rename_between(guest.root(), "file", sub, "file"), ErrorCode::Access);
        refused(guest.link_between(guest.root(), "file", sub, "file"), ErrorCode::Access);
        refused(guest.rename_between(sub, "inner", guest.root(), "inner"), ErrorCode::Access);
        refused(guest.link_between(sub, "inner", guest.root(), "inner"), ErrorCode::Access);
        assert_eq!(std::fs::read_dir(ws.join("sub")).unwrap().count(), 1);
    });
}

/// RUSTSEC-2026-0269: with a slash at its end, a path was followed through a link that led out.
#[test]
fn rustsec_2026_0269_a_trailing_slash_does_not_follow_a_link_out() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    std::os::unix::fs::symlink("../ws-secret", ws.join("relative")).unwrap();
    std::os::unix::fs::symlink(temp.path().join("ws-secret"), ws.join("absolute")).unwrap();
    for symlinks in [
        toolhold_core::grant::Symlinks::Deny,
        toolhold_core::grant::Symlinks::Follow,
        toolhold_core::grant::Symlinks::Create,
    ] {
        with_both(&[with_links(&ws, symlinks)], |guest| {
            for link in ["relative", "absolute"] {
                for end in ["/", "//", "/.", "/./", "/canary", "//canary", "/../ws-secret", "/canary/"] {
                    let path = format!("{link}{end}");
                    for (follow, open) in [
                        (FOLLOW, plain()),
                        (keep(), plain()),
                        (FOLLOW, DIRECTORY),
                        (keep(), DIRECTORY),
                        (FOLLOW, CREATE),
                    ] {
                        guest.open_at(guest.root(), follow, &path, open, READ).expect_err(&path);
                    }
                    guest.stat(FOLLOW, &path).expect_err(&path);
                    guest.stat(keep(), &path).expect_err(&path);
                    guest.list(&path).expect_err(&path);
                    guest.rename(&path, "stolen").expect_err(&path);
                    guest.unlink(&path).expect_err(&path);
                    guest.rmdir(&path).expect_err(&path);
                    guest.link(&path, "stolen").expect_err(&path);
                    guest.mkdir(&path).expect_err(&path);
                    guest.readlink(&path).expect_err(&path);
                }
            }
            assert_eq!(std::fs::read(temp.path().join("ws-secret/canary")).unwrap(), b"canary");
            assert!(!ws.join("stolen").exists());
        });
    }
}
