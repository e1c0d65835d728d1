//! The tools through the dispatch that the host uses; `schema-check` holds arguments and results against their schemas.

use toolhold_sdk::Error;
use toolhold_sdk::serde_json::{Value, json};
use toolhold_sdk::testing::{call, tools};

use crate::COMPONENT;

fn ok(tool: &str, arguments: Value) -> Value {
    call(&COMPONENT, tool, arguments).value()
}

fn fails(tool: &str, arguments: Value) -> String {
    match call(&COMPONENT, tool, arguments).error() {
        Error::InvalidArgs(message) => message,
        other => panic!("not invalid-args: {other:?}"),
    }
}

#[test]
fn nothing_is_needed_and_nothing_is_changed() {
    for tool in tools(&COMPONENT) {
        assert!(
            tool.needs.is_empty() && tool.hints.read_only && tool.hints.idempotent && !tool.hints.open_world,
            "{}",
            tool.name
        );
    }
}

#[test]
fn texts_are_compared() {
    let compared = ok("diff", json!({"old": "a\nb\n", "new": "a\nc\n", "old_name": "one"}));
    let diff = "--- one\n+++ new\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n";
    assert_eq!(compared, json!({"identical": false, "diff": diff, "added": 1, "removed": 1, "truncated": false}));
    assert_eq!(ok("diff", json!({"old": "a", "new": "a"}))["identical"], json!(true));
    let zero = ok("diff", json!({"old": "a\nb\n", "new": "a\nc\n", "context": 0}));
    assert!(zero["diff"].as_str().unwrap().contains("@@ -2 +2 @@"), "{zero}");
}

#[test]
fn sizes_are_counted() {
    assert_eq!(
        ok("count", json!({"text": "grün ist\n\nx"})),
        json!({"lines": 3, "words": 3, "characters": 11, "bytes": 12})
    );
    assert_eq!(ok("count", json!({"text": ""})), json!({"lines": 0, "words": 0, "characters": 0, "bytes": 0}));
}

#[test]
fn matches_come_with_lines_and_groups() {
    let found = ok("extract", json!({"text": "a=1\n\nb=22", "pattern": r"^(\w)=(?:(1)|\d+)$"}));
    let expected =
        json!([{"text": "a=1", "line": 1, "groups": ["a", "1"]}, {"text": "b=22", "line": 3, "groups": ["b", null]}]);
    assert_eq!(found, json!({"matches": expected, "truncated": false}));
    assert_eq!(ok("extract", json!({"text": "aaa", "pattern": "a", "limit": 2}))["truncated"], json!(true));
}

#[test]
fn groups_are_put_into_replacements() {
    let replaced = ok(
        "replace",
        json!({"text": "John Smith", "pattern": r"(?<first>\w+) (\w+)", "replacement": "$2, ${first}$$"}),
    );
    assert_eq!(replaced, json!({"text": "Smith, John$", "replacements": 1}));
    let literal =
        ok("replace", json!({"text": "a.b.c", "pattern": ".", "replacement": "$1", "literal": true, "limit": 1}));
    assert_eq!(literal, json!({"text": "a$1b.c", "replacements": 1}));
    assert_eq!(ok("replace", json!({"text": "abc", "pattern": "x*", "replacement": "-"}))["text"], json!("-a-b-c-"));
}

#[test]
fn a_replacement_that_names_no_group_is_refused() {
    let message = fails("replace", json!({"text": "a", "pattern": "(a)", "replacement": "$1x"}));
    assert!(message.contains("for group 1 followed by text write `${1}`"), "{message}");
    assert!(fails("replace", json!({"text": "a", "pattern": "a", "replacement": "$5"})).contains("write `$$`"));
    assert!(fails("replace", json!({"text": "a", "pattern": "(", "replacement": ""})).contains("set `literal`"));
    let exploding = json!({"text": "a".repeat(10_000), "pattern": "a", "replacement": "b".repeat(10_000)});
    assert!(matches!(call(&COMPONENT, "replace", exploding).error(), Error::Failed(_)));
}

#[test]
fn every_encoding_survives_both_ways() {
    let text = "grün/?&=+ ~";
    for (format, encoded) in [
        ("base64", "Z3LDvG4vPyY9KyB+"),
        ("base64url", "Z3LDvG4vPyY9KyB-"),
        ("hex", "6772c3bc6e2f3f263d2b207e"),
        ("url", "gr%C3%BCn%2F%3F%26%3D%2B%20~"),
    ] {
        assert_eq!(ok("encode", json!({"text": text, "format": format})), json!({"text": encoded}));
        assert_eq!(ok("decode", json!({"text": encoded, "format": format})), json!({"text": text, "bytes": 12}));
    }
    assert_eq!(ok("decode", json!({"text": "YQ", "format": "base64"}))["text"], json!("a"), "without padding");
    assert_eq!(ok("decode", json!({"text": "/wA=", "format": "base64"})), json!({"hex": "ff00", "bytes": 2}));
}

#[test]
fn what_cannot_be_decoded_names_the_place() {
    assert!(fails("decode", json!({"text": "a*b", "format": "base64"})).contains("is not base64"));
    assert!(fails("decode", json!({"text": "abc", "format": "hex"})).contains("even number"));
    assert!(fails("decode", json!({"text": "zz", "format": "hex"})).contains("`z` at position 0"));
    assert!(fails("decode", json!({"text": "a%4", "format": "url"})).contains("`%` at position 1"));
    assert!(fails("decode", json!({"text": "%gg", "format": "url"})).contains("`%` at position 0"));
}

#[test]
fn digests_are_the_published_ones() {
    for (algorithm, digest) in [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("blake3", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
    ] {
        assert_eq!(
            ok("hash", json!({"text": "abc", "algorithm": algorithm})),
            json!({"hex": digest, "bytes": 3}),
            "{algorithm}"
        );
    }
    let of_bytes = ok("hash", json!({"text": "616263", "encoding": "hex"}));
    assert_eq!(of_bytes["hex"], json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}
