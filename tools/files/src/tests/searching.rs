//! `list`, `tree`, `find`, `search`.

use toolhold_sdk::Error;
use toolhold_sdk::serde_json::{Value, json};
use toolhold_sdk::testing::call_cancelled;

use super::{Fixture, fails, ok};
use crate::COMPONENT;

fn project() -> Fixture {
    Fixture::new(&[
        ("README.md", "# Title\nsee src/main.rs\n"),
        ("src/main.rs", "fn main() {\n    helper();\n}\n"),
        ("src/deep/helper.rs", "pub fn helper() {}\n"),
        ("node_modules/x/index.js", "helper()\n"),
        (".hidden", "helper\n"),
    ])
}

fn paths(fixture: &Fixture, found: &Value) -> Vec<String> {
    found["paths"].as_array().unwrap().iter().map(|path| fixture.relative(path)).collect()
}

#[test]
fn a_listing_is_sorted_bounded_and_continued() {
    let fixture = Fixture::new(&[("b", "22"), ("a", "1"), ("c", "333"), ("d/x", "")]);
    let names = |listing: &Value| -> Vec<String> {
        listing["entries"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    };
    let listing = ok("list", json!({"path": fixture.path("")}));
    assert_eq!(names(&listing), ["a", "b", "c", "d"]);
    assert_eq!(listing["entries"][3]["kind"], json!("directory"));
    assert_eq!(names(&ok("list", json!({"path": fixture.path(""), "sort": "size"}))), ["c", "b", "a", "d"]);
    let first = ok("list", json!({"path": fixture.path(""), "limit": 3}));
    assert_eq!((&first["total"], &first["next_skip"]), (&json!(4), &json!(3)));
    assert_eq!(names(&ok("list", json!({"path": fixture.path(""), "skip": 3}))), ["d"]);
    assert!(fails("list", json!({"path": fixture.path("a")})).message().contains("is a file"));
}

#[test]
fn a_tree_is_indented_text() {
    let fixture = project();
    let tree = ok("tree", json!({"path": fixture.path("")}));
    assert_eq!(tree["tree"], json!("README.md\nsrc/\n  deep/\n    helper.rs\n  main.rs\n"));
    assert_eq!((&tree["directories"], &tree["files"], &tree["truncated"]), (&json!(2), &json!(3), &json!(false)));
    let tree = ok("tree", json!({"path": fixture.path(""), "depth": 1, "ignore": [], "hidden": true}));
    assert_eq!(tree["tree"], json!(".hidden\nREADME.md\nnode_modules/\nsrc/\n"));
    assert_eq!(ok("tree", json!({"path": fixture.path(""), "limit": 2}))["truncated"], json!(true));
}

#[test]
fn names_are_found_by_glob() {
    let fixture = project();
    let find = |arguments: Value| paths(&fixture, &ok("find", arguments));
    assert_eq!(find(json!({"path": fixture.path(""), "glob": "*.rs"})), ["src/deep/helper.rs", "src/main.rs"]);
    assert_eq!(find(json!({"path": fixture.path(""), "glob": "src/*.rs"})), ["src/main.rs"]);
    assert_eq!(
        find(json!({"path": fixture.path(""), "glob": "*", "kind": "directory", "ignore": ["x"]})),
        ["node_modules", "src", "src/deep"]
    );
    let found = ok("find", json!({"path": fixture.path(""), "glob": "*", "limit": 1}));
    assert_eq!(found["truncated"], json!(true));
    assert!(fails("find", json!({"path": fixture.path(""), "glob": "[a"})).message().contains("is no glob"));
}

#[test]
fn a_cycle_of_links_ends() {
    let fixture = project();
    std::os::unix::fs::symlink("..", fixture.at("src/loop")).unwrap();
    assert_eq!(paths(&fixture, &ok("find", json!({"path": fixture.path(""), "glob": "main.rs"}))), ["src/main.rs"]);
}

#[test]
fn contents_are_searched_with_context() {
    let fixture = project();
    let found =
        ok("search", json!({"path": fixture.path(""), "pattern": r"helper\(", "globs": ["*.rs"], "context": 1}));
    assert_eq!((&found["matches"], &found["searched"]), (&json!(2), &json!(2)));
    let expected = json!([
        {"path": fixture.path("src/deep/helper.rs"), "lines": [{"line": 1, "text": "pub fn helper() {}"}]},
        {"path": fixture.path("src/main.rs"), "lines": [{"line": 2, "text": "    helper();", "before": ["fn main() {"], "after": ["}"]}]},
    ]);
    assert_eq!(found["files"], expected);
}

#[test]
fn a_search_is_literal_case_blind_or_for_words_on_demand() {
    let fixture = Fixture::new(&[("a", "Cat\ncats (x)\nconcat\r\n")]);
    let lines = |more: Value| -> Vec<u64> {
        let mut arguments = json!({"path": fixture.path("")});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let found = ok("search", arguments);
        let lines = found["files"][0]["lines"].as_array().cloned().unwrap_or_default();
        lines.iter().map(|line| line["line"].as_u64().unwrap()).collect()
    };
    assert_eq!(lines(json!({"pattern": "cat"})), [2, 3]);
    assert_eq!(lines(json!({"pattern": "cat", "ignore_case": true})), [1, 2, 3]);
    assert_eq!(lines(json!({"pattern": "cat", "ignore_case": true, "whole_word": true})), [1]);
    assert_eq!(lines(json!({"pattern": "(x)", "literal": true})), [2]);
    assert_eq!(lines(json!({"pattern": "cat$"})), [3], "a carriage return is no part of the line");
    assert_eq!(lines(json!({"pattern": r"\Acat"})), [2], "the text of a match is one line");
}

#[test]
fn a_search_counts_lists_and_stops() {
    let fixture = Fixture::new(&[("a", "x\nx\nx\n"), ("b", "x\n"), ("c", "y\n")]);
    fixture.put("d.bin", b"x\0");
    let counted = ok("search", json!({"path": fixture.path(""), "pattern": "x", "output": "count"}));
    let expected = json!([{"path": fixture.path("a"), "count": 3}, {"path": fixture.path("b"), "count": 1}]);
    assert_eq!((&counted["files"], &counted["matches"], &counted["binary"]), (&expected, &json!(4), &json!(1)));
    let files = ok("search", json!({"path": fixture.path(""), "pattern": "x", "output": "files"}));
    assert_eq!(files["files"], json!([{"path": fixture.path("a")}, {"path": fixture.path("b")}]));
    let cut = ok("search", json!({"path": fixture.path(""), "pattern": "x", "limit": 3}));
    assert_eq!(
        (&cut["matches"], &cut["truncated"], cut["files"].as_array().unwrap().len()),
        (&json!(3), &json!(true), 1)
    );
    let whole = ok("search", json!({"path": fixture.path(""), "pattern": "x", "limit": 4}));
    assert_eq!(whole["truncated"], json!(false));
}

#[test]
fn large_files_and_long_lines_are_searched_in_pieces() {
    let fixture = Fixture::new(&[]);
    let mut text = "filler line\n".repeat(150_000);
    text.push_str(&format!("{}needle{}\n", "a".repeat(1000), "b".repeat(1000)));
    fixture.put("large.txt", text.as_bytes());
    let found = ok("search", json!({"path": fixture.path("large.txt"), "pattern": "needle"}));
    let line = &found["files"][0]["lines"][0];
    assert_eq!(line["line"], json!(150_001));
    let shown = line["text"].as_str().unwrap();
    assert!(shown.starts_with('…') && shown.ends_with('…') && shown.contains("needle") && shown.len() < 400, "{shown}");
}

#[test]
fn bad_patterns_and_giving_up() {
    let fixture = Fixture::new(&[]);
    assert!(fails("search", json!({"path": fixture.path(""), "pattern": "a("})).message().contains("set `literal`"));
    assert!(
        fails("search", json!({"path": fixture.path(""), "pattern": r"(\w{500}){500}"}))
            .message()
            .contains("too large")
    );
    for number in 0..300 {
        fixture.put(&number.to_string(), b"");
    }
    let call = call_cancelled(&COMPONENT, "search", json!({"path": fixture.path(""), "pattern": "x"}));
    assert_eq!(call.error(), Error::Cancelled);
}

/// The files in which `x` is found, below `start`.
fn searched(fixture: &Fixture, start: &str, more: Value) -> Vec<String> {
    let mut arguments = json!({"path": fixture.path(start), "pattern": "x", "output": "files"});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let found = ok("search", arguments);
    found["files"].as_array().unwrap().iter().map(|file| fixture.relative(&file["path"])).collect()
}

#[test]
fn what_gitignore_leaves_out_is_not_searched_unless_asked_for() {
    let fixture = Fixture::new(&[
        (".gitignore", "*.log\n!keep.log\n/only-here\nbuild/\n# a remark\n\\#odd\n[broken\ndeep/**/out\n"),
        ("a.log", "x"),
        ("keep.log", "x"),
        ("only-here", "x"),
        ("sub/only-here", "x"),
        ("build/made", "x"),
        ("sub/build", "x"),
        ("#odd", "x"),
        ("deep/1/2/out", "x"),
        ("deep/1/2/in", "x"),
    ]);
    let kept = ["deep/1/2/in", "keep.log", "sub/build", "sub/only-here"];
    assert_eq!(searched(&fixture, "", json!({})), kept);
    let all = searched(&fixture, "", json!({"include_ignored": true}));
    assert_eq!(all.len(), 9, "{all:?}");
    let counted = ok("search", json!({"path": fixture.path(""), "pattern": "x"}));
    assert_eq!(counted["ignored"], json!(5), "`a.log`, `only-here`, `build`, `#odd`, `out`");
}

#[test]
fn a_deeper_file_overrules_a_higher_one_and_ignore_overrules_gitignore() {
    let fixture = Fixture::new(&[
        (".gitignore", "*.cfg\n*.md\n"),
        (".ignore", "!a.md\n"),
        ("a.md", "x"),
        ("b.md", "x"),
        ("sub/.gitignore", "!c.cfg\n"),
        ("sub/c.cfg", "x"),
        ("sub/d.cfg", "x"),
        ("sub/a.md", "x"),
    ]);
    assert_eq!(searched(&fixture, "", json!({})), ["a.md", "sub/a.md", "sub/c.cfg"]);
}

#[test]
fn the_rules_around_the_start_hold_up_to_the_root_of_its_repository() {
    let fixture = Fixture::new(&[
        (".gitignore", "outer\n"),
        ("repo/.git/config", "x"),
        ("repo/.gitignore", "inner\n"),
        ("repo/sub/outer", "x"),
        ("repo/sub/inner", "x"),
        ("plain/outer", "x"),
        ("plain/inner", "x"),
    ]);
    assert_eq!(searched(&fixture, "repo/sub", json!({})), ["repo/sub/outer"]);
    assert_eq!(searched(&fixture, "plain", json!({})), ["plain/inner"]);
    assert_eq!(searched(&fixture, "repo/sub/inner", json!({})), ["repo/sub/inner"], "what is named is searched");
}

#[test]
fn a_repositorys_own_files_are_searched_only_when_asked_for() {
    let fixture = Fixture::new(&[(".git/config", "x"), ("a", "x"), (".hidden", "x"), ("target/b", "x")]);
    assert_eq!(searched(&fixture, "", json!({})), [".hidden", "a"]);
    assert_eq!(searched(&fixture, "", json!({"ignore": ["a"]})), [".hidden", "target/b"]);
    assert_eq!(searched(&fixture, "", json!({"include_ignored": true})), [".hidden", "a"]);
    assert_eq!(searched(&fixture, "", json!({"ignore": []})), [".git/config", ".hidden", "a", "target/b"]);
    assert_eq!(searched(&fixture, ".git", json!({})), [".git/config"]);
}

#[test]
fn a_file_of_rules_that_is_too_long_or_cannot_be_read_has_none() {
    let fixture = Fixture::new(&[("a", "x")]);
    fixture.put(".gitignore", "a\n".repeat(200_000).as_bytes());
    std::fs::create_dir(fixture.at(".ignore")).unwrap();
    assert_eq!(searched(&fixture, "", json!({})), ["a"]);
    fixture.put(".gitignore", b"\xef\xbb\xbfa\r\n");
    assert_eq!(searched(&fixture, "", json!({})), [] as [&str; 0]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let large = format!("\u{FEFF}using a;\n{}", "x\n".repeat(600_000));
    let fixture = Fixture::new(&[("small", "\u{FEFF}using a;\n"), ("large", &large)]);
    for name in ["small", "large"] {
        let found = ok("search", json!({"path": fixture.path(name), "pattern": "^using"}));
        assert_eq!(found["files"][0]["lines"], json!([{"line": 1, "text": "using a;"}]), "{name}");
    }
}
