//! Guests that try to leave their grant, end to end: the canary is never read, nothing outside is ever changed.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolhold_core::describe::SECTION;
use toolhold_core::outcome::Class;
use toolhold_core::policy::RunScope;
use toolhold_tests::test_host::{self, TestHost};
use toolhold_tests::{guests, wat_guest};

use crate::check::{directory, failed, hostile, names_no_host_path};

const CANARY: &str = "the canary sings";

/// A world around a grant: the granted `ws`, its sibling `ws-secret`, a canary in each place where none should be found.
struct World {
    root: TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { root: tempfile::tempdir().unwrap() };
        for directory in ["ws/sub", "ws/private", "ws-secret", "outside/inner"] {
            std::fs::create_dir_all(world.path(directory)).unwrap();
        }
        for canary in ["canary", "ws-secret/canary", "outside/canary", "outside/inner/canary", "ws/private/canary"] {
            std::fs::write(world.path(canary), CANARY).unwrap();
        }
        std::fs::write(world.path("ws/a.txt"), "a").unwrap();
        std::fs::write(world.path("ws/sub/b.txt"), "b").unwrap();
        world
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Symbolic links that somebody planted in the granted directory.
    fn plant_links(&self) {
        let outside = self.path("outside");
        for (link, target) in [
            ("absolute", outside.join("canary")),
            ("relative", "../outside/canary".into()),
            ("directory", outside.clone()),
            ("up", "..".into()),
            ("self", "self".into()),
            ("chain-1", "chain-2".into()),
            ("chain-2", "relative".into()),
            ("root", "/".into()),
            ("proc", "/proc/self/cwd".into()),
            ("sub/up", "../../outside".into()),
            ("to-private", "private/canary".into()),
        ] {
            symlink(target, self.path("ws").join(link)).unwrap();
        }
    }

    /// The names of everything outside of the grant, with its content.
    fn outside(&self) -> Vec<(PathBuf, Option<String>)> {
        let mut seen = Vec::new();
        for top in ["canary", "ws-secret", "outside", "ws/private"] {
            seen.extend(walkdir::WalkDir::new(self.path(top)).sort_by_file_name().into_iter().map(|entry| {
                let path = entry.unwrap().into_path();
                let content = std::fs::read_to_string(&path).ok();
                (path, content)
            }));
        }
        seen
    }
}

/// Every spelling of a way out, and of the denied directory `private`.
fn spellings(world: &World) -> Vec<String> {
    let outside = world.path("outside/canary").to_str().unwrap().to_owned();
    let long = format!("{}../outside/canary", "./".repeat(2000));
    let fixed = [
        "..",
        "../",
        "../.",
        "./..",
        "../ws-secret/canary",
        "../canary",
        "sub/../../canary",
        "sub/../../ws-secret/canary",
        "./../canary",
        "sub/./../../canary",
        "..//canary",
        "//canary",
        "/",
        "/canary",
        "/etc/passwd",
        "/work/../canary",
        "/proc/self/environ",
        "/proc/self/fd/0",
        "/dev/fd/0",
        "/dev/zero",
        "a.txt/../../canary",
        "a.txt/..",
        "a.txt/",
        "a.txt/.",
        "sub/..//../canary",
        "..\\canary",
        "...",
        "../ws/../canary",
        "missing/../../canary",
        "absolute",
        "relative",
        "directory/canary",
        "directory/inner/canary",
        "directory/inner/../canary",
        "up/canary",
        "up/outside/canary",
        "self",
        "self/x",
        "chain-1",
        "root/etc/passwd",
        "proc",
        "proc/canary",
        "sub/up/canary",
        "absolute/",
        "directory/",
        "directory/.",
        "directory/..",
        "up/",
        "to-private",
        "private/canary",
        "private/../private/canary",
        "sub/../private/canary",
        "./private//canary",
        "private",
        "private/",
        "private/.",
        "a.txt\0/../../canary",
        "\0",
        "",
        " ",
        "PRIVATE/../private/canary",
        "private/new",
    ];
    fixed
        .iter()
        .map(|path| (*path).to_owned())
        .chain([outside, long, "x".repeat(5000), "../".repeat(100) + "etc/passwd"])
        .collect()
}

fn escapes(world: &World, symlinks: &str) {
    let keys = format!("read = [\"**\"], write = [\"**\"], deny = [\"private/**\"], symlinks = \"{symlinks}\"");
    let host = hostile(&directory(&world.path("ws"), &keys));
    let before = world.outside();
    for path in spellings(world) {
        // Each alone: what one of them does to the guest's own files must not hide another.
        std::fs::write(world.path("ws/a.txt"), "a").unwrap();
        let reply = host.call("path_escapes", json!({"directory": "/work", "paths": [path]})).unwrap();
        names_no_host_path(&reply, &world.path("outside"));
        if let Ok(done) = &reply.outcome {
            assert!(!done.to_string().contains(CANARY), "{symlinks} {path:?}: {done}");
        }
        assert_eq!(world.outside(), before, "{symlinks} {path:?} changed something outside: {reply:?}");
    }
}

#[test]
pub(crate) fn path_escapes() {
    let world = World::new();
    escapes(&world, "deny");
    for symlinks in ["deny", "follow", "create"] {
        let world = World::new();
        world.plant_links();
        escapes(&world, symlinks);
    }
}

#[test]
fn with_links_denied_nothing_is_reached_through_one() {
    let world = World::new();
    world.plant_links();
    let host = hostile(&directory(&world.path("ws"), "read = [\"**\"], write = [\"**\"], deny = [\"private/**\"]"));
    for link in
        ["absolute", "relative", "directory/canary", "up/ws/a.txt", "chain-1", "root/etc/passwd", "sub/up/canary"]
    {
        let reply = host.call("read_flood", json!({"path": format!("/work/{link}")})).unwrap();
        assert!([Class::Denied, Class::Tool].contains(&reply.failure().unwrap().class), "{link}: {reply:?}");
    }
}

#[test]
pub(crate) fn links() {
    let world = World::new();
    let ways = ["symlink", "link", "link-follow", "rename"];
    let olds = ["../outside/canary", "../canary", "private/canary", "private", "/etc/passwd", "..", "../ws-secret"];
    let news = ["new", "../new", "sub/new", "private/new", "../outside/new", "/tmp/new"];
    let one =
        |how: &str, old: &str, new: &str| json!({"how": how, "from": "/work", "old": old, "to": "/work", "new": new});
    let mut tries: Vec<Value> = Vec::new();
    for how in ways {
        tries.extend(olds.iter().flat_map(|old| news.iter().map(move |new| one(how, old, new))));
        tries.extend(["../new", "private/new", "../outside/new", "/tmp/new"].iter().map(|new| one(how, "a.txt", new)));
    }
    for symlinks in ["deny", "create"] {
        let keys = format!("read = [\"**\"], write = [\"**\"], deny = [\"private/**\"], symlinks = \"{symlinks}\"");
        let before = world.outside();
        let host = hostile(&directory(&world.path("ws"), &keys));
        let done = host.call("links", json!({"tries": tries})).unwrap();
        // Links to what lies within the grant, be it denied or not there at all: they can be made, and lead nowhere.
        let within = match symlinks {
            "create" => {
                json!(["symlink /work:../outside/canary /work:sub/new", "symlink /work:private/canary /work:new"])
            }
            _ => json!([]),
        };
        assert_eq!(done.value().unwrap(), &within, "{symlinks}");
        for link in ["new", "sub/new"] {
            assert!(host.call("read_flood", json!({"path": format!("/work/{link}")})).unwrap().outcome.is_err());
        }
        assert_eq!(world.outside(), before);
    }
}

#[test]
fn nothing_is_moved_or_linked_between_grants_beyond_what_both_allow() {
    let world = World::new();
    std::fs::write(world.path("outside/own"), "own").unwrap();
    let (ws, outside) = (world.path("ws"), world.path("outside"));
    let grant = |path: &Path, guest: &str, keys: &str| format!("{{ host = {path:?}, guest = \"{guest}\", {keys} }}");
    let grants = format!(
        "directories = [{}, {}]\n",
        grant(&ws, "/work", "read = [\"**\"]"),
        grant(&outside, "/other", "read = [\"**\"], write = [\"**\"]"),
    );
    let one = |how: &str, from: &str, old: &str, to: &str, new: &str| json!({"how": how, "from": from, "old": old, "to": to, "new": new});
    let tries = ["rename", "link", "link-follow"].map(|how| {
        [
            one(how, "/work", "a.txt", "/other", "stolen"),
            one(how, "/other", "own", "/work", "planted"),
            one(how, "/work", "a.txt", "/work", "c"),
        ]
    });
    let done = hostile(&grants).call("links", json!({"tries": tries.concat()})).unwrap();
    assert_eq!(done.value().unwrap(), &json!([]));
    assert!(!world.path("ws/planted").exists() && !world.path("outside/stolen").exists());
}

#[test]
pub(crate) fn read_only() {
    let world = World::new();
    std::fs::create_dir(world.path("ws/empty")).unwrap();
    std::fs::write(world.path("outside/own"), "own").unwrap();
    let file = world.path("ws/a.txt");
    let before = std::fs::metadata(&file).unwrap();
    let grants = format!(
        "directories = [{{ host = {:?}, guest = \"/work\", read = [\"**\"] }}, {{ host = {:?}, guest = \"/other\", read = [\"**\"], write = [\"**\"] }}]\n",
        world.path("ws"),
        world.path("outside"),
    );
    let reply =
        hostile(&grants).call("read_only", json!({"directory": "/work", "name": "a.txt", "other": "/other"})).unwrap();
    assert_eq!(reply.value().unwrap(), &json!([]), "operations that the host did not refuse");
    let after = std::fs::metadata(&file).unwrap();
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a");
    let names: Vec<_> = walkdir::WalkDir::new(world.path("ws"))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .collect();
    assert_eq!(names.len(), 7, "{names:?}");
}

#[test]
pub(crate) fn special_files() {
    let world = World::new();
    let fifo = world.path("ws/fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(world.path("ws/socket")).unwrap();
    symlink("/dev/zero", world.path("ws/zero")).unwrap();
    symlink("fifo", world.path("ws/to-fifo")).unwrap();
    let keys = "read = [\"**\"], write = [\"**\"], symlinks = \"follow\"";
    let host = hostile(&format!("{}limits.time = \"30s\"", directory(&world.path("ws"), keys)));
    let names = ["fifo", "socket", "zero", "to-fifo", "fifo/", "../../dev/zero"];
    let reply = host.call("special_files", json!({"directory": "/work", "names": names})).unwrap();
    assert_eq!(reply.value().unwrap(), &json!([]), "none of them opens, none of them waits");
}

#[test]
fn a_missing_and_a_denied_path_of_the_host_look_the_same_outside_of_the_grant() {
    let world = World::new();
    let host = hostile(&directory(&world.path("ws"), "read = [\"sub/**\"]"));
    let message = |path: &str| {
        let reply = host.call("read_flood", json!({"path": path})).unwrap();
        failed(&reply, Class::Denied).message.clone()
    };
    assert_eq!(message("/work/a.txt"), message("/work/never-was.txt"));
}

#[test]
fn what_was_opened_for_one_run_is_not_handed_to_a_narrower_one() {
    let world = World::new();
    let host = hostile(&directory(&world.path("ws"), "read = [\"**\"], write = [\"**\"]"));
    let reads = |scope: &RunScope, path: &str| {
        let call = host.authorize_in(scope, "huge_listing", json!({"path": path})).unwrap();
        host.run(&call).unwrap().outcome.is_ok()
    };
    let narrow = RunScope::default().only_paths(["/work/sub/**"]).unwrap();
    assert!(reads(&RunScope::default(), "/work/private"), "a wide run opens the directory");
    assert!(!reads(&narrow, "/work/private"), "and a narrow one must not profit from that");
    assert!(reads(&narrow, "/work/sub"));
    assert!(reads(&RunScope::default(), "/work/private"));
}

#[test]
fn what_was_opened_for_one_tool_is_not_handed_to_another_that_needs_less() {
    let world = World::new();
    let need = |target: &str| json!([{"effect": "read", "target": target, "reason": "test"}]);
    let tool = |name: &str, target: &str| {
        let schema = json!({"type": "object", "properties": {"path": {"type": "string"}}});
        json!({"name": name, "title": "T", "description": "D", "input-schema": schema, "needs": need(target)})
    };
    // Two components with the same code and the same grant, of which one declares to need less.
    let component = |target: &str| {
        let section = json!({"format": 1, "tools": [tool("huge_listing", target)]}).to_string().into_bytes();
        wat_guest::with_section(&guests::component("hostile").unwrap(), SECTION, section)
    };
    let sandbox = test_host::shared().unwrap();
    let grants = directory(&world.path("ws"), "read = [\"**\"]");
    let wide = TestHost::new(&sandbox, &component("/**"), &grants).unwrap();
    let narrow = TestHost::new(&sandbox, &component("/work/sub/**"), &grants).unwrap();
    let listed =
        |host: &TestHost, path: &str| host.call("huge_listing", json!({"path": path})).unwrap().outcome.is_ok();
    assert!(listed(&wide, "/work/private"));
    assert!(!listed(&narrow, "/work/private"));
    assert!(listed(&narrow, "/work/sub"));
}
