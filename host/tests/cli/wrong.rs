//! What is wrong is told with its place and the way out, to people and to programs; and what is not wrong is not.

use serde_json::{Value, json};

use crate::project::{MANIFEST, Project};

/// The error that a command prints with `--json`.
fn error(project: &Project, words: &[&str]) -> Value {
    let done = project.run(&[words, &["--json"]].concat());
    assert_ne!(done.code(), 0, "{}", done.printed());
    let said = done.said();
    let line = said.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{said}"));
    serde_json::from_str::<Value>(line).unwrap()["error"].clone()
}

#[test]
fn an_error_of_a_manifest_has_its_place_for_programs_too() {
    let project = Project::new(
        "version = 1\n\n[approvals]\nfoo = 1\n\n[[rules]]\nname = \"a\"\ndecision = \"alow\"\ntools = [\"*\"]\n",
    );
    let error = error(&project, &["manifest", "check"]);
    assert_eq!((error["code"].as_str(), error["exit_code"].as_u64()), (Some("BadInput"), Some(3)));
    let problems = error["problems"].as_array().unwrap();
    let [key, word] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!((&key["code"], &key["line"], &key["column"]), (&json!("manifest::unknown-key"), &json!(4), &json!(1)));
    assert!(key["file"].as_str().unwrap().ends_with("toolhold.toml"), "{key}");
    assert_eq!(
        (&word["code"], &word["line"], &word["column"]),
        (&json!("manifest::unknown-word"), &json!(8), &json!(12))
    );
    assert_eq!(word["help"], "did you mean `allow`?");
    assert_eq!(error["messages"].as_array().unwrap().len(), 2);
}

/// A host wants a lock file, so one that pins nothing is written, and its absence is a difference.
#[test]
fn a_manifest_without_tools_is_locked_too() {
    let project = Project::new("version = 1\n");
    project.run(&["lock", "--check"]).failed(9, &["`toolhold lock`"]);
    assert!(!project.path().join("toolhold.lock").exists());
    assert_eq!(project.run(&["lock"]).code(), 0);
    assert_eq!(project.run(&["lock", "--check"]).code(), 0);
    assert_eq!(project.run(&["tools"]).code(), 0);
}

#[test]
fn a_check_that_fails_does_not_say_that_it_pinned() {
    let project = Project::locked();
    std::fs::write(project.path().join("files.wasm"), crate::project::packed("text")).unwrap();
    let done = project.run(&["lock", "--check"]);
    assert_eq!(done.code(), 9, "{}", done.said());
    assert!(!done.printed().contains("pinned") && done.printed().contains("nothing was written"), "{}", done.printed());
}

#[test]
fn where_nothing_has_happened_lists_are_empty_and_make_nothing() {
    let project = Project::new(MANIFEST);
    for words in [
        &["breakers", "list"][..],
        &["unknown", "list"],
        &["tokens", "list"],
        &["dlq", "list"],
        &["runs"],
        &["history"],
    ] {
        let done = project.run(words);
        assert_eq!(done.code(), 0, "{words:?}: {}", done.said());
    }
    project.run(&["audit", "verify"]).failed(13, &["there is no audit", "nothing was called"]);
    assert!(!project.path().join(".toolhold").exists());
}

#[test]
fn a_file_that_is_no_export_is_told_from_an_audit_that_was_changed() {
    let project = Project::locked();
    project.call(&["files.read", "path=/work/notes.md"]);
    project.write("export", "x\n");
    project.run(&["audit", "verify", "--older", "export"]).failed(3, &["line 1 of the export", "audit export"]);
    assert_eq!(project.run(&["audit", "verify"]).code(), 0);
}

#[test]
fn numbers_times_tasks_and_files_that_are_none_are_refused_with_words() {
    let project = Project::locked();
    for words in [&["dlq", "list", "--limit", "0"][..], &["runs", "list", "--limit", "0"], &["history", "--limit", "0"]]
    {
        project.run(words).failed(2, &["0 is not in 1.."]);
    }
    project.run(&["serve", "--listen", "localhost:1"]).failed(2, &["such as `127.0.0.1:8077`"]);
    project.run(&["dev", "nowhere"]).failed(3, &["`nowhere` cannot be looked at", "`toolhold new NAME`"]);
    project.run(&["health", "--window", "yesterday"]).failed(2, &["such as `90s`, `24h` or `7d`"]);
    project.run(&["health", "--window", "0s"]).failed(2, &["no time at all"]);
    project.run(&["tokens", "create", "ci", "--role", "run", "--expires", "0d"]).failed(2, &["no time at all"]);
    project.run(&["run", " ", "--model", "scripted:none"]).failed(2, &["the task is empty"]);
    project
        .run(&["--manifest", "elsewhere.toml", "tools"])
        .failed(3, &["`elsewhere.toml` does not exist", "`--manifest`", "`toolhold add SOURCE`"]);
}

#[test]
fn the_beginning_of_a_name_that_is_too_short_is_told_from_no_name() {
    let project = Project::locked();
    let call = project.call(&["files.read", "path=/work/notes.md"])["call"].as_str().unwrap().to_owned();
    project.run(&["history", &call[..4]]).failed(3, &["too short for the beginning of one", "at least 8 characters"]);
    project.run(&["undo", &call[..4]]).failed(3, &["too short for the beginning of one"]);
    project.run(&["history", "zzzz"]).failed(3, &["`zzzz`"]);
}

#[test]
fn a_server_does_not_begin_with_a_model_that_nobody_has() {
    let project = Project::locked();
    project
        .run(&["serve", "--listen", "127.0.0.1:0", "--model", "nope"])
        .failed(3, &["no model `nope`", "[models.NAME]"]);
}

#[test]
fn what_would_be_asked_about_is_told_by_its_own_code_and_a_label_is_one_that_there_is() {
    let manifest = MANIFEST.replace("guest = \"/work\"", "guest = \"/work\"\nlabels = [\"private\"]");
    let project = Project::new(&manifest);
    project.run(&["lock"]).worked(&[]);
    let explain = |more: &[&str]| {
        project.run(&[&["explain", "files.move", "from=/work/notes.md", "to=/work/moved.md"], more].concat())
    };
    assert_eq!(explain(&[]).code(), 17);
    assert_eq!(explain(&["--after", "private"]).code(), 17);
    explain(&["--after", "privat"]).failed(2, &["no grant has the label `privat`", "did you mean `private`?"]);
}

#[test]
fn the_tool_that_was_meant_is_the_one_with_the_fewest_letters_to_change() {
    let project = Project::locked();
    project.run(&["call", "files.reed", "path=/work/notes.md"]).failed(4, &["did you mean `files.read`"]);
}
