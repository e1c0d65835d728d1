//! One sample tool in nine languages: the same file of cases holds for each, and each says the same of itself.
//!
//! `make guests-extra` builds them from what `toolhold new` makes; where it did not, a test says that it is skipped, and CI fails.

use serde_json::{Value, json};
use toolhold_tests::guests;

use crate::project::Project;

/// The cases that every template has.
const CASES: &str = include_str!("../../../guest-sdk/languages/cases.toml");

#[test]
fn rust() {
    is_the_sample("rust");
}

#[test]
fn c() {
    is_the_sample("c");
}

#[test]
fn cpp() {
    is_the_sample("cpp");
}

#[test]
fn zig() {
    is_the_sample("zig");
}

#[test]
fn go() {
    is_the_sample("go");
}

#[test]
fn python() {
    is_the_sample("python");
}

#[test]
fn javascript() {
    is_the_sample("javascript");
}

#[test]
fn typescript() {
    is_the_sample("typescript");
}

#[test]
fn assemblyscript() {
    is_the_sample("assemblyscript");
}

fn is_the_sample(language: &str) {
    let Some(component) = guests::other(&format!("sample-{language}")).unwrap() else { return };
    let project = Project::new("version = 1\n");
    std::fs::write(project.path().join("sample.wasm"), component).unwrap();
    project.write("cases.toml", CASES);
    project.run(&["test", "--component", "sample.wasm"]).worked(&["8 cases: all hold"]);
    let tool = described(&project);
    for (key, value) in [
        ("name", json!("word_count")),
        ("title", json!("Word count")),
        ("description", json!("Counts the lines and words of a text file.")),
        ("hints", json!({"read-only": true, "destructive": false, "idempotent": true, "open-world": false})),
        ("needs", json!([{"effect": "read", "target": "/**", "reason": "reads the file it is asked to count"}])),
    ] {
        assert_eq!(tool[key], value, "{key}");
    }
    assert_eq!(tool["input-schema"]["required"], json!(["path"]));
    let counts = tool["output-schema"]["properties"].as_object().unwrap();
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["lines", "words"]);
}

fn described(project: &Project) -> Value {
    let done = project.run(&["inspect", "sample.wasm", "--json"]);
    let value: Value = serde_json::from_str(&done.printed()).unwrap();
    assert_eq!(value["described_by"], "its section; nothing was run");
    value["tools"][0].clone()
}

#[test]
fn a_template_of_each_language_is_whole_and_has_the_name() {
    for language in ["rust", "c", "cpp", "zig", "go", "python", "javascript", "typescript", "assemblyscript"] {
        let project = Project::new("version = 1\n");
        assert_eq!(project.run(&["new", "weather", "--lang", language]).code(), 0);
        assert_eq!(project.read("weather/cases.toml"), CASES);
        for entry in walkdir::WalkDir::new(project.path().join("weather")).into_iter().map(Result::unwrap) {
            if entry.file_type().is_file() {
                let text = std::fs::read_to_string(entry.path()).unwrap();
                assert!(!text.contains("{{name}}") && !text.contains("{{sdk}}"), "{}", entry.path().display());
            }
        }
        let named = if language == "rust" { "weather/Cargo.toml" } else { "weather/tool.toml" };
        assert!(project.read(named).contains("name = \"weather\""));
    }
    let project = Project::new("version = 1\n");
    project.run(&["new", "weather", "--lang", "cobol"]).failed(2, &["cobol", "assemblyscript"]);
}

#[test]
fn a_compiler_that_is_not_in_the_project_is_an_error_that_says_how_to_put_it_there() {
    for (language, compiler, install) in [
        ("c", ".venv/bin/python", ".venv/bin/pip install --require-hashes -r requirements.txt"),
        ("go", ".venv/bin/go", ".venv/bin/pip install --require-hashes -r requirements.txt"),
        ("python", ".venv/bin/componentize-py", ".venv/bin/pip install --require-hashes -r requirements.txt"),
        ("typescript", "node_modules/.bin/esbuild", "npm ci"),
        ("assemblyscript", "node_modules/.bin/asc", "npm ci"),
    ] {
        let project = Project::new("version = 1\n");
        assert_eq!(project.run(&["new", "weather", "--lang", language]).code(), 0);
        project.run(&["build", "weather"]).failed(1, &[compiler, "`weather`", install]);
        assert!(!project.path().join("weather/weather.wasm").exists());
    }
}

#[test]
fn a_bad_project_file_says_where() {
    let project = Project::new("version = 1\n");
    project.run(&["build", "work"]).failed(3, &["holds neither a tool.toml nor a Cargo.toml", "toolhold new NAME"]);
    project.write("work/tool.toml", "name = \"weather\"\nlanguage = \"cobol\"\n");
    project.run(&["build", "work"]).failed(3, &["work/tool.toml", "line 2, column 12", "assemblyscript"]);
    project.write("work/tool.toml", "name = \"weather\"\nlanguage = \"c\"\ncompiler = \"gcc\"\n");
    project.run(&["build", "work"]).failed(3, &["line 3", "unknown field `compiler`"]);
    project.write("work/tool.toml", "name = \"Bad Name\"\nlanguage = \"c\"\n");
    project.run(&["build", "work"]).failed(3, &["`name`", "lower-case"]);
}
