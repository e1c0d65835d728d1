//! What was changed, by which call, and how far that came.

use serde_json::Value;

use crate::project::Project;

#[test]
fn the_history_lists_what_changed_something_newest_first() {
    let project = Project::free();
    assert_eq!(project.run(&["call", "files.read", "path=/work/a.txt"]).code(), 0);
    project.run(&["history"]).worked(&["no call is known to have changed files"]);
    let written = project.run(&["call", "files.write", "path=/work/new", "content=x"]).named("undo");
    assert_eq!(project.run(&["call", "files.read", "path=/work/new"]).code(), 0);
    let deleted = project.run(&["call", "files.delete", "path=/work/old.txt", "--dry-run"]).named("apply");
    assert_eq!(project.run(&["undo", &written]).code(), 0);
    let listed = project.run(&["history"]).printed();
    let lines: Vec<_> = listed.lines().skip(1).collect();
    assert_eq!(lines.len(), 2, "reading changes nothing:\n{listed}");
    let has = |line: &str, words: &[&str]| assert!(words.iter().all(|word| line.contains(word)), "{line}");
    has(lines[0], &[&deleted, "files.delete", "preview", "1 change: 1 deleted"]);
    has(lines[1], &[&written, "files.write", "undone", "1 change: 1 created"]);
    assert_eq!(project.run(&["history", "--limit", "1"]).printed().lines().count(), 2);
    let json: Value = serde_json::from_str(&project.run(&["history", "--json"]).printed()).unwrap();
    assert_eq!(json[1]["state"], "undone");
    assert_eq!(json[0]["effects"]["changes"][0]["path"], "/work/old.txt");
}

#[test]
fn where_nothing_has_run_yet_there_is_no_history_and_that_is_no_error() {
    let project = Project::free();
    project.run(&["history"]).worked(&["no call is known to have changed files"]);
    assert_eq!(project.run(&["history", "--json"]).printed().trim(), "[]");
    project.run(&["history", "no-such-call"]).failed(3, &["no call `no-such-call` is known to have changed files"]);
    assert!(!project.path().join(".toolhold/journal.db").exists(), "looking makes nothing");
    project.write(".toolhold/journal.db", "this is no database");
    assert_eq!(project.run(&["history"]).code(), 13, "one that cannot be read is an error all the same");
}

#[test]
fn one_call_is_shown_whole() {
    let project = Project::free();
    let call = project.run(&["call", "files.delete", "path=/work/old.txt", "--dry-run"]).named("apply");
    let words = [&call, "files.delete", "preview: a dry run", "- /work/old.txt", "    -old\n"];
    project.run(&["history", &call]).worked(&words);
    project.run(&["history", "no-such-call"]).failed(3, &["toolhold history"]);
}

#[test]
fn the_history_of_a_run_has_its_calls_only() {
    let project = Project::free();
    assert_eq!(project.run(&["call", "files.delete", "path=/work/old.txt"]).code(), 0);
    project.write(
        "script.toml",
        "[[turn]]\n[[turn.call]]\ntool = \"files.delete\"\narguments = { path = \"/work/a.txt\" }\n[[turn]]\ntext = \"done\"\n",
    );
    let run = project.run(&["run", "delete", "--model", "scripted:script.toml"]);
    let listed: Value =
        serde_json::from_str(&project.run(&["history", "--json", "--run", &run.named("undo --run")]).printed())
            .unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed[0]["effects"]["changes"][0]["path"], "/work/a.txt");
}

#[test]
fn a_run_that_there_is_not_is_no_empty_history() {
    let project = Project::locked();
    project.call(&["files.write", "path=/work/new.md", "content=x"]);
    for command in ["history", "undo"] {
        project.run(&[command, "--run", "nonsense"]).failed(3, &["there is no run `nonsense`"]);
    }
}

#[test]
fn a_record_is_found_by_the_beginning_of_its_name_and_nothing_is_done_where_that_is_not_one() {
    let project = Project::free();
    let write = |name: &str| {
        let report = project.call(&["files.write", &format!("path=/work/{name}"), "content=x"]);
        report["call"].as_str().unwrap().to_owned()
    };
    let (first, second) = (write("one"), write("two"));
    let entry: Value = serde_json::from_str(&project.run(&["history", "--json", &first]).printed()).unwrap();
    let run = entry["run"].as_str().unwrap();
    let shared = first.bytes().zip(second.bytes()).take_while(|(one, other)| one == other).count();
    assert!(shared >= 8, "their names begin with the time: {first} {second}");
    for command in ["undo", "history", "apply"] {
        project.run(&[command, &first[..shared]]).failed(3, &["several calls", &first, &second]);
        assert_ne!(project.run(&[command, &first[..7]]).code(), 0, "{command}: too little to be meant");
    }
    assert!(project.path().join("work/one").exists() && project.path().join("work/two").exists());
    project.run(&["history", &first[..=shared]]).worked(&[&first, "/work/one"]);
    let undone = project.run(&["undo", &first[..=shared]]);
    undone.worked(&[&first]);
    assert!(undone.said().contains(&format!("call {first}")), "{}", undone.said());
    assert!(!project.path().join("work/one").exists() && project.path().join("work/two").exists());
    project.run(&["history", "--run", &run[..run.len() - 1]]).worked(&[&first]);
    // What is no beginning of anything, `%` and `_` included, is nothing.
    project.run(&["history", "%%%%%%%%"]).failed(3, &["no call"]);
    project.run(&["history", "________"]).failed(3, &["no call"]);
}
