//! What a dry run showed is what an apply does, or it does nothing.

use crate::project::{Done, Project};

const EDIT: [&str; 4] =
    ["call", "--dry-run", "files.edit", r#"{"path":"/work/a.txt","edits":[{"old":"two","new":"2"}]}"#];

fn apply(project: &Project, dry: &Done) -> Done {
    project.run(&["apply", &dry.named("apply")])
}

#[test]
fn an_apply_does_what_the_dry_run_showed_and_nothing_else() {
    let project = Project::free();
    let before = project.tree();
    let applied = apply(&project, &project.run(&EDIT));
    applied.worked(&["~ /work/a.txt", "1 change: 1 changed"]);
    assert_eq!(project.read("work/a.txt"), "one\n2\nthree\n");
    let changed = project.tree().into_iter().filter(|(path, now)| before.get(path) != Some(now)).count();
    // The file, and its directory at most.
    assert!(changed <= 2 && project.tree().len() == before.len());
    assert_eq!(project.run(&["audit", "verify"]).code(), 0);
}

#[test]
fn an_apply_refuses_when_the_file_was_edited_in_between_and_names_it() {
    let project = Project::free();
    let dry = project.run(&EDIT);
    project.write("work/a.txt", "one\ntwo\nthree\nby hand\n");
    apply(&project, &dry).failed(14, &["conflict", "/work/a.txt"]);
    assert_eq!(project.read("work/a.txt"), "one\ntwo\nthree\nby hand\n");
    let deleted = project.run(&["call", "--dry-run", "files.delete", "path=/work/old.txt"]);
    project.write("work/old.txt", "worth keeping\n");
    apply(&project, &deleted).failed(14, &["/work/old.txt"]);
    let created = project.run(&["call", "--dry-run", "files.write", "path=/work/new", "content=x"]);
    project.write("work/new", "mine");
    apply(&project, &created).failed(14, &["/work/new"]);
    assert_eq!((project.read("work/old.txt"), project.read("work/new")), ("worth keeping\n".into(), "mine".into()));
}

#[test]
fn a_preview_that_was_refused_is_kept_and_applied_once_nothing_is_in_its_way() {
    let project = Project::free();
    let dry =
        project.run(&["call", "--dry-run", "files.write", "path=/work/sub/new", "content=x", "create_parents=true"]);
    project.write("work/sub", "in the way");
    for _ in 0..2 {
        let refused = apply(&project, &dry);
        refused.failed(14, &["conflict", "/work/sub", "the preview is kept"]);
        assert_eq!(project.read("work/sub"), "in the way");
        project.run(&["history", &dry.named("apply")]).worked(&["preview: a dry run"]);
    }
    std::fs::remove_file(project.path().join("work/sub")).unwrap();
    assert_eq!(apply(&project, &dry).code(), 0);
    assert_eq!(project.read("work/sub/new"), "x");
    apply(&project, &dry).failed(5, &["applied already"]);
    let listed = project.run(&["history"]).printed();
    assert_eq!(listed.matches("refused").count(), 2, "each try is on record:\n{listed}");
    assert_eq!(project.run(&["audit", "verify"]).code(), 0);
}

#[test]
fn a_preview_is_applied_once() {
    let project = Project::free();
    let dry = project.run(&["call", "--dry-run", "files.write", "path=/work/log", "content=x", "mode=append"]);
    assert_eq!(apply(&project, &dry).code(), 0);
    apply(&project, &dry).failed(5, &["not-applicable", "applied already"]);
    assert_eq!(project.read("work/log"), "x");
}

#[test]
fn what_is_no_preview_is_not_applied() {
    let project = Project::free();
    let live = project.run(&["call", "files.write", "path=/work/log", "content=x"]);
    project.run(&["apply", &live.named("undo")]).failed(5, &["not a preview"]);
    project.run(&["apply", "no-such-call"]).failed(5, &["there is no such preview"]);
}

#[test]
fn an_apply_refuses_when_the_manifest_is_another_one() {
    let project = Project::free();
    let dry = project.run(&EDIT);
    let narrower = project.read("toolhold.toml").replace("\"files.edit\", ", "");
    project.write("toolhold.toml", &narrower);
    apply(&project, &dry).failed(5, &["not-applicable", "manifest"]);
    assert_eq!(project.read("work/a.txt"), "one\ntwo\nthree\n");
}
