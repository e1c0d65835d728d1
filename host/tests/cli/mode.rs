//! A manifest that makes every call a preview.

use crate::project::{Project, Tree};

/// The project of [`Project::free`], in which nothing is to change.
fn previewed() -> (Project, Tree) {
    let project = Project::free();
    let manifest = project.read("toolhold.toml");
    project.write("toolhold.toml", &format!("mode = \"preview\"\n{manifest}"));
    let before = project.tree();
    (project, before)
}

#[test]
fn no_call_changes_anything_and_a_person_can_apply_what_it_showed() {
    let (project, before) = previewed();
    let done = project.run(&["call", "files.delete", "path=/work/old.txt"]);
    done.worked(&["- /work/old.txt", "nothing was changed on disk"]);
    assert!(done.said().contains("the manifest says `mode = \"preview\"`"), "{}", done.said());
    assert_eq!(project.tree(), before);
    let json = project.call(&["files.write", "path=/work/a.txt", "content=x"]);
    assert_eq!(json["mode"], "preview");
    assert_eq!(project.tree(), before);
    project.run(&["call", "files.list", "path=/work"]).failed(5, &["denied"]);
    assert_eq!(project.run(&["apply", &done.named("apply")]).code(), 0);
    assert!(!project.path().join("work/old.txt").exists());
}

#[test]
fn a_run_is_a_dry_run_in_which_later_calls_see_what_earlier_ones_would_have_changed() {
    let (project, before) = previewed();
    project.write(
        "script.toml",
        r#"
[[turn]]
[[turn.call]]
tool = "files.write"
arguments = { path = "/work/a.txt", content = "first" }
[[turn.call]]
tool = "files.read"
arguments = { path = "/work/a.txt" }
[[turn]]
expect = "first"
text = "done"
"#,
    );
    let done = project.run(&["run", "work", "--model", "scripted:script.toml"]);
    done.worked(&["~ /work/a.txt", "nothing was changed on disk"]);
    assert!(done.said().contains("this was a dry run") && !done.said().contains("undo --run"), "{}", done.said());
    assert_eq!(project.tree(), before);
}

#[test]
fn an_explanation_names_the_line_that_makes_calls_previews() {
    let (project, _) = previewed();
    let words = ["files.delete: preview", "every call is a preview: `mode = \"preview\"` (toolhold.toml:1)"];
    project.run(&["explain", "files.delete", "path=/work/old.txt"]).worked(&words);
}
