//! Symbolic and hard links.

use std::os::unix::fs::symlink;

use toolhold_core::grant::{DirectoryGrant, Symlinks};

use super::super::Why;
use super::super::bindings::types::{DescriptorType, ErrorCode};
use super::support::*;

#[test]
fn with_deny_a_link_can_be_seen_and_unlinked_and_nothing_else() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    on_disk_with_both(&[all_of(&ws)], |guest| {
        symlink("file", ws.join("link")).unwrap();
        symlink("sub", ws.join("dir")).unwrap();
        assert_eq!(guest.list(".").unwrap()[2], ("link".to_owned(), DescriptorType::SymbolicLink));
        assert_eq!(guest.stat(keep(), "link").unwrap().type_, DescriptorType::SymbolicLink);
        for answer in [
            guest.read_file("link").map(drop),
            guest.read_file("dir/inner").map(drop),
            guest.open_at(guest.root(), keep(), "link", plain(), READ).map(drop),
            guest.write_file("link", CREATE | TRUNCATE, b"x"),
            guest.write_file("dir/new", CREATE, b"x"),
            guest.stat(FOLLOW, "link").map(drop),
            guest.stat(keep(), "dir/inner").map(drop),
            guest.list("dir").map(drop),
            guest.readlink("link").map(drop),
            guest.rename("link", "moved"),
            guest.link("link", "second"),
            guest.mkdir("dir/new"),
            guest.unlink("dir/inner"),
            guest.set_times(FOLLOW, "link", super::super::bindings::types::NewTimestamp::Now),
            guest.set_times(keep(), "link", super::super::bindings::types::NewTimestamp::Now),
            guest.symlink("file", "new"),
        ] {
            refused(answer, ErrorCode::Access);
            assert_eq!(guest.last_why(), Why::Symlink);
        }
        guest.unlink("link").unwrap();
        guest.unlink("dir").unwrap();
        assert_eq!(guest.read_file("file").unwrap(), b"content");
    });
}

#[test]
fn with_follow_links_within_the_grant_are_followed_and_none_is_created() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    symlink("file", ws.join("link")).unwrap();
    symlink("../file", ws.join("sub/up")).unwrap();
    symlink("sub", ws.join("dir")).unwrap();
    symlink("dir/up", ws.join("chain")).unwrap();
    symlink("created", ws.join("dangling")).unwrap();
    on_disk_with_both(&[with_links(&ws, Symlinks::Follow)], |guest| {
        for path in ["link", "sub/up", "dir/up", "chain", "dir/../file", "sub/../dir/../chain"] {
            assert_eq!(guest.read_file(path).unwrap(), b"content", "{path}");
            assert_eq!(guest.stat(FOLLOW, path).unwrap().type_, DescriptorType::RegularFile);
        }
        assert_eq!(guest.read_file("dir/inner").unwrap(), b"inner");
        assert_eq!(guest.readlink("sub/up").unwrap(), "../file");
        assert_eq!(guest.names("dir").unwrap(), ["inner", "up"]);
        refused(guest.open_at(guest.root(), keep(), "link", plain(), READ), ErrorCode::Loop);
        refused(guest.symlink("file", "new"), ErrorCode::Access);
        guest.write_file("dangling", CREATE, b"by link").unwrap();
        assert_eq!(std::fs::read(ws.join("created")).unwrap(), b"by link");
        guest.unlink("created").unwrap();
        guest.write_file("dir/new", CREATE, b"x").unwrap();
        guest.unlink("dir/new").unwrap();
        refused(guest.write_file("link", CREATE | EXCLUSIVE, b"x"), ErrorCode::Exist);
    });
}

#[test]
fn no_planted_link_leads_out() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    symlink(temp.path().join("canary"), ws.join("absolute")).unwrap();
    symlink("../canary", ws.join("relative")).unwrap();
    symlink("..", ws.join("parent")).unwrap();
    symlink("sub/../../canary", ws.join("through")).unwrap();
    symlink("../ws-secret", ws.join("sibling")).unwrap();
    symlink("/proc/self/cwd", ws.join("magic")).unwrap();
    symlink("relative", ws.join("chain")).unwrap();
    symlink("../../canary", ws.join("sub/up")).unwrap();
    symlink("/", ws.join("root")).unwrap();
    for symlinks in [Symlinks::Deny, Symlinks::Follow, Symlinks::Create] {
        with_both(&[with_links(&ws, symlinks)], |guest| {
            for path in [
                "absolute",
                "relative",
                "parent/canary",
                "parent/ws/file",
                "through",
                "sibling/canary",
                "magic",
                "chain",
                "sub/up",
                "root/etc/passwd",
                "parent",
                "sibling",
                "root",
            ] {
                guest.read_file(path).expect_err(path);
                guest.open(path, plain(), READ).expect_err(path);
                guest.stat(FOLLOW, path).expect_err(path);
                guest.list(path).expect_err(path);
                guest.write_file(path, TRUNCATE, b"x").expect_err(path);
                guest.write_file(path, CREATE, b"x").expect_err(path);
                guest.link(path, "second").expect_err(path);
            }
            guest.mkdir("parent/new").unwrap_err();
            guest.rename("file", "parent/stolen").unwrap_err();
            guest.unlink("parent/canary").unwrap_err();
            guest.unlink("sibling/canary").unwrap_err();
        });
    }
    assert_eq!(std::fs::read(temp.path().join("canary")).unwrap(), b"canary");
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 3);
}

#[test]
fn a_link_that_could_lead_out_is_not_created() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    with_both(&[with_links(&ws, Symlinks::Create)], |guest| {
        for (target, path) in [
            ("../canary", "link"),
            ("/etc/passwd", "link"),
            ("sub/../../canary", "link"),
            ("sub/../file", "link"),
            ("../../canary", "sub/link"),
            ("..", "link"),
        ] {
            refused(guest.symlink(target, path), ErrorCode::NotPermitted);
        }
        refused(guest.symlink("", "link"), ErrorCode::NoEntry);
        refused(guest.symlink("a\0b", "link"), ErrorCode::Invalid);
        refused(guest.symlink("file", "file"), ErrorCode::Exist);
        guest.symlink("../file", "sub/link").unwrap();
        assert_eq!(guest.read_file("sub/link").unwrap(), b"content");
        // Moved up, the same target would lead out.
        refused(guest.rename("sub/link", "link"), ErrorCode::NotPermitted);
        guest.rename("sub/link", "sub/other").unwrap();
        guest.mkdir("sub/deep").unwrap();
        guest.rename("sub/other", "sub/deep/other").unwrap();
        refused(guest.read_file("sub/deep/other"), ErrorCode::NoEntry);
        guest.symlink("../../file", "sub/deep/far").unwrap();
        refused(guest.rename("sub/deep", "deep"), ErrorCode::NotPermitted);
        guest.unlink("sub/deep/far").unwrap();
        guest.unlink("sub/deep/other").unwrap();
        guest.rmdir("sub/deep").unwrap();
    });
}

#[test]
fn patterns_are_asked_about_the_link_and_about_where_it_leads() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    std::fs::create_dir(ws.join("secret")).unwrap();
    std::fs::write(ws.join("secret/key"), "key").unwrap();
    symlink("secret/key", ws.join("to-key")).unwrap();
    symlink("secret", ws.join("to-secret")).unwrap();
    symlink("../sub/inner", ws.join("secret/out")).unwrap();
    symlink("sub/inner", ws.join("to-inner")).unwrap();
    let grant = DirectoryGrant { deny: patterns(&["secret/**"]), ..with_links(&ws, Symlinks::Follow) };
    with_both(&[grant], |guest| {
        for path in ["to-key", "to-secret/key", "secret/out", "to-secret/out"] {
            refused(guest.read_file(path), ErrorCode::Access);
            refused(guest.stat(FOLLOW, path), ErrorCode::Access);
            refused(guest.write_file(path, TRUNCATE, b"x"), ErrorCode::Access);
        }
        assert_eq!(guest.read_file("to-inner").unwrap(), b"inner");
    });
    let grant = DirectoryGrant { read: patterns(&["sub/**", "to-inner"]), ..with_links(&ws, Symlinks::Follow) };
    with_both(&[DirectoryGrant { write: patterns(&[]), ..grant }], |guest| {
        assert_eq!(guest.read_file("to-inner").unwrap(), b"inner");
        refused(guest.read_file("to-key"), ErrorCode::Access);
    });
}

#[test]
fn endless_links_end() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    symlink("two", ws.join("one")).unwrap();
    symlink("one", ws.join("two")).unwrap();
    symlink("itself/x", ws.join("itself")).unwrap();
    symlink("bomb/bomb/bomb/bomb", ws.join("bomb")).unwrap();
    with_both(&[with_links(&ws, Symlinks::Follow)], |guest| {
        for path in ["one", "two/x", "itself", "bomb"] {
            refused(guest.read_file(path), ErrorCode::Loop);
        }
    });
}

#[test]
fn a_hard_link_stays_within_what_may_be_read_and_written() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    with_both(&[all_of(&ws)], |guest| {
        guest.link("file", "second").unwrap();
        assert_eq!(guest.stat(keep(), "file").unwrap().link_count, 2);
        refused(guest.link("sub", "dir"), ErrorCode::NotPermitted);
        refused(guest.link("file", "second"), ErrorCode::Exist);
        refused(guest.link("file/", "third"), ErrorCode::NotDirectory);
        refused(guest.link("../canary", "third"), ErrorCode::NotPermitted);
        refused(guest.link("file", "../third"), ErrorCode::NotPermitted);
        guest.unlink("second").unwrap();
    });
    for grant in [
        DirectoryGrant { read: patterns(&["sub/**"]), ..all_of(&ws) },
        DirectoryGrant { write: patterns(&["sub/**"]), ..all_of(&ws) },
        DirectoryGrant { deny: patterns(&["file"]), ..all_of(&ws) },
        DirectoryGrant { deny: patterns(&["sub/second"]), ..all_of(&ws) },
    ] {
        with_both(&[grant], |guest| refused(guest.link("file", "sub/second"), ErrorCode::Access));
    }
}

#[test]
fn an_exclusive_create_follows_no_link_at_its_end_whatever_leads_there() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    symlink("nowhere", ws.join("sub/dangling")).unwrap();
    symlink("sub", ws.join("way")).unwrap();
    with_both(&[with_links(&ws, Symlinks::Create)], |guest| {
        refused(guest.write_file("way/dangling", CREATE | EXCLUSIVE, b"x"), ErrorCode::Exist);
    });
    assert!(!ws.join("sub/nowhere").exists());
}
