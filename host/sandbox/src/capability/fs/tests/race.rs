//! Somebody changes the disk while a guest's path is resolved.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use toolhold_core::grant::{DirectoryGrant, Symlinks};

use super::support::*;

/// How often the path is swapped while it is opened.
const SWAPS: usize = 20_000;

/// Runs `swap` over and over while `guest` is at work.
fn while_swapping(swap: impl Fn() + Send + Sync, mut guest: impl FnMut()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..SWAPS / 2 {
                swap();
            }
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            guest();
        }
    });
}

fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap();
}

#[test]
fn a_file_swapped_for_a_link_out_never_gives_the_canary() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    symlink("../canary", ws.join("link")).unwrap();
    std::fs::write(ws.join("real"), "content").unwrap();
    for symlinks in [Symlinks::Deny, Symlinks::Follow] {
        with_both(&[with_links(&ws, symlinks)], |guest| {
            let (link, real, victim) = (ws.join("link"), ws.join("real"), ws.join("victim"));
            while_swapping(
                || {
                    rename(&link, &victim);
                    rename(&victim, &link);
                    rename(&real, &victim);
                    rename(&victim, &real);
                },
                || {
                    if let Ok(bytes) = guest.read_file("victim") {
                        assert_eq!(bytes, b"content");
                    }
                    let _ = guest.write_file("victim", plain(), b"content");
                    let _ = guest.stat(FOLLOW, "victim").map(|stat| assert_eq!(stat.size, 7));
                },
            );
        });
    }
    assert_eq!(std::fs::read(temp.path().join("canary")).unwrap(), b"canary");
}

#[test]
fn a_directory_swapped_for_a_link_out_never_gives_the_canary() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    std::fs::create_dir(ws.join("real")).unwrap();
    std::fs::write(ws.join("real/canary"), "content").unwrap();
    symlink("../ws-secret", ws.join("link")).unwrap();
    std::fs::write(temp.path().join("ws-secret/outside"), "").unwrap();
    for symlinks in [Symlinks::Deny, Symlinks::Follow] {
        with_both(&[with_links(&ws, symlinks)], |guest| {
            let (link, real, victim) = (ws.join("link"), ws.join("real"), ws.join("victim"));
            while_swapping(
                || {
                    rename(&link, &victim);
                    rename(&victim, &link);
                    rename(&real, &victim);
                    rename(&victim, &real);
                },
                || {
                    if let Ok(bytes) = guest.read_file("victim/canary") {
                        assert_eq!(bytes, b"content");
                    }
                    if let Ok(names) = guest.names("victim") {
                        assert!(!names.contains(&"outside".to_owned()));
                    }
                    let _ = guest.write_file("victim/planted", CREATE, b"x");
                    let _ = guest.unlink("victim/planted");
                    let _ = guest.mkdir("victim/directory");
                    let _ = guest.rmdir("victim/directory");
                },
            );
        });
    }
    assert_eq!(std::fs::read_dir(temp.path().join("ws-secret")).unwrap().count(), 2);
    assert_eq!(std::fs::read(temp.path().join("ws-secret/canary")).unwrap(), b"canary");
}

#[test]
fn a_link_swapped_between_what_is_allowed_and_what_is_denied_never_gives_what_is_denied() {
    let temp = workspace();
    let ws = temp.path().join("ws");
    std::fs::create_dir(ws.join("denied")).unwrap();
    std::fs::write(ws.join("denied/inner"), "canary").unwrap();
    symlink("sub", ws.join("one")).unwrap();
    symlink("denied", ws.join("two")).unwrap();
    let grant = DirectoryGrant { deny: patterns(&["denied"]), ..with_links(&ws, Symlinks::Follow) };
    with_both(&[grant], |guest| {
        let (one, two, victim) = (ws.join("one"), ws.join("two"), ws.join("victim"));
        while_swapping(
            || {
                rename(&one, &victim);
                rename(&victim, &one);
                rename(&two, &victim);
                rename(&victim, &two);
            },
            || {
                if let Ok(bytes) = guest.read_file("victim/inner") {
                    assert_eq!(bytes, b"inner");
                }
                if let Ok(bytes) = guest.read_file("victim/../victim/./inner") {
                    assert_eq!(bytes, b"inner");
                }
            },
        );
    });
}
