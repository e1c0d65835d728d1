//! `git`: a packed repository in the sandbox, and what a grant leaves out of it.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use toolhold_tests::test_host::TestHost;

use super::Bench;

fn git(directory: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.args([
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=a@x",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "init.defaultBranch=main",
    ]);
    let output = git.args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_packed_repository_is_read() {
    let bench = Bench::new("git");
    let root = bench.directory.path();
    git(root, &["init", "--quiet"]);
    for version in 0..5 {
        let line = |line: usize| if line == version { format!("changed in {version}\n") } else { format!("{line}\n") };
        bench.put("a.txt", (0..500).map(line).collect::<String>());
        git(root, &["add", "a.txt"]);
        git(root, &["commit", "--quiet", "-m", &format!("version {version}")]);
    }
    git(root, &["gc", "--quiet"]);
    let log = bench.ok("log", json!({"repository": "/work"}));
    assert_eq!((log["commits"].as_array().unwrap().len(), &log["commits"][0]["message"]), (5, &json!("version 4")));
    let blamed = bench.ok("blame", json!({"repository": "/work", "path": "a.txt", "start_line": 5, "end_line": 5}));
    assert_eq!(blamed["origins"][0]["summary"], json!("version 4"));
    let shown = bench.ok("show", json!({"repository": "/work", "revision": "HEAD~1"}));
    assert!(shown["diff"].as_str().unwrap().contains("+changed in 3"), "{shown}");
}

#[test]
fn what_the_grant_leaves_out_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    git(directory.path(), &["init", "--quiet"]);
    git(directory.path(), &["commit", "--quiet", "--allow-empty", "-m", "CANARY"]);
    let host = |deny: &str| {
        let path = directory.path().display();
        let grants = format!(
            "[[tools.guest.directories]]\nhost = \"{path}\"\nguest = \"/work\"\nread = [\"**\"]\ndeny = [\"{deny}\"]\n"
        );
        TestHost::of("git", &grants).unwrap()
    };
    for deny in [".git/**", ".git/objects/**", ".git/refs/**"] {
        let reply = host(deny).call("log", json!({"repository": "/work"})).unwrap();
        assert!(reply.outcome.is_err() && !format!("{:?}", reply.outcome).contains("CANARY"), "{deny}: {reply:?}");
    }
    let reply = host("nothing").call("log", json!({"repository": "/work"})).unwrap();
    assert_eq!(reply.value().unwrap()["commits"][0]["message"], json!("CANARY"));
}
