//! A dry run shows exactly what a call would do, and does nothing.

use serde_json::{Value, json};

use crate::project::Project;

/// Calls of every kind that change something.
const CALLS: [&[&str]; 5] = [
    &["files.write", "path=/work/new.txt", "content=new\n"],
    &["files.edit", r#"{"path":"/work/a.txt","edits":[{"old":"two","new":"2"}]}"#],
    &["files.move", "from=/work/old.txt", "to=/work/sub/moved.txt", "create_parents=true"],
    &["files.delete", "path=/work/notes.md"],
    &["files.mkdir", "path=/work/empty"],
];

#[test]
fn a_dry_run_changes_nothing_and_says_what_it_would() {
    let project = Project::free();
    let before = project.tree();
    let expected: [&[&str]; 5] = [
        &["+ /work/new.txt  4 B, 1 line", "    @@ -0,0 +1 @@\n    +new\n", "1 change: 1 created"],
        &["~ /work/a.txt  14 B → 12 B, +1 -1 lines", "    -two\n    +2\n", "1 change: 1 changed"],
        &["→ /work/old.txt → /work/sub/moved.txt", "+ /work/sub/\n", "2 changes: 1 created, 1 moved"],
        &["- /work/notes.md  8 B, 1 line", "    -# Notes\n", "1 change: 1 deleted"],
        &["+ /work/empty/\n", "1 change: 1 created"],
    ];
    for (call, words) in CALLS.iter().zip(expected) {
        let done = project.run(&[&["call", "--dry-run"], *call].concat());
        done.worked(words);
        done.worked(&["observed to the end", "nothing was changed on disk"]);
        assert!(done.said().contains("this was a dry run: nothing was changed"), "{}", done.said());
        assert!(done.said().contains("toolhold apply "), "{}", done.said());
        assert_eq!(project.tree(), before, "{call:?}");
    }
    assert_eq!(project.run(&["audit", "verify"]).code(), 0);
}

#[test]
fn a_dry_run_has_the_exit_code_of_its_call_and_offers_nothing_to_apply_if_it_failed() {
    let project = Project::free();
    let done = project.run(&["call", "--dry-run", "files.read", "path=/work/nothing"]);
    assert_eq!(done.code(), 6, "{}", done.said());
    let denied = project.run(&["call", "--dry-run", "files.list", "path=/work"]);
    denied.failed(5, &["denied"]);
    assert_eq!(denied.printed().trim(), "", "nothing ran, so nothing was observed");
    for done in [done, denied] {
        assert!(done.said().contains("nothing was changed") && !done.said().contains("toolhold apply"));
    }
    let read = project.run(&["call", "--dry-run", "files.read", "path=/work/a.txt"]);
    read.worked(&["no changes; nothing was changed on disk"]);
    assert!(!read.said().contains("toolhold apply"), "{}", read.said());
}

#[test]
fn the_json_of_a_dry_run_has_every_change_with_its_hashes() {
    let project = Project::free();
    let report = project.call(&[&["--dry-run"], CALLS[1]].concat());
    let change = &report["effects"]["changes"][0];
    assert_eq!(
        (&report["mode"], &change["path"], &change["change"]),
        (&json!("preview"), &json!("/work/a.txt"), &json!("changed"))
    );
    assert_eq!(change["content"]["diff"], "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n");
    let hash = |side: &str| change[side]["sha256"].as_str().unwrap().to_owned();
    assert!(hash("before").starts_with("sha256:") && hash("before") != hash("after"));
}

#[test]
fn a_preview_rule_shows_what_a_call_would_do_and_a_person_can_apply_it() {
    let project = Project::free();
    let before = project.tree();
    let done = project.run(&["call", "files.copy", "from=/work/a.txt", "to=/work/b.txt"]);
    done.worked(&["+ /work/b.txt  14 B, 3 lines", "nothing was changed on disk"]);
    assert!(done.said().contains("a rule of the manifest lets this call run as a preview only"), "{}", done.said());
    assert_eq!(project.tree(), before);
    assert_eq!(project.run(&["apply", &done.named("apply")]).code(), 0);
    assert_eq!(project.read("work/b.txt"), "one\ntwo\nthree\n");
}

#[test]
fn a_model_is_told_that_a_preview_rule_kept_its_call_from_changing_anything() {
    let project = Project::free();
    project.write(
        "script.toml",
        r#"
[[turn]]
[[turn.call]]
tool = "files.copy"
arguments = { from = "/work/a.txt", to = "/work/b.txt" }
[[turn]]
expect = "{\"preview\":\"this call ran as a preview"
text = "done"
"#,
    );
    let done = project.run(&["run", "copy", "--model", "scripted:script.toml"]);
    assert_eq!(done.code(), 0, "{}", done.said());
    assert!(!project.path().join("work/b.txt").exists());
    assert!(done.said().contains("run as a preview only") && !done.said().contains("undo --run"), "{}", done.said());
    assert_eq!(project.run(&["apply", &done.named("apply")]).code(), 0);
    assert_eq!(project.read("work/b.txt"), "one\ntwo\nthree\n");
}

#[test]
fn a_dry_run_of_an_agent_changes_nothing_and_its_later_calls_see_its_earlier_ones() {
    let project = Project::free();
    let before = project.tree();
    project.write(
        "script.toml",
        r#"
[[turn]]
[[turn.call]]
tool = "files.write"
arguments = { path = "/work/draft.md", content = "hello\n" }
[[turn.call]]
tool = "files.read"
arguments = { path = "/work/draft.md" }
[[turn]]
expect = "hello"
[[turn.call]]
tool = "files.move"
arguments = { from = "/work/draft.md", to = "/work/final.md" }
[[turn.call]]
tool = "files.delete"
arguments = { path = "/work/old.txt" }
[[turn]]
text = "done"
"#,
    );
    let words = ["run", "write a note", "--model", "scripted:script.toml", "--dry-run"];
    let done = project.run(&words);
    done.worked(&[
        "+ /work/final.md  6 B, 1 line",
        "- /work/old.txt",
        "2 changes: 1 created, 1 deleted; nothing was changed",
    ]);
    assert!(!done.printed().contains("draft.md"), "what is only in between is no change:\n{}", done.printed());
    assert!(done.said().contains("this was a dry run: nothing was changed") && done.said().contains("\ndone\n"));
    assert_eq!(project.tree(), before);
    let report: Value = serde_json::from_str(&project.run(&[&words[..], &["--json"]].concat()).printed()).unwrap();
    assert_eq!(report["effects"]["changes"].as_array().unwrap().len(), 2, "{report}");
    assert_eq!((&report["mode"], &report["answer"]), (&json!("preview"), &json!("done")));
}

#[test]
fn a_name_that_a_terminal_would_obey_is_shown_as_what_it_is() {
    let project = Project::free();
    let name = "/work/a\u{1b}[2J\r\nnothing was changed\u{202e}";
    let arguments = json!({"path": name, "content": "x\u{1b}]0;title\u{7}\u{202e}\n"}).to_string();
    let dry = project.run(&["call", "files.write", &arguments, "--dry-run"]);
    let applied = project.run(&["apply", &dry.named("apply")]);
    let call = applied.named("undo");
    let all =
        [dry, applied, project.run(&["history"]), project.run(&["history", &call]), project.run(&["undo", &call])];
    for done in all {
        assert_eq!(done.code(), 0, "{}", done.said());
        let text = format!("{}{}", done.printed(), done.said());
        assert!(!text.contains(['\u{1b}', '\r', '\u{7}', '\u{202e}']), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("nothing was changed\\")), "{text}");
    }
}
