//! The tools through the dispatch that the host uses; `schema-check` holds arguments and results against their schemas.

use granted::testing::Fixture;
use toolhold_sdk::serde_json::{Value, json};
use toolhold_sdk::testing::{call, tools};
use toolhold_sdk::{Effect, Error};

use crate::COMPONENT;

fn ok(tool: &str, arguments: Value) -> Value {
    call(&COMPONENT, tool, arguments).value()
}

fn fails(tool: &str, arguments: Value) -> Error {
    call(&COMPONENT, tool, arguments).error()
}

fn refused(fixture: &Fixture, patch: &str) -> String {
    let before: Vec<(String, Vec<u8>)> = contents(fixture);
    let error = fails("apply", json!({"patch": patch, "directory": fixture.path("")}));
    assert_eq!(contents(fixture), before, "nothing was changed");
    error.message().to_owned()
}

fn contents(fixture: &Fixture) -> Vec<(String, Vec<u8>)> {
    let files = fixture.names().into_iter().filter(|name| !name.ends_with('/'));
    files.map(|name| (name.clone(), std::fs::read(fixture.at(&name)).unwrap())).collect()
}

fn merged(base: &str, ours: &str, theirs: &str) -> Value {
    ok("merge", json!({"versions": {"base": {"text": base}, "ours": {"text": ours}, "theirs": {"text": theirs}}}))
}

#[test]
fn what_writes_says_so() {
    for tool in tools(&COMPONENT) {
        let writes = tool.needs.iter().any(|need| need.effect == Effect::Write);
        assert_eq!(
            (writes, tool.hints.read_only),
            (["apply", "merge_file"].contains(&tool.name.as_str()), !writes),
            "{}",
            tool.name
        );
    }
}

#[test]
fn directories_are_compared_and_the_patch_leads_from_one_to_the_other() {
    let before = [
        ("old/same", "x\n"),
        ("old/a/changed", "1\n2\n3\n"),
        ("old/gone", "bye\n"),
        ("old/end", "no newline"),
        ("old/dos", "a\r\nb\r\n"),
    ];
    let after = [
        ("new/same", "x\n"),
        ("new/a/changed", "1\n2b\n3\n"),
        ("new/b/come", "hi\n"),
        ("new/end", "no newline\n"),
        ("new/dos", "a\r\nc\r\n"),
    ];
    let fixture = Fixture::new(&[&before[..], &after[..]].concat());
    fixture.put("old/binary", b"\0\x01");
    fixture.put("new/binary", b"\0\x02");
    let compared = ok("compare", json!({"old": fixture.path("old"), "new": fixture.path("new")}));
    let summary: Vec<(&str, &str)> = compared["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["path"].as_str().unwrap(), file["change"].as_str().unwrap()))
        .collect();
    let expected = [
        ("a/changed", "changed"),
        ("b/come", "added"),
        ("binary", "changed"),
        ("dos", "changed"),
        ("end", "changed"),
        ("gone", "removed"),
    ];
    assert_eq!(summary, expected);
    assert_eq!(compared["files"][2]["binary"], json!(true));
    let patch = json!({"patch": compared["diff"], "directory": fixture.path("old")});
    assert_eq!(ok("apply", patch)["files"].as_array().unwrap().len(), 5);
    let again = ok("compare", json!({"old": fixture.path("old"), "new": fixture.path("new")}));
    assert_eq!(
        (again["files"].as_array().unwrap().len(), &again["diff"]),
        (1, &json!("")),
        "only the binary file is left"
    );
    let back = json!({"patch": compared["diff"], "directory": fixture.path("old"), "reverse": true});
    ok("apply", back);
    for (name, text) in before {
        assert_eq!(fixture.text(name), text, "{name}");
    }
    assert!(!fixture.at("old/b/come").exists());
}

#[test]
fn a_patch_of_git_is_applied_with_words_around_it() {
    let fixture = Fixture::new(&[("src/a.rs", "fn main() {\n    one();\n}\n")]);
    let patch = "From: someone\n\ndiff --git a/src/a.rs b/src/a.rs\nindex 83db48f..bf269f4 100644\n--- a/src/a.rs\t2026-01-01\n+++ b/src/a.rs\n@@ -1,3 +1,4 @@ fn main\n fn main() {\n-    one();\n+    two();\n+    three();\n }\n--\n2.43\n";
    ok("apply", json!({"patch": patch, "directory": fixture.path("")}));
    assert_eq!(fixture.text("src/a.rs"), "fn main() {\n    two();\n    three();\n}\n");
}

#[test]
fn a_hunk_may_have_moved_but_only_to_one_place() {
    let patch = "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n here\n-old\n+new\n";
    let moved = Fixture::new(&[("f", "1\n2\n3\nhere\nold\n")]);
    let applied = ok("apply", json!({"patch": patch, "directory": moved.path("")}));
    assert_eq!((moved.text("f"), &applied["files"][0]["moved"]), ("1\n2\n3\nhere\nnew\n".to_owned(), &json!(1)));
    let twice = Fixture::new(&[("f", "0\nhere\nold\nhere\nold\n")]);
    assert!(refused(&twice, patch).contains("at 2 and 4; more context tells which is meant"));
    let similar = Fixture::new(&[("f", "here\nOld\n")]);
    assert!(refused(&similar, patch).contains("hunk 1 (line 1): it wants `old` at line 2, but there is `Old`"));
}

#[test]
fn all_or_nothing_with_every_reject_named() {
    let fixture = Fixture::new(&[("a", "1\n"), ("b", "1\n2\n")]);
    let patch = "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+one\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-x\n+y\n@@ -2 +2 @@\n-z\n+w\n--- a/c\n+++ b/c\n@@ -1 +1 @@\n-1\n+2\n";
    let message = refused(&fixture, patch);
    for part in
        ["nothing was changed", "hunk 1 (line 1): it wants `x`", "hunk 2 (line 2): it wants `z`", "c` does not exist"]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
    let there = "--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+new\n";
    assert!(refused(&fixture, there).contains("it is there already"));
    let partly = "--- a/b\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n";
    assert!(refused(&fixture, partly).contains("it has lines that the patch does not"));
    let twice = "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n";
    assert!(refused(&fixture, twice).contains("names it twice"));
}

#[test]
fn line_endings_and_missing_newlines_are_kept() {
    let fixture = Fixture::new(&[("dos", "a\r\nb\r\n"), ("end", "a\nb")]);
    ok(
        "apply",
        json!({"patch": "--- a/dos\n+++ b/dos\n@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d\n", "directory": fixture.path("")}),
    );
    assert_eq!(fixture.text("dos"), "a\r\nc\r\nd\r\n");
    let to_unix = "--- a/dos\n+++ b/dos\n@@ -1,3 +1,3 @@\n-a\r\n-c\r\n-d\r\n+a\n+c\n+d\r\n";
    ok("apply", json!({"patch": to_unix, "directory": fixture.path("")}));
    assert_eq!(fixture.text("dos"), "a\nc\nd\r\n", "a patch that has carriage returns means them");
    let patch = "--- a/end\n+++ b/end\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n";
    ok("apply", json!({"patch": patch, "directory": fixture.path("")}));
    assert_eq!(fixture.text("end"), "a\nc");
    let wrong = "--- a/end\n+++ b/end\n@@ -2 +2 @@\n-c\n+d\n";
    assert!(
        refused(&fixture, wrong).contains("it wants `c` at line 2"),
        "the file has no newline there, the patch has"
    );
}

#[test]
fn patches_that_lead_elsewhere_are_refused() {
    let fixture = Fixture::new(&[("in/a", "1\n"), ("victim", "1\n")]);
    std::os::unix::fs::symlink("../victim", fixture.at("in/link")).unwrap();
    std::os::unix::fs::symlink("..", fixture.at("in/up")).unwrap();
    for name in ["../victim", "/etc/passwd", "x/../../victim", "./a", "link", "up/victim", "..\\victim", "a//b"] {
        for patch in [
            format!("--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-1\n+bad\n"),
            format!("--- {name}\n+++ {name}\n@@ -1 +1 @@\n-1\n+bad\n"),
            format!("--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+bad\n"),
            format!("--- a/{name}\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n"),
        ] {
            let error = fails("apply", json!({"patch": patch, "directory": fixture.path("in")}));
            let known = ["is no path below the directory", "is a link"];
            assert!(
                matches!(&error, Error::Denied(message) if known.iter().any(|part| message.contains(part))),
                "{error:?} {patch}"
            );
        }
    }
    assert_eq!((fixture.text("victim"), fixture.text("in/a")), ("1\n".to_owned(), "1\n".to_owned()));
}

#[test]
fn mistakes_in_patches_name_line_and_fix() {
    let fixture = Fixture::new(&[("a", "1\n2\n")]);
    assert!(refused(&fixture, "nothing").contains("names no file"));
    assert!(refused(&fixture, "@@ -1 +1 @@\n-1\n+2\n").contains("line 1 of the patch: a hunk before the names"));
    let counts = refused(&fixture, "--- a/a\n+++ b/a\n@@ -1,3 +1,2 @@\n-1\n+x\n 2\n");
    assert!(counts.contains("line 3 of the patch") && counts.contains("`@@ -1,2 +1,2 @@`"), "{counts}");
    assert!(refused(&fixture, "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+x\n+y\n").contains("more lines than the header"));
    assert!(refused(&fixture, "--- a/a\n+++ b/a\n@@ one @@\n").contains("is no header of a hunk"));
    assert!(refused(&fixture, "--- a/a\n+++ b/b\n@@ -1 +1 @@\n-1\n+x\n").contains("rename the file first"));
    let empty = "diff --git a/e b/e\nnew file mode 100644\nindex 0000000..e69de29\ndiff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n";
    assert!(refused(&fixture, empty).contains("line 1 of the patch: this file has no lines that change"));
    assert!(refused(&fixture, "diff --git a/a b/b\nrename from a\nrename to b\n").contains("is not applied"));
}

#[test]
fn changes_of_two_hands_are_merged() {
    let base = "1\n2\n3\n4\n5\n6\n7\n";
    let clean = merged(base, "1\nzwei\n3\n4\n5\n6\n7\n", "1\n2\n3\n4\n5\n7\nacht\n");
    assert_eq!(clean, json!({"text": "1\nzwei\n3\n4\n5\n7\nacht\n", "conflicts": 0}));
    assert_eq!(merged(base, "0\n1\n2\n", base)["text"], json!("0\n1\n2\n"));
    assert_eq!(merged(base, base, "")["text"], json!(""));
    assert_eq!(merged("a\n", "b\n", "b\n"), json!({"text": "b\n", "conflicts": 0}), "both did the same");
    assert_eq!(merged("", "x\n", ""), json!({"text": "x\n", "conflicts": 0}));
}

#[test]
fn what_both_changed_is_a_conflict() {
    let conflict = merged("a\nb\nc\n", "a\nours\nc\n", "a\ntheirs\nc\n");
    let text = "a\n<<<<<<< ours\nours\n||||||| base\nb\n=======\ntheirs\n>>>>>>> theirs\nc\n";
    assert_eq!(conflict, json!({"text": text, "conflicts": 1, "conflict_lines": [2]}));
    assert_eq!(merged("a\nb\n", "a\nx\nb\n", "a\ny\nb\n")["conflicts"], json!(1), "two insertions at one place");
    assert_eq!(merged("a\nb\n", "x\nb\n", "a\ny\n")["conflicts"], json!(1), "changes that touch each other");
    assert_eq!(merged("a\nb\n", "b\n", "A\nb\n")["conflicts"], json!(1), "removed here, changed there");
    assert_eq!(merged("a", "b", "c")["text"], json!("<<<<<<< ours\nb\n||||||| base\na\n=======\nc\n>>>>>>> theirs\n"));
}

#[test]
fn a_merge_with_conflicts_is_not_written_unasked() {
    let fixture = Fixture::new(&[("base", "a\n"), ("ours", "b\n"), ("theirs", "c\n")]);
    let versions = json!({"base": {"path": fixture.path("base")}, "ours": {"path": fixture.path("ours")}, "theirs": {"path": fixture.path("theirs")}});
    let arguments = json!({"versions": versions, "path": fixture.path("ours"), "overwrite": true});
    assert!(fails("merge_file", arguments.clone()).message().contains("1 conflicts"));
    assert_eq!(fixture.text("ours"), "b\n");
    let mut marked = arguments;
    marked["conflicts"] = json!(true);
    assert_eq!(ok("merge_file", marked)["conflicts"], json!(1));
    assert!(fixture.text("ours").starts_with("<<<<<<< ours\nb\n"));
    let there = json!({"versions": {"base": {"text": ""}, "ours": {"text": ""}, "theirs": {"text": "x"}}, "path": fixture.path("base")});
    assert!(fails("merge_file", there).message().contains("set `overwrite`"));
    let both = json!({"versions": {"base": {}, "ours": {"text": ""}, "theirs": {"text": "x"}}});
    assert!(fails("merge", both).message().contains("`base`: give either `text` or `path`"));
}
