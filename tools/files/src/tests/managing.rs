//! `directories`, `mkdir`, `move`, `copy`, `delete`.

use toolhold_sdk::Error;
use toolhold_sdk::serde_json::json;

use super::{Fixture, fails, ok};

#[test]
fn granted_directories_are_named() {
    assert_eq!(ok("directories", json!({})), json!({"directories": ["/"]}));
}

#[test]
fn a_directory_is_created_once() {
    let fixture = Fixture::new(&[("file", "")]);
    assert_eq!(ok("mkdir", json!({"path": fixture.path("a/b/c")})), json!({"created": true}));
    assert_eq!(ok("mkdir", json!({"path": fixture.path("a/b/c")})), json!({"created": false}));
    assert!(fails("mkdir", json!({"path": fixture.path("file")})).message().contains("not a directory"));
}

#[test]
fn a_file_moves_but_does_not_replace_unasked() {
    let fixture = Fixture::new(&[("a", "A"), ("b", "B"), ("dir/x", "")]);
    let error = fails("move", json!({"from": fixture.path("a"), "to": fixture.path("b")}));
    assert!(matches!(&error, Error::Failed(message) if message.contains("set `overwrite`")), "{error:?}");
    assert_eq!(
        ok("move", json!({"from": fixture.path("a"), "to": fixture.path("b"), "overwrite": true})),
        json!({"replaced": true})
    );
    assert_eq!(fixture.text("b"), "A");
    let into = fails("move", json!({"from": fixture.path("b"), "to": fixture.path("dir")}));
    assert!(into.message().contains(&format!("such as `{}`", fixture.path("dir/b"))), "{into}");
    ok("move", json!({"from": fixture.path("dir"), "to": fixture.path("new/place"), "create_parents": true}));
    assert!(fixture.at("new/place/x").exists());
    assert!(
        fails("move", json!({"from": fixture.path("new"), "to": fixture.path("new/in")}))
            .message()
            .contains("lies within")
    );
    assert!(matches!(
        fails("move", json!({"from": fixture.path("gone"), "to": fixture.path("z")})),
        Error::NotFound(_)
    ));
    assert!(matches!(fails("move", json!({"from": "/", "to": fixture.path("z")})), Error::InvalidArgs(_)));
}

#[test]
fn a_directory_is_copied_with_everything_but_links() {
    let fixture = Fixture::new(&[("a/one", "1"), ("a/b/.two", "22")]);
    std::os::unix::fs::symlink("one", fixture.at("a/link")).unwrap();
    let copied = ok("copy", json!({"from": fixture.path("a"), "to": fixture.path("c")}));
    assert_eq!(copied, json!({"files": 2, "bytes": 3, "skipped_links": 1}));
    assert_eq!((fixture.text("c/one"), fixture.text("c/b/.two")), ("1".to_owned(), "22".to_owned()));
    assert!(
        fails("copy", json!({"from": fixture.path("a"), "to": fixture.path("a/b/self")}))
            .message()
            .contains("lies within")
    );
    assert!(
        fails("copy", json!({"from": fixture.path("a/one"), "to": fixture.path("c/one")}))
            .message()
            .contains("exists already")
    );
    assert_eq!(
        ok("copy", json!({"from": fixture.path("a/one"), "to": fixture.path("c/one"), "overwrite": true}))["files"],
        json!(1)
    );
}

#[test]
fn nothing_is_copied_onto_or_into_itself_under_another_name() {
    let fixture = Fixture::new(&[("a", "text"), ("dir/sub/x", "1")]);
    std::fs::hard_link(fixture.at("a"), fixture.at("hard")).unwrap();
    std::os::unix::fs::symlink(fixture.at("dir/sub"), fixture.at("soft")).unwrap();
    for to in ["hard", "dir/../a", "dir/sub/../../hard"] {
        let error = fails("copy", json!({"from": fixture.path("a"), "to": fixture.path(to), "overwrite": true}));
        assert!(error.message().contains("the same file"), "{to}: {error}");
        assert_eq!(fixture.text("a"), "text", "{to}");
    }
    for to in ["dir/sub/../new", "soft/new", "dir/sub/../sub/new", "soft/../new"] {
        let error = fails("copy", json!({"from": fixture.path("dir"), "to": fixture.path(to)}));
        assert!(error.message().contains("lies within"), "{to}: {error}");
    }
    let error = fails("copy", json!({"from": fixture.path("soft/.."), "to": fixture.path("dir/new")}));
    assert!(error.message().contains("lies within"), "{error}");
    ok("copy", json!({"from": fixture.path("soft/../sub"), "to": fixture.path("soft/../beside")}));
    assert_eq!(fixture.text("dir/beside/x"), "1");
}

#[test]
fn a_directory_is_deleted_only_when_said() {
    let fixture = Fixture::new(&[("a/one", "1"), ("a/b/two", "2"), ("keep", "")]);
    std::os::unix::fs::symlink("../keep", fixture.at("a/link")).unwrap();
    let error = fails("delete", json!({"path": fixture.path("a")}));
    assert!(error.message().contains("a directory with 3 entries; set `recursive`"), "{error}");
    assert_eq!(ok("delete", json!({"path": fixture.path("a/link")})), json!({"deleted": 1}));
    assert_eq!(ok("delete", json!({"path": fixture.path("a"), "recursive": true})), json!({"deleted": 4}));
    assert!(!fixture.at("a").exists() && fixture.at("keep").exists());
    assert!(matches!(fails("delete", json!({"path": fixture.path("a")})), Error::NotFound(_)));
    assert!(matches!(fails("delete", json!({"path": "/", "recursive": true})), Error::InvalidArgs(_)));
}
