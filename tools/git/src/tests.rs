//! The tools through the dispatch that the host uses, on repositories that git made, held against what git itself says.

mod attacks;

use std::fs;
use std::path::Path;
use std::process::Command;

use granted::testing::Fixture;
use toolhold_sdk::serde_json::{Value, json};
use toolhold_sdk::testing::{call, tools};
use toolhold_sdk::{Effect, Error};

use crate::COMPONENT;

/// Runs git in a directory, as nobody in particular.
fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs([
            ("HOME", "/nowhere"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_COMMITTER_NAME", "Cy"),
            ("GIT_COMMITTER_EMAIL", "c@x"),
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Writes files and makes a commit of them, at a time of its own.
fn commit(fixture: &Fixture, number: u32, author: &str, message: &str, files: &[(&str, &str)]) -> String {
    for (name, text) in files {
        fixture.put(&format!("repo/{name}"), text.as_bytes());
    }
    let root = fixture.at("repo");
    git(&root, &["add", "-A"]);
    let date = format!("{} +0130", 1_700_000_000 + number * 3600);
    let output = Command::new("git")
        .args(["-c", "commit.gpgsign=false", "commit", "--quiet", "--allow-empty", "-m", message])
        .current_dir(&root)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs([
            ("HOME", "/nowhere"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", author),
            ("GIT_AUTHOR_EMAIL", "a@x"),
        ])
        .envs([
            ("GIT_COMMITTER_NAME", "Cy"),
            ("GIT_COMMITTER_EMAIL", "c@x"),
            ("GIT_AUTHOR_DATE", &date),
            ("GIT_COMMITTER_DATE", &date),
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    git(&root, &["rev-parse", "HEAD"]).trim().to_owned()
}

/// A repository with a branch, a merge, a tag, a link and a deleted file.
fn repository() -> Fixture {
    let fixture = Fixture::new(&[("repo/a.txt", "1\n2\n3\n")]);
    let root = fixture.at("repo");
    git(&root, &["init", "--quiet"]);
    commit(&fixture, 0, "Ada", "First\n\nWith a body.", &[("sub/b.txt", "b\n"), ("gone", "x\n")]);
    fs::remove_file(fixture.at("repo/gone")).unwrap();
    commit(&fixture, 1, "Ben", "Second", &[("a.txt", "1\ntwo\n3\n")]);
    git(&root, &["tag", "v1"]);
    git(&root, &["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    commit(&fixture, 2, "Ada", "On the side", &[("sub/c.txt", "c\n"), ("a.txt", "1\n2\n3\nfour\n")]);
    git(&root, &["checkout", "--quiet", "main"]);
    let merge = ["merge", "--quiet", "--no-ff", "-m", "Merged", "side"];
    git(&root, &[&["-c", "user.name=Ada", "-c", "user.email=a@x"][..], &merge[..]].concat());
    std::os::unix::fs::symlink("a.txt", fixture.at("repo/link")).unwrap();
    commit(&fixture, 200_000, "Ada", "Grün", &[("sub/b.txt", "b\nb2\n")]);
    git(&root, &["-c", "user.name=T", "-c", "user.email=t@x", "tag", "-a", "-m", "a tag", "v2"]);
    fixture
}

fn ok(fixture: &Fixture, tool: &str, mut arguments: Value) -> Value {
    arguments["repository"] = json!(fixture.path("repo"));
    call(&COMPONENT, tool, arguments).value()
}

fn fails(fixture: &Fixture, tool: &str, mut arguments: Value) -> Error {
    arguments["repository"] = json!(fixture.path("repo"));
    call(&COMPONENT, tool, arguments).error()
}

/// The names of commits, as git and as the tool list them.
fn logs(fixture: &Fixture, arguments: &Value, git_arguments: &[&str]) {
    let listed = ok(fixture, "log", arguments.clone());
    let ours: Vec<&str> =
        listed["commits"].as_array().unwrap().iter().map(|one| one["commit"].as_str().unwrap()).collect();
    let theirs = git(&fixture.at("repo"), &[&["log", "--format=%H"][..], git_arguments].concat());
    assert_eq!(ours, theirs.lines().collect::<Vec<_>>(), "{arguments}");
}

/// What must hold of the repository, however it is stored.
fn check(fixture: &Fixture) {
    let root = fixture.at("repo");
    logs(fixture, &json!({}), &[]);
    logs(fixture, &json!({"path": "a.txt"}), &["--", "a.txt"]);
    logs(fixture, &json!({"path": "sub/"}), &["--", "sub"]);
    logs(fixture, &json!({"path": "gone"}), &["--", "gone"]);
    logs(fixture, &json!({"revision": "side", "not": "v1"}), &["v1..side"]);
    logs(fixture, &json!({"author": "Ben"}), &["--author=Ben"]);
    logs(fixture, &json!({"limit": 2, "skip": 1}), &["-2", "--skip=1"]);
    for revision in [
        "HEAD",
        "@",
        "main",
        "side",
        "v1",
        "v2",
        "HEAD~1",
        "v2~2",
        "v2^^2",
        "v2~1^2~1",
        "refs/heads/side",
        "heads/side",
    ] {
        let shown = ok(fixture, "show", json!({"revision": revision}));
        assert_eq!(
            shown["commit"],
            json!(git(&root, &["rev-parse", &format!("{revision}^{{commit}}")]).trim()),
            "{revision}"
        );
        let names = ["log", "-1", "-m", "--first-parent", "--name-only", "--format=", revision];
        let theirs = git(&root, &names);
        let ours: Vec<&str> =
            shown["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
        assert_eq!(ours, theirs.lines().collect::<Vec<_>>(), "{revision}");
        let short = shown["commit"].as_str().unwrap().get(..9).unwrap();
        assert_eq!(ok(fixture, "show", json!({"revision": short}))["commit"], shown["commit"]);
    }
    let lines = git(&root, &["blame", "-l", "--root", "a.txt"]);
    let theirs: Vec<&str> = lines.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let blamed = ok(fixture, "blame", json!({"path": "a.txt"}));
    let ours: Vec<&str> = blamed["origins"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|origin| vec![origin["commit"].as_str().unwrap(); origin["lines"].as_array().unwrap().len()])
        .collect();
    assert_eq!((ours, blamed["total_lines"].as_u64()), (theirs, Some(4)));
}

#[test]
fn nothing_is_written() {
    for tool in tools(&COMPONENT) {
        let writes = tool.needs.iter().any(|need| need.effect != Effect::Read);
        assert!(!writes && tool.hints.read_only && tool.hints.idempotent, "{}", tool.name);
    }
}

#[test]
fn it_says_what_git_says() {
    check(&repository());
}

#[test]
fn packs_with_differences_are_read() {
    let fixture = repository();
    let root = fixture.at("repo");
    // Versions of a large file, which git keeps as differences of each other.
    let text = |version: u32| {
        (0..3000)
            .map(|line| if line == version * 7 { format!("changed {version}\n") } else { format!("line {line}\n") })
            .collect::<String>()
    };
    for version in 0..12 {
        commit(&fixture, 200_001 + version, "Ada", "large", &[("large", &text(version))]);
    }
    git(&root, &["gc", "--quiet", "--aggressive"]);
    assert!(!fixture.names().iter().any(|name| name.contains("objects/0") && !name.ends_with('/')), "all is packed");
    check(&fixture);
    for back in [0, 5, 11] {
        let old = ok(&fixture, "read", json!({"path": "large", "revision": format!("HEAD~{back}")}));
        assert_eq!(old["text"], json!(text(11 - back)));
    }
    assert_eq!(ok(&fixture, "refs", json!({}))["head_branch"], json!("main"));
}

#[test]
fn branches_and_tags_are_named() {
    let fixture = repository();
    let refs = ok(&fixture, "refs", json!({}));
    let names = |list: &Value| {
        list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (names(&refs["branches"]), names(&refs["tags"])),
        (vec!["main".to_owned(), "side".to_owned()], vec!["v1".to_owned(), "v2".to_owned()])
    );
    assert_eq!(refs["tags"][1]["commit"], refs["head"], "the commit behind the tag");
    git(&fixture.at("repo"), &["checkout", "--quiet", "v1"]);
    let detached = ok(&fixture, "refs", json!({}));
    assert_eq!((&detached["head_branch"], &detached["head"]), (&Value::Null, &detached["tags"][0]["commit"]));
}

#[test]
fn commits_are_shown_with_their_changes() {
    let fixture = repository();
    let shown = ok(&fixture, "show", json!({"revision": "v1"}));
    let expected =
        "--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n";
    assert_eq!(
        (&shown["diff"], &shown["author"], &shown["message"]),
        (&json!(expected), &json!("Ben <a@x>"), &json!("Second"))
    );
    assert_eq!((&shown["written"], &shown["committer"]), (&json!("2023-11-15T00:43:20+01:30"), &json!("Cy <c@x>")));
    let first = ok(&fixture, "show", json!({"revision": "v1~1", "path": "sub"}));
    assert_eq!((&first["message"], &first["files"][0]["change"]), (&json!("First\n\nWith a body."), &json!("added")));
    let between = ok(&fixture, "diff", json!({"old": "v1", "new": "side", "path": "sub/c.txt"}));
    assert_eq!(between["files"], json!([{"path": "sub/c.txt", "change": "added", "added": 1, "removed": 0}]));
    let link = ok(&fixture, "diff", json!({"old": "HEAD~1", "path": "link"}));
    assert!(link["diff"].as_str().unwrap().contains("+a.txt\n\\ No newline"), "{link}");
    assert_eq!(ok(&fixture, "diff", json!({"old": "HEAD"})), json!({"files": [], "diff": ""}));
}

#[test]
fn files_and_directories_of_the_past_are_read() {
    let fixture = repository();
    assert_eq!(ok(&fixture, "read", json!({"path": "a.txt", "revision": "v1"}))["text"], json!("1\ntwo\n3\n"));
    assert_eq!(ok(&fixture, "read", json!({}))["entries"], json!(["a.txt", "link", "sub/"]));
    assert_eq!(ok(&fixture, "read", json!({"path": "sub/", "revision": "side"}))["entries"], json!(["b.txt", "c.txt"]));
    assert!(fails(&fixture, "read", json!({"path": "gone"})).message().contains("there is no `gone` in `HEAD`"));
    let part = ok(&fixture, "blame", json!({"path": "a.txt", "start_line": 2, "end_line": 2}));
    assert_eq!((&part["origins"][0]["lines"], &part["origins"][0]["summary"]), (&json!(["two"]), &json!("Second")));
    assert!(fails(&fixture, "blame", json!({"path": "a.txt", "start_line": 9})).message().contains("has 4 lines"));
}

#[test]
fn mistakes_name_the_fix() {
    let fixture = repository();
    assert!(
        fails(&fixture, "show", json!({"revision": "nothing"})).message().contains("`refs` shows branches and tags")
    );
    assert!(fails(&fixture, "show", json!({"revision": "HEAD~99"})).message().contains("has 0 parents"));
    assert!(fails(&fixture, "show", json!({"revision": "HEAD^x"})).message().contains("stands a number"));
    let elsewhere = call(&COMPONENT, "log", json!({"repository": fixture.path("")})).error();
    assert!(elsewhere.message().contains("is no git repository"), "{elsewhere}");
    let empty = Fixture::new(&[("repo/x", "")]);
    git(&empty.at("repo"), &["init", "--quiet"]);
    assert!(fails(&empty, "log", json!({})).message().contains("has no commit yet"));
}

#[test]
fn other_ways_to_keep_a_repository_are_read_or_named() {
    let fixture = repository();
    git(&fixture.at(""), &["clone", "--quiet", "--bare", "repo", "bare.git"]);
    let bare = call(&COMPONENT, "log", json!({"repository": fixture.path("bare.git"), "limit": 1})).value();
    assert_eq!(bare["commits"][0]["message"], json!("Grün"));
    git(&fixture.at("repo"), &["worktree", "add", "--quiet", "../second", "side"]);
    let second = call(&COMPONENT, "refs", json!({"repository": fixture.path("second")})).value();
    assert_eq!(second["head_branch"], json!("side"));
    git(&fixture.at(""), &["clone", "--quiet", "--shared", "repo", "shared"]);
    let shared = call(&COMPONENT, "log", json!({"repository": fixture.path("shared")})).error();
    assert!(shared.message().contains("borrows objects"), "{shared}");
    fixture.put("other/.git/config", b"[extensions]\n\tobjectFormat = sha256\n");
    fixture.put("other/.git/HEAD", b"ref: refs/heads/main\n");
    fs::create_dir(fixture.at("other/.git/objects")).unwrap();
    let other = call(&COMPONENT, "log", json!({"repository": fixture.path("other")})).error();
    assert!(other.message().contains("SHA-256, which is not read"), "{other}");
}
