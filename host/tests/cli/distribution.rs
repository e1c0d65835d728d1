//! Components from elsewhere: seen before they are written, pinned, updated, gone back from.

use std::path::Path;

use crate::project::{Project, files, guest};
use crate::server::{Server, Speaks};
use crate::web::{Web, greedy, modest, rebuilt, retitled, version};

const GRANTS: &str = r#"
[[tools.files.directories]]
host = "work"
guest = "/work"
read = ["**"]
write = ["**"]

[[rules]]
name = "look around"
decision = "allow"
tools = ["files.*"]
"#;

/// A project without tools.
fn empty() -> Project {
    Project::new("# mine\nversion = 1\n")
}

/// With the modest version added from the web, grants and a rule.
fn added(web: &Web) -> Project {
    let project = empty();
    web.put("/files.wasm", &modest());
    let done = project.run(&["add", &web.url("/files.wasm"), "--yes"]);
    assert_eq!(done.code(), 0, "{}", done.said());
    let manifest = project.read("toolhold.toml");
    project.write("toolhold.toml", &format!("{manifest}{GRANTS}"));
    project
}

fn reads(project: &Project) {
    project.run(&["call", "files.read", "path=/work/notes.md"]).worked(&["# Notes"]);
}

#[test]
fn nothing_is_written_before_somebody_accepts_it() {
    let (project, web) = (empty(), Web::start());
    web.put("/files.wasm", &greedy());
    project.run(&["inspect", &web.url("/files.wasm")]).worked(&["nothing was run", "tidies up"]);
    let words =
        ["not signed", "files.read", "needs (nothing of it is granted) reads \"/work/**\"", "\"tidies up\"", "--yes"];
    project.run(&["add", &web.url("/files.wasm")]).failed(16, &words);
    web.put("/files.wasm", &version(|tools| tools[0]["needs"][0]["reason"] = "reads\u{1b}[2Jnothing".into()));
    let done = project.run(&["add", &web.url("/files.wasm"), "--yes"]);
    done.failed(3, &["hidden character U+001B"]);
    assert!(!done.said().contains('\u{1b}'), "{:?}", done.said());
    assert_eq!(project.read("toolhold.toml"), "# mine\nversion = 1\n");
    assert!(!project.path().join("toolhold.lock").exists() && !project.path().join(".toolhold").exists());
}

#[test]
fn what_is_added_is_granted_nothing_and_runs_without_a_network_once_it_is() {
    let web = Web::start();
    let project = empty();
    web.put("/files.wasm", &modest());
    let done = project.run(&["add", &web.url("/files.wasm"), "--yes"]);
    done.worked(&["files added, pinned to sha256:", "nothing is granted"]);
    let manifest = project.read("toolhold.toml");
    assert_eq!(manifest, format!("# mine\nversion = 1\n\n[tools.files]\nsource = \"{}\"\n", web.url("/files.wasm")));
    project.run(&["call", "files.read", "path=/work/notes.md"]).failed(5, &["denied"]);
    project.write("toolhold.toml", &format!("{manifest}{GRANTS}"));
    web.put("/files.wasm", b"something else by now");
    reads(&project);
    project.run(&["lock"]).worked(&["nothing changed"]);
    project.run(&["add", &web.url("/files.wasm"), "--yes"]).failed(3, &["has a component `files` already"]);
}

#[test]
fn a_path_is_added_as_the_manifest_would_name_it() {
    let project = empty();
    std::fs::create_dir(project.path().join("built")).unwrap();
    std::fs::write(project.path().join("built/files.wasm"), files()).unwrap();
    let path = project.path().join("built/../built/files.wasm");
    project.run(&["add", path.to_str().unwrap(), "--as", "mine", "--yes"]).worked(&["mine added"]);
    assert!(project.read("toolhold.toml").contains("[tools.mine]\nsource = \"built/files.wasm\"\n"));
    project.run(&["lock", "--check"]).worked(&["nothing changed"]);
}

#[test]
fn what_cannot_be_a_reference_or_a_component_is_an_error() {
    let (project, web) = (empty(), Web::start());
    for (reference, code, words) in [
        ("oci://example.com/../files:1", 2, "is not a repository"),
        ("oci://example.com/files", 2, "names no version"),
        ("ftp://example.com/files.wasm", 2, "are not loaded from `ftp:`"),
        ("https://me:secret@example.com/files.wasm", 2, "user or password"),
        ("http://example.com/files.wasm", 1, "without TLS"),
        ("/nowhere/files.wasm", 3, "cannot be read"),
        ("work", 3, "regular file"),
        (&web.url("/not-there.wasm"), 1, "404"),
        (&web.url("/a..b"), 2, "--as NAME"),
    ] {
        project.run(&["add", reference, "--yes"]).failed(code, &[words]);
    }
    web.put("/files.wasm", b"<html>");
    project.run(&["add", &web.url("/files.wasm"), "--yes"]).failed(3, &["not a WebAssembly component"]);
    assert_eq!(project.read("toolhold.toml"), "# mine\nversion = 1\n");
    assert!(!project.path().join("toolhold.lock").exists());
}

#[test]
fn a_person_at_a_terminal_is_asked_and_only_yes_is_yes() {
    let project = empty();
    for answer in ["n\n", "\n", "yeah\n"] {
        let done = project.run_at_a_terminal(&["add", "files.wasm"], answer);
        assert_eq!(done.code(), 16, "{}", done.printed());
        assert!(done.printed().contains("not signed? [y/N]"), "{}", done.printed());
        assert!(!project.path().join("toolhold.lock").exists(), "{answer:?}");
    }
    project.run_at_a_terminal(&["add", "files.wasm"], "y\n").worked(&[
        "accept files, sha256:",
        "not signed? [y/N]",
        "files added, pinned to sha256:",
    ]);
    assert!(project.read("toolhold.toml").contains("[tools.files]\nsource = \"files.wasm\"\n"));
}

#[test]
fn what_somebody_else_writes_while_a_person_thinks_is_not_written_over() {
    let web = Web::start();
    let project = added(&web);
    web.put("/files.wasm", &rebuilt());
    let update = ["update", "files"];
    for file in ["toolhold.lock", "toolhold.toml"] {
        let edited = format!("{}\n# somebody else's\n", project.read(file));
        let done = project.run_at_a_terminal_while(&update, || project.write(file, &edited));
        assert_eq!(done.code(), 16, "{}", done.printed());
        assert!(done.printed().contains("was changed meanwhile"), "{}", done.printed());
        assert_eq!(project.read(file), edited);
    }
    let lock = project.read("toolhold.lock");
    let back = || project.write("toolhold.toml", &project.read("toolhold.toml").replace("# somebody else's\n", ""));
    assert_eq!(project.run_at_a_terminal_while(&["add", "files.wasm", "--as", "mine"], back).code(), 16);
    assert_eq!(project.read("toolhold.lock"), lock);
    assert_eq!(project.run_at_a_terminal_while(&update, || ()).code(), 0);
    let second = project.read("toolhold.lock");
    let done = project.run_at_a_terminal_while(&["lock", "--back"], || project.write("toolhold.lock", &lock));
    assert_eq!(done.code(), 16, "{}", done.printed());
    project.write("toolhold.lock", &second);
    assert_eq!(project.run_at_a_terminal_while(&["lock", "--back"], || ()).code(), 0);
}

#[test]
fn a_program_comes_with_the_manifest_that_says_how_it_is_called() {
    let (project, web) = (empty(), Web::start());
    web.put("/prog.wasm", &guest("command"));
    let words = ["this is a program", "toolhold update prog"];
    let done = project.run(&["add", &web.url("/prog.wasm"), "--yes"]);
    done.failed(3, &words);
    assert_eq!(project.read("toolhold.toml"), "# mine\nversion = 1\n");
    // The lines that are named are lines that work.
    let lines = done.said().split_once("`toolhold update prog`\n").unwrap().1.to_owned();
    project.write("toolhold.toml", &format!("version = 1\n{lines}"));
    project.run(&["update", "--yes", "--accept-needs"]).worked(&["1 component pinned anew"]);
    project.run(&["tools"]).worked(&["prog.run"]);
    std::fs::remove_file(project.path().join("toolhold.lock")).unwrap();
    let command = "[tools.prog.commands.cat]\ndescription = \"Prints a file.\"\nargv = [\"cat\", \"{path}\"]\n\
                   input = { properties.path.type = \"string\", required = [\"path\"] }\n";
    let grants = GRANTS.replace("files", "prog");
    let source = web.url("/prog.wasm");
    project.write("toolhold.toml", &format!("version = 1\n[tools.prog]\nsource = \"{source}\"\n{command}{grants}"));
    // The manifest grants it something already, and nobody has seen it.
    project.run(&["update", "--yes"]).failed(16, &["nothing of it was ever accepted", "--accept-needs"]);
    project.run(&["update", "--yes", "--accept-needs"]).worked(&["1 component pinned anew"]);
    web.put("/prog.wasm", b"gone");
    project.run(&["call", "prog.cat", "path=/work/notes.md"]).worked(&["# Notes"]);
}

/// A program that asks for nothing.
const BARE: &str = r#"(component
  (core module $program (func (export "run") (result i32) (i32.const 0)))
  (core instance $instance (instantiate $program))
  (func $run (result (result)) (canon lift (core func $instance "run")))
  (instance $interface (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $interface)))"#;

#[test]
fn a_program_that_imports_more_than_before_asks_for_more() {
    let (project, web) = (empty(), Web::start());
    web.put("/prog.wasm", &toolhold_tests::wat_guest::from_text(BARE, "").unwrap());
    let command = "[tools.prog.commands.cat]\ndescription = \"Prints a file.\"\nargv = [\"cat\", \"{path}\"]\n\
                   input = { properties.path.type = \"string\", required = [\"path\"] }\n";
    let (grants, source) = (GRANTS.replace("files", "prog"), web.url("/prog.wasm"));
    project.write("toolhold.toml", &format!("version = 1\n[tools.prog]\nsource = \"{source}\"\n{command}{grants}"));
    project.run(&["update", "--yes", "--accept-needs"]).worked(&["1 component pinned anew"]);
    let lock = project.read("toolhold.lock");
    web.put("/prog.wasm", &guest("command"));
    project
        .run(&["update", "--yes"])
        .failed(16, &["more:", "`cat` writes \"/**\"", "meets `/work` write", "--accept-needs"]);
    assert_eq!(project.read("toolhold.lock"), lock);
    project.run(&["update", "--yes", "--accept-needs"]).worked(&["1 component pinned anew"]);
    // What was pinned is what a host compares when it opens.
    project.run(&["lock", "--check"]).worked(&["nothing changed"]);
    project.run(&["call", "prog.cat", "path=/work/notes.md"]).worked(&["# Notes"]);
}

#[test]
fn an_author_cannot_pass_for_the_host() {
    let (project, web) = (empty(), Web::start());
    let forged = "all of it\" (granted)                                          more: nothing";
    web.put("/files.wasm", &version(|tools| tools[0]["needs"][0]["reason"] = forged.into()));
    let done = project.run(&["add", &web.url("/files.wasm")]);
    done.failed(16, &["\"all of it\\\" (granted) more: nothing\""]);
    let many = version(|tools| {
        let need = serde_json::json!({ "effect": "read", "target": "/x/**", "reason": "y" });
        tools[0]["needs"] = vec![need; 30].into();
        let tool = tools[0].clone();
        *tools = (0..20).map(|number| serde_json::json!({ "name": format!("read{number}") })).collect();
        tools.iter_mut().for_each(|other| {
            let name = other["name"].clone();
            *other = tool.clone();
            other["name"] = name;
        });
    });
    web.put("/files.wasm", &many);
    let done = project.run(&["add", &web.url("/files.wasm")]);
    done.failed(16, &["more lines are not shown"]);
    assert!(done.said().lines().count() < 100, "{}", done.said());
}

#[test]
fn a_server_must_show_who_it_is() {
    let (project, server) = (empty(), Server::start("localhost", Speaks::Http1));
    let address = format!("https://localhost:{}/files.wasm", server.port);
    let other = Server::start("localhost", Speaks::Http1);
    let add = |authority: &Path| {
        project.run_with(&[("SSL_CERT_FILE", authority.to_str().unwrap())], &["add", &address, "--yes"])
    };
    add(&other.authority()).failed(1, &["cannot be reached", "certificate"]);
    assert!(server.heads().is_empty());
    add(&server.authority()).failed(16, &["signatures that came with it cannot be used"]);
    assert_eq!(server.heads().len(), 2, "the component and its signatures");
}

#[test]
fn an_update_that_asks_for_no_more_is_pinned_and_one_that_asks_for_more_is_refused_until_it_is_accepted() {
    let web = Web::start();
    let project = added(&web);
    let lock = || project.read("toolhold.lock");
    let first = lock();
    project.run(&["update"]).worked(&["nothing is newer"]);
    web.put("/files.wasm", &rebuilt());
    project.run(&["update"]).failed(16, &["nobody accepted it"]);
    assert_eq!(lock(), first);
    project.run(&["update", "--yes"]).worked(&["1 component pinned anew"]);
    let second = lock();
    web.put("/files.wasm", &greedy());
    let done = project.run(&["update", "files", "--yes"]);
    done.failed(16, &["more:", "`read` writes \"/work/**\"", "meets `/work` write", "--yes --accept-needs"]);
    assert_eq!(lock(), second);
    reads(&project);
    project.run(&["update", "--yes", "--accept-needs"]).worked(&["1 component pinned anew"]);
    assert_ne!(lock(), second);
    web.put("/files.wasm", &retitled());
    let words = ["more:", "`read` has another title or description", "--accept-needs"];
    project.run(&["update", "--yes"]).failed(16, &words);
    project.run(&["update", "mail"]).failed(2, &["no component `mail`"]);
}

#[test]
fn going_back_needs_no_network() {
    let web = Web::start();
    let project = added(&web);
    let first = project.read("toolhold.lock");
    web.put("/files.wasm", &rebuilt());
    assert_eq!(project.run(&["update", "--yes"]).code(), 0);
    web.put("/files.wasm", b"gone");
    let second = project.read("toolhold.lock");
    let done = project.run(&["lock", "--back"]);
    done.failed(16, &["files: sha256:", " instead of sha256:", "--yes"]);
    assert_eq!(project.read("toolhold.lock"), second, "nobody said so");
    project.run(&["lock", "--back", "--yes"]).worked(&["went back"]);
    assert_eq!(project.read("toolhold.lock"), first);
    reads(&project);
    project.run(&["lock", "--back", "--yes"]).failed(3, &["there is no lock file before this one"]);
    assert_eq!(project.read("toolhold.lock"), first, "and never forward");
    for damaged in [&b""[..], b"version = 9\n", b"\xff\xfe"] {
        std::fs::write(project.path().join("toolhold.lock"), damaged).unwrap();
        project.run(&["lock", "--back", "--yes"]).worked(&["went back"]);
        assert_eq!(project.read("toolhold.lock"), first, "the last that could be read, not what was gone back from");
    }
}

#[test]
fn going_back_takes_away_no_tool_that_was_added_since() {
    let web = Web::start();
    let project = added(&web);
    web.put("/files.wasm", &rebuilt());
    assert_eq!(project.run(&["update", "--yes"]).code(), 0);
    web.put("/later.wasm", &modest());
    assert_eq!(project.run(&["add", &web.url("/later.wasm"), "--yes"]).code(), 0);
    let later = project.read("toolhold.lock").split("[components.later]").nth(1).unwrap().to_owned();
    project.run(&["lock", "--back", "--yes"]).worked(&["went back", " instead of ", "later: "]);
    assert_eq!(project.read("toolhold.lock").split("[components.later]").nth(1).unwrap(), later);
    reads(&project);
}

#[test]
fn a_file_that_was_built_anew_is_gone_back_from_too() {
    let project = Project::locked();
    let first = project.read("toolhold.lock");
    std::fs::write(project.path().join("files.wasm"), modest()).unwrap();
    project.run(&["call", "files.list", "path=/work"]).failed(9, &["is not what the lock file pins"]);
    assert_eq!(project.run(&["lock"]).code(), 0, "the rules name tools that are gone, which only running tells");
    project.run(&["lock", "--back", "--yes"]).worked(&["went back"]);
    assert!(project.read("toolhold.lock").contains("held = true"));
    let checked = project.run(&["lock", "--check"]);
    checked.worked(&["nothing changed"]);
    assert!(checked.said().contains("`files` runs from the store"), "{}", checked.said());
    project.run(&["lock", "--back", "--yes"]).failed(3, &["there is no lock file before this one"]);
    project.run(&["call", "files.list", "path=/work"]).worked(&["notes.md"]);
    std::fs::write(project.path().join("files.wasm"), files()).unwrap();
    project.run(&["lock"]).worked(&["pinned in"]);
    assert_eq!(project.read("toolhold.lock"), first, "it is its file again");
    std::fs::write(project.path().join("files.wasm"), modest()).unwrap();
    project.run(&["lock", "--check"]).failed(9, &["does not pin what is there"]);
}

#[test]
fn after_a_clone_the_pinned_bytes_are_fetched_and_no_others() {
    let web = Web::start();
    let project = added(&web);
    std::fs::remove_dir_all(project.path().join(".toolhold")).unwrap();
    project.run(&["call", "files.read", "path=/work/notes.md"]).failed(9, &["toolhold fetch"]);
    web.put("/files.wasm", &greedy());
    project.run(&["fetch"]).failed(9, &["is not what it is said to be"]);
    web.put("/files.wasm", &modest());
    project.run(&["fetch"]).worked(&["1 fetched"]);
    reads(&project);
    project.run(&["fetch"]).worked(&["everything is here"]);
}

#[test]
fn what_can_be_fetched_is_although_something_else_cannot() {
    let web = Web::start();
    let project = added(&web);
    for name in ["alpha", "zeta"] {
        let path = format!("/{name}.wasm");
        web.put(&path, &version(|tools| tools[0]["title"] = name.into()));
        assert_eq!(project.run(&["add", &web.url(&path), "--yes"]).code(), 0);
    }
    std::fs::remove_dir_all(project.path().join(".toolhold")).unwrap();
    web.put("/alpha.wasm", b"gone");
    let done = project.run(&["fetch", "--json"]);
    done.failed(9, &["alpha: ", "is not what it is said to be", "cannot be fetched: alpha"]);
    assert!(done.printed().contains("\"zeta\"") && done.printed().contains("\"files\""), "{}", done.printed());
    let store = project.path().join(".toolhold/store/sha256");
    assert_eq!(std::fs::read_dir(&store).unwrap().count(), 2);
    // The lock file counts as known: what empties the store leaves these alone.
    let locks = project.path().join(".toolhold/locks");
    let kept = std::fs::read_dir(std::fs::read_dir(locks).unwrap().next().unwrap().unwrap().path()).unwrap();
    assert_eq!(kept.count(), 1);
}

#[test]
fn a_changed_byte_in_the_store_runs_nothing() {
    let web = Web::start();
    let project = added(&web);
    reads(&project);
    let store = project.path().join(".toolhold/store/sha256");
    let entry = std::fs::read_dir(&store).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&entry).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&entry, &bytes).unwrap();
    project.run(&["call", "files.read", "path=/work/notes.md"]).failed(9, &["is damaged"]);
    project.run(&["fetch"]).worked(&["1 fetched"]);
    reads(&project);
}

#[test]
fn a_source_that_was_written_by_hand_runs_nothing_until_it_was_seen() {
    let web = Web::start();
    let project = added(&web);
    web.put("/other.wasm", &rebuilt());
    let manifest = project.read("toolhold.toml");
    project.write("toolhold.toml", &manifest.replace("/files.wasm", "/other.wasm"));
    project.run(&["call", "files.read", "path=/work/notes.md"]).failed(9, &["never accepted", "toolhold update files"]);
    project.run(&["lock"]).failed(9, &["toolhold update files"]);
    project.run(&["update", "--yes"]).worked(&["1 component pinned anew"]);
    reads(&project);
}

#[test]
fn no_tool_reaches_the_store() {
    let web = Web::start();
    let project = added(&web);
    let manifest = project.read("toolhold.toml");
    project.write("toolhold.toml", &manifest.replace("host = \"work\"", "host = \".\""));
    reads_nothing(&project, ".toolhold/store");
    let entry = std::fs::read_dir(project.path().join(".toolhold/store/sha256")).unwrap().next().unwrap().unwrap();
    reads_nothing(&project, &format!(".toolhold/store/sha256/{}", entry.file_name().to_str().unwrap()));
}

fn reads_nothing(project: &Project, path: &str) {
    let done = project.run(&["call", "files.read", &format!("path=/work/{path}")]);
    assert_eq!(done.code(), 5, "{path}: {}{}", done.printed(), done.said());
}
