//! The tools through the dispatch that the host uses, on real directories. `schema-check` holds every argument and result
//! against its schema.

mod editing;
mod managing;
mod reading;
mod searching;

use std::fs;
use std::path::PathBuf;

use toolhold_sdk::Error;
use toolhold_sdk::serde_json::{Value, from_str};
use toolhold_sdk::testing::{call, tools};

use crate::COMPONENT;

/// A directory with files, deleted at the end.
pub(crate) struct Fixture(tempfile::TempDir);

impl Fixture {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let fixture = Fixture(tempfile::tempdir().unwrap());
        for (name, text) in files {
            fixture.put(name, text.as_bytes());
        }
        fixture
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), bytes).unwrap();
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    /// The path as it stands in results, relative to the fixture.
    pub(crate) fn relative(&self, path: &Value) -> String {
        path.as_str().unwrap().strip_prefix(&format!("{}/", self.0.path().display())).unwrap().to_owned()
    }
}

pub(crate) fn ok(tool: &str, arguments: Value) -> Value {
    call(&COMPONENT, tool, arguments).value()
}

pub(crate) fn fails(tool: &str, arguments: Value) -> Error {
    call(&COMPONENT, tool, arguments).error()
}

#[test]
fn every_tool_declares_what_it_needs_and_does() {
    let tools = tools(&COMPONENT);
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    let expected = [
        "directories",
        "list",
        "tree",
        "find",
        "search",
        "stat",
        "read",
        "read_many",
        "write",
        "edit",
        "mkdir",
        "move",
        "copy",
        "delete",
    ];
    assert_eq!(names, expected);
    for tool in &tools {
        let writes = tool.needs.iter().any(|need| need.effect == toolhold_sdk::Effect::Write);
        assert_eq!(tool.hints.read_only, !writes, "{}", tool.name);
        let schema: Value = from_str(&tool.input_schema).unwrap();
        assert_eq!(schema["additionalProperties"], Value::Bool(false), "{}", tool.name);
        for (name, property) in schema["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "`{}` does not say what `{name}` is", tool.name);
        }
    }
}
