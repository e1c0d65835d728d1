//! Other languages in the same world: what a library of theirs does to a directory is what ours does.
//!
//! Each guest in `tests/guests/other` uses its library's own words for the same steps and reports what it saw. The
//! expected report is written once, here: a language that sees something else is a gap in our file system.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use toolhold_core::describe::EffectKind;
use toolhold_core::limit::{Limit, Usage};
use toolhold_tests::guests;
use toolhold_tests::test_host::{self, TestHost};

use crate::check::next_call_works;

/// A directory to write to, one to read only, and a file beside them that nobody may reach.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("work")).unwrap();
        std::fs::create_dir(root.path().join("fixed")).unwrap();
        std::fs::write(root.path().join("fixed/kept.txt"), "kept\n").unwrap();
        std::fs::write(root.path().join("secret.txt"), "secret").unwrap();
        Self(root)
    }

    fn grants(&self) -> String {
        let grant = |name: &str, keys: &str| {
            format!("{{ host = {:?}, guest = \"/{name}\", read = [\"**\"]{keys} }}", self.0.path().join(name))
        };
        format!("directories = [{}, {}]\n", grant("work", ", write = [\"**\"]"), grant("fixed", ""))
    }

    /// Every file and directory with its content, in the order of the names.
    fn content(&self) -> Vec<(String, String)> {
        let entries = walkdir::WalkDir::new(self.0.path()).min_depth(1).sort_by_file_name().into_iter();
        entries.map(|entry| entry.unwrap()).map(|entry| (self.name(entry.path()), text(entry.path()))).collect()
    }

    fn name(&self, path: &Path) -> String {
        path.strip_prefix(self.0.path()).unwrap().to_str().unwrap().to_owned()
    }
}

fn text(path: &Path) -> String {
    if path.is_dir() { "/".to_owned() } else { std::fs::read_to_string(path).unwrap() }
}

/// What every language must see.
const EXPECTED: &str = r#"{
    "created": "hello world\n",
    "appended": "hello world\nmore\n",
    "tail": "world",
    "end": 17,
    "patched": "heLLo world\nmore\n",
    "cut": "heLLo",

    "kind": "file",
    "size": 5,
    "directory": "directory",
    "grown": 1048576,
    "modified": 1000000000250,

    "copied": "heLLo",
    "moved": "heLLo",
    "moved away": "missing",
    "replaced": "other",
    "large": 1048576,

    "mkdir": "done",
    "tree": ["a.txt", "c.txt", "deep/", "deep/er/", "deep/er/est/", "deep/er/est/é.txt", "deep/er/f.txt"],
    "moved directory": "done",
    "moved within": "f",
    "tree after": ["a.txt", "c.txt", "place/", "place/er/", "place/er/est/", "place/er/est/é.txt", "place/er/f.txt"],

    "open missing": "missing",
    "remove missing": "missing",
    "create anew": "exists",
    "make anew": "exists",
    "remove full": "not empty",
    "write directory": "a directory",
    "open below file": "not a directory",
    "link": "denied",

    "remove": "done",
    "left": [],

    "fixed": "kept\n",
    "fixed write": "denied",
    "fixed truncate": "denied",
    "fixed create": "denied",
    "fixed mkdir": "denied",
    "fixed rename": "denied",
    "fixed remove": "denied",
    "fixed utime": "denied",

    "../secret.txt": "refused",
    "sub/../../secret.txt": "refused",
    "../../../../etc/passwd": "refused",
    "/etc/passwd": "refused"
}"#;

#[test]
fn c() {
    works_like_any_other("c", "C");
}

#[test]
fn python() {
    works_like_any_other("python", "Python");
}

#[test]
fn go() {
    works_like_any_other("go", "Go");
}

// One test per language, because each may be a process of its own and compiles what is not yet in the cache.
fn works_like_any_other(guest: &str, language: &str) {
    let Some(component) = guests::other(guest).unwrap() else { return };
    let place = Place::new();
    let host = TestHost::new(&test_host::shared().unwrap(), &component, &place.grants()).unwrap();
    describes_itself(&host);
    echoes(&host, language);
    uses_a_directory(&host, &place);
    next_call_works(host.sandbox());
}

fn describes_itself(host: &TestHost) {
    let tools = &host.loaded().description.tools;
    assert_eq!(tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["echo", "exercise"]);
    assert!(tools[0].hints.read_only && tools[0].needs.is_empty(), "{:?}", tools[0]);
    let effects: Vec<_> = tools[1].needs.iter().map(|need| need.effect).collect();
    assert_eq!(effects, [EffectKind::Read, EffectKind::Write]);
}

fn echoes(host: &TestHost, language: &str) {
    for text in ["", "plain", "quote \" and \\ and \n and \t", "é 漢 🎈", "\u{1}\u{7f}"] {
        let reply = host.call("echo", json!({"text": text})).unwrap();
        assert_eq!(reply.value().unwrap(), text);
        let log: Vec<_> = reply.output.log.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(log, [format!("echo in {language}")]);
    }
}

fn uses_a_directory(host: &TestHost, place: &Place) {
    let before = place.content();
    let reply = host.call("exercise", json!({"directory": "/work", "fixed": "/fixed"})).unwrap();
    let (seen, expected) = (members(reply.value().unwrap()), members(&serde_json::from_str(EXPECTED).unwrap()));
    // As sets, so that a message names what differs and nothing else.
    let (surplus, missing) = (seen.difference(&expected), expected.difference(&seen));
    assert!(seen == expected, "saw {:#?}\nexpected {:#?}", surplus.collect::<Vec<_>>(), missing.collect::<Vec<_>>());
    assert_eq!(place.content(), before, "it removed all that it made and reached nothing else");
}

fn members(report: &Value) -> BTreeSet<String> {
    report.as_object().unwrap().iter().map(|(step, value)| format!("{step}: {value}")).collect()
}

/// What a call of the sample costs in each language: the table in docs/languages/README.md.
#[test]
#[ignore = "measures: `cargo test --workspace --test suite -- --ignored --nocapture what_a_call_costs`"]
fn what_a_call_costs() {
    let shared = test_host::shared().unwrap();
    println!("language         bytes  memory KiB   fuel (5 B)   fuel (28 kB)  p50 µs, least (5 B)  p50, least (28 kB)");
    for language in ["rust", "c", "cpp", "zig", "go", "python", "javascript", "typescript", "assemblyscript"] {
        let Some(component) = guests::other(&format!("sample-{language}")).unwrap() else { continue };
        let place = Place::new();
        std::fs::write(place.0.path().join("fixed/text.txt"), "one two three\n".repeat(2000)).unwrap();
        let host = TestHost::new(&shared, &component, &place.grants()).unwrap();
        let call = |path: &str| host.call("word_count", json!({"path": path})).unwrap().usage;
        let [small, large] = ["/fixed/kept.txt", "/fixed/text.txt"].map(|path| {
            let mut micros: Vec<_> = (0..100).map(|_| call(path).get(Limit::Time)).collect();
            micros.sort_unstable();
            (call(path), micros[50], micros[0])
        });
        let memory = small.0.get(Limit::Memory) >> 10;
        let fuel = |usage: &Usage| usage.get(Limit::Fuel);
        println!(
            "{language:14} {:8} {memory:11} {:12} {:14} {:11}, {:6} {:11}, {:6}",
            component.len(),
            fuel(&small.0),
            fuel(&large.0),
            small.1,
            small.2,
            large.1,
            large.2
        );
    }
}
