//! What is kept for an undo is bounded, and what is given up for that is said to be.

use std::path::Path;

use crate::project::Project;

/// A project with these keys in `[host]`.
fn bounded(keys: &str) -> Project {
    let project = Project::free();
    bind(&project, keys);
    project
}

fn bind(project: &Project, keys: &str) {
    let manifest = project.read("toolhold.toml");
    let rest = manifest.split("[host]").next().unwrap();
    project.write("toolhold.toml", &format!("{rest}[host]\n{keys}\n"));
}

/// How many calls have files kept.
fn kept(project: &Project) -> usize {
    std::fs::read_dir(project.path().join(".toolhold/staging")).map_or(0, Iterator::count)
}

fn state(project: &Project, call: &str) -> String {
    let shown: serde_json::Value = serde_json::from_str(&project.run(&["history", "--json", call]).printed()).unwrap();
    shown["state"].as_str().unwrap().to_owned()
}

fn named(project: &Project, call: &[&str]) -> String {
    let done = project.run(&[&["call"], call].concat());
    assert_eq!(done.code(), 0, "{}", done.said());
    done.named("undo")
}

fn has(path: &Path) -> bool {
    path.exists()
}

#[test]
fn over_the_bound_the_oldest_undo_is_given_up_first_and_the_others_still_work() {
    let project = bounded("undo-bytes = 20_000");
    // Each file counts as 4,096 bytes at least.
    project.write("work/a.txt", &"a".repeat(14_000));
    let first = named(&project, &["files.write", "path=/work/a.txt", "content=x"]);
    let second = named(&project, &["files.write", "path=/work/old.txt", "content=y"]);
    assert_eq!((kept(&project), state(&project, &first)), (2, "landed".to_owned()));
    let third = named(&project, &["files.delete", "path=/work/notes.md"]);
    assert_eq!(kept(&project), 2, "it is removed at once and not only when a host is opened next");
    assert_eq!([&first, &second, &third].map(|call| state(&project, call)), ["expired", "landed", "landed"]);
    project.run(&["undo", &first]).failed(3, &["has expired", "undo-bytes"]);
    project.run(&["history", &first]).worked(&["expired: too old, or too large"]);
    project.run(&["undo", &third]).worked(&["taken back"]);
    project.run(&["undo", &second]).worked(&["taken back"]);
    assert_eq!((project.read("work/old.txt"), project.read("work/notes.md")), ("old\n".into(), "# Notes\n".into()));
    assert_eq!((project.read("work/a.txt"), kept(&project)), ("x".to_owned(), 0));
    assert_eq!(project.run(&["audit", "verify"]).code(), 0);
}

#[test]
fn what_is_too_large_by_itself_is_not_kept_and_the_call_says_so() {
    let project = bounded("undo-bytes = \"10B\"");
    let done = project.run(&["call", "files.delete", "path=/work/a.txt"]);
    assert_eq!(done.code(), 0, "{}", done.said());
    assert!(done.said().contains("it cannot be taken back") && done.said().contains("undo-bytes"), "{}", done.said());
    assert!(!done.said().contains("toolhold undo") && !has(&project.path().join("work/a.txt")));
    // A preview keeps what it would write.
    let content = format!("content={}", "x".repeat(11));
    let dry = project.run(&["call", "--dry-run", "files.write", "path=/work/new", &content]);
    assert!(dry.said().contains("it cannot be applied") && !dry.said().contains("toolhold apply"), "{}", dry.said());
    assert_eq!(kept(&project), 0);
}

#[test]
fn an_undo_of_a_run_says_which_of_its_calls_have_expired_after_it_took_back_the_others() {
    let project = bounded("undo-bytes = 10_000");
    project.write("work/a.txt", &"a".repeat(14_000));
    project.write(
        "script.toml",
        r#"
[[turn]]
[[turn.call]]
tool = "files.write"
arguments = { path = "/work/a.txt", content = "first" }
[[turn.call]]
tool = "files.write"
arguments = { path = "/work/a.txt", content = "second" }
[[turn.call]]
tool = "files.delete"
arguments = { path = "/work/old.txt" }
[[turn]]
text = "done"
"#,
    );
    let run = project.run(&["run", "work", "--model", "scripted:script.toml"]);
    assert_eq!(run.code(), 0, "{}", run.said());
    let undone = project.run(&["undo", "--run", &run.named("undo --run")]);
    undone.failed(3, &["can no longer be undone", "has expired"]);
    assert_eq!(undone.printed().matches("taken back").count(), 2, "{}", undone.printed());
    assert_eq!((project.read("work/a.txt"), project.read("work/old.txt")), ("first".to_owned(), "old\n".to_owned()));
}

#[test]
fn what_is_too_old_is_given_up_when_a_host_is_opened() {
    let project = Project::free();
    let live = named(&project, &["files.delete", "path=/work/old.txt"]);
    let dry = project.run(&["call", "--dry-run", "files.write", "path=/work/new", "content=x"]).named("apply");
    bind(&project, "undo-age = \"1h\"");
    project.run(&["history", &live]).worked(&["landed: on the disk"]);
    assert_eq!(project.run(&["call", "files.read", "path=/work/a.txt"]).code(), 0);
    assert_eq!(kept(&project), 2, "an hour is not over");
    bind(&project, "undo-age = \"0s\"");
    project.run(&["undo", &live]).failed(3, &["has expired", "undo-age"]);
    project.run(&["apply", &dry]).failed(5, &["it has expired"]);
    assert_eq!(kept(&project), 0);
    assert!(!project.path().join("work/old.txt").exists() && !project.path().join("work/new").exists());
}
