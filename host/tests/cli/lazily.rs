//! What nobody calls is not compiled: a command that needs one tool pays for one, and what checks everything checks everything.

use std::path::PathBuf;

use serde_json::json;

use crate::project::{Project, guest, packed};

/// Small ones: they are compiled, and not taken from the cache of all tests.
const MANIFEST: &str = r#"
version = 1

[tools.one]
source = "one.wasm"

[tools.two]
source = "two.wasm"

[[rules]]
name = "all"
decision = "allow"
tools = ["*"]
"#;

/// Two components, both accepted and loaded once, in a cache of their own without machine code.
struct Two {
    project: Project,
    cache: PathBuf,
}

impl Two {
    fn new() -> Self {
        let project = Project::new(MANIFEST);
        for (name, bytes) in [("one.wasm", guest("typed")), ("two.wasm", packed("typed"))] {
            std::fs::write(project.path().join(name), bytes).unwrap();
        }
        let two = Self { cache: project.path().join("own-cache"), project };
        assert_eq!(two.run(&["lock", "--yes"]), 0);
        assert_eq!(two.artifacts().len(), 2);
        two.forget();
        two
    }

    fn run(&self, words: &[&str]) -> i32 {
        let cache = self.cache.to_str().unwrap();
        let done = self.project.run(&[words, &["--cache", cache]].concat());
        eprintln!("{}{}", done.printed(), done.said());
        done.code()
    }

    /// Files with machine code.
    fn artifacts(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.cache).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")).collect()
    }

    fn forget(&self) {
        self.artifacts().into_iter().for_each(|artifact| std::fs::remove_file(artifact).unwrap());
    }
}

#[test]
fn a_call_compiles_the_component_that_it_calls_and_no_other_and_doctor_compiles_all() {
    let two = Two::new();
    assert_eq!(two.run(&["call", "one.numbers", "a=256"]), 4);
    assert_eq!(two.artifacts().len(), 0, "arguments are checked before anything is compiled");
    assert_eq!(two.run(&["call", "one.get-version"]), 0);
    assert_eq!(two.artifacts().len(), 1);
    two.run(&["doctor", "--offline"]);
    assert_eq!(two.artifacts().len(), 2);
}

#[test]
fn a_file_that_was_swapped_is_refused_though_nothing_is_compiled() {
    let two = Two::new();
    let other = std::fs::read(two.project.path().join("one.wasm")).unwrap();
    std::fs::write(two.project.path().join("two.wasm"), other).unwrap();
    assert_eq!(two.run(&["call", "one.get-version"]), 9);
    assert_eq!(two.artifacts().len(), 0);
}

/// Of what was loaded before, schemas are not looked at at a start; so nothing is kept of what has one that does not compile.
#[test]
fn a_tool_whose_schema_does_not_compile_is_refused_again_and_again() {
    let module = r#"(module (func (export "describe") (result i32) unreachable))"#;
    let component = toolhold_tests::wat_guest::from_text(module, "").unwrap();
    let tool = |of_argument: &str| {
        let schema = json!({ "type": "object", "properties": { "a": { "type": of_argument } } });
        let tools = json!([{ "name": "run", "title": "Run", "description": "Runs.", "input-schema": schema }]);
        let described = serde_json::to_vec(&json!({ "format": 1, "tools": tools })).unwrap();
        toolhold_tests::wat_guest::with_section(&component, "toolhold:tool", described)
    };
    let two = Two::new();
    let lock = |bytes: Vec<u8>| {
        std::fs::write(two.project.path().join("two.wasm"), bytes).unwrap();
        let done = two.project.run(&["lock", "--yes", "--cache", two.cache.to_str().unwrap()]);
        (done.code(), done.said())
    };
    for _ in 0..2 {
        let (code, said) = lock(tool("nonsense"));
        assert_ne!(code, 0, "{said}");
        assert!(said.contains("tool `two.run`: input schema"), "{said}");
    }
    assert_eq!(lock(tool("string")).0, 0);
    assert_eq!(
        two.run(&["call", "two.run", r#"{"a": 1}"#]),
        4,
        "the schema is compiled for the first value, and holds"
    );
    assert_eq!(two.run(&["call", "two.run", r#"{"a": "b"}"#]), 0);
}
