//! `write`, `edit`.

use std::fs;

use toolhold_sdk::Error;
use toolhold_sdk::serde_json::json;

use super::{Fixture, fails, ok};

#[test]
fn a_file_is_created_replaced_and_added_to() {
    let fixture = Fixture::new(&[]);
    let path = fixture.path("a.txt");
    assert_eq!(ok("write", json!({"path": path, "content": "one"})), json!({"bytes": 3, "created": true}));
    assert_eq!(
        ok("write", json!({"path": path, "content": "äö"})),
        json!({"bytes": 4, "created": false, "previous_bytes": 3})
    );
    ok("write", json!({"path": path, "content": "!", "mode": "append"}));
    assert_eq!(fixture.text("a.txt"), "äö!");
    let error = fails("write", json!({"path": path, "content": "", "mode": "create"}));
    assert!(error.message().contains("exists already"), "{error}");
    assert_eq!(fixture.text("a.txt"), "äö!");
}

#[test]
fn a_missing_directory_is_named_or_created() {
    let fixture = Fixture::new(&[]);
    let path = fixture.path("new/deep/a.txt");
    let error = fails("write", json!({"path": path, "content": "x"}));
    assert!(matches!(&error, Error::NotFound(message) if message.contains("create_parents: true")), "{error:?}");
    ok("write", json!({"path": path, "content": "x", "create_parents": true}));
    assert_eq!(fixture.text("new/deep/a.txt"), "x");
    assert!(fails("write", json!({"path": fixture.path("new"), "content": "x"})).message().contains("is a directory"));
}

#[test]
fn content_is_encoded_and_a_mark_stands_only_at_the_start() {
    let fixture = Fixture::new(&[]);
    ok("write", json!({"path": fixture.path("b"), "content": "AAH/", "encoding": "base64"}));
    assert_eq!(fs::read(fixture.at("b")).unwrap(), [0, 1, 255]);
    ok("write", json!({"path": fixture.path("u"), "content": "a", "encoding": "utf16le"}));
    ok("write", json!({"path": fixture.path("u"), "content": "b", "encoding": "utf16le", "mode": "append"}));
    assert_eq!(fs::read(fixture.at("u")).unwrap(), b"\xFF\xFEa\0b\0");
}

#[test]
fn an_edit_returns_a_diff() {
    let fixture = Fixture::new(&[("a.rs", "fn a() {}\nfn b() {}\n")]);
    let path = fixture.path("a.rs");
    let edited = ok("edit", json!({"path": path, "edits": [{"old": "fn b() {}", "new": "fn c() {}"}]}));
    let diff = format!("--- {path}\n+++ {path}\n@@ -1,2 +1,2 @@\n fn a() {{}}\n-fn b() {{}}\n+fn c() {{}}\n");
    assert_eq!(edited, json!({"replacements": 1, "bytes": 20, "diff": diff, "added": 1, "removed": 1}));
    assert_eq!(fixture.text("a.rs"), "fn a() {}\nfn c() {}\n");
}

#[test]
fn a_refused_edit_changes_nothing() {
    let fixture = Fixture::new(&[("a", "x\ny\nx\n")]);
    let path = fixture.path("a");
    let ambiguous = fails("edit", json!({"path": path, "edits": [{"old": "y", "new": "z"}, {"old": "x", "new": "z"}]}));
    assert!(
        ambiguous.message().contains("edit 2 of 2") && ambiguous.message().contains("at lines 1, 3"),
        "{ambiguous}"
    );
    let missing = fails("edit", json!({"path": path, "edits": [{"old": "  y", "new": "z"}]}));
    assert!(missing.message().contains("white space only"), "{missing}");
    assert_eq!(fixture.text("a"), "x\ny\nx\n");
}

#[test]
fn mark_line_endings_and_mode_survive_an_edit() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new(&[("run.sh", "\u{FEFF}one\r\ntwo\r\n")]);
    fs::set_permissions(fixture.at("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    ok("edit", json!({"path": fixture.path("run.sh"), "edits": [{"old": "one\ntwo", "new": "1\n2"}]}));
    assert_eq!(fixture.text("run.sh"), "\u{FEFF}1\r\n2\r\n");
    assert_eq!(fs::metadata(fixture.at("run.sh")).unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn only_text_is_edited() {
    let fixture = Fixture::new(&[]);
    fixture.put("b", &[0xFF, 0, 1]);
    assert!(
        fails("edit", json!({"path": fixture.path("b"), "edits": [{"old": "a", "new": "b"}]}))
            .message()
            .contains("not UTF-8")
    );
    assert!(matches!(
        fails("edit", json!({"path": fixture.path("no"), "edits": [{"old": "a", "new": "b"}]})),
        Error::NotFound(_)
    ));
    assert!(matches!(fails("edit", json!({"path": fixture.path("b"), "edits": []})), Error::InvalidArgs(_)));
}
