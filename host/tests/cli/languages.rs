//! One sample tool in eleven languages: the same file of cases holds for each, and each says the same of itself.
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

#[test]
fn nim() {
    is_the_sample_as_a_program("nim");
}

#[test]
fn ruby() {
    is_the_sample_as_a_program("ruby");
}

/// Ruby is started when it is built, where other directories are granted.
#[test]
fn ruby_finds_the_directories_of_the_call_and_no_others() {
    let Some(component) = guests::other("sample-ruby").unwrap() else { return };
    let project = Project::new(RUBY);
    std::fs::write(project.path().join("sample.wasm"), component).unwrap();
    for folder in ["work/no", "other/deep", "secret"] {
        std::fs::create_dir_all(project.path().join(folder)).unwrap();
    }
    project.write("work/a.txt", "one\n");
    project.write("work/no/c.txt", "no\n");
    project.write("other/deep/b.txt", "one two\nthree\n");
    project.write("secret/c.txt", "no\n");
    project.run(&["lock"]);
    let count = |path: &str| project.run(&["call", "ruby.word_count", &format!("path={path}")]);
    assert_eq!(count("/work/a.txt").printed().split_whitespace().collect::<String>(), r#"{"lines":1,"words":1}"#);
    assert_eq!(
        count("/other/place/deep/b.txt").printed().split_whitespace().collect::<String>(),
        r#"{"lines":2,"words":3}"#
    );
    for nowhere in ["/other/placed/deep/b.txt", "/src/tool.rb"] {
        count(nowhere).failed(6, &["does not exist"]);
    }
    // A path is what the sandbox makes of it, not what the program makes of it.
    count("/work/../secret/c.txt").failed(6, &["it leads out of the granted directory"]);
    count("/work/no/c.txt").failed(6, &["a `deny` pattern of the grant matches it"]);
}

const RUBY: &str = r#"
version = 1

[tools.ruby]
source = "sample.wasm"

[[tools.ruby.directories]]
host = "work"
guest = "/work"
read = ["**"]
deny = ["no/**"]

[[tools.ruby.directories]]
host = "other"
guest = "/other/place"
read = ["**"]

[[rules]]
name = "all"
decision = "allow"
tools = ["*"]
"#;

/// A program says less: what it needs is what it imports.
fn is_the_sample_as_a_program(language: &str) {
    let Some(component) = guests::other(&format!("sample-{language}")).unwrap() else { return };
    let project = Project::new("version = 1\n");
    std::fs::write(project.path().join("sample.wasm"), component).unwrap();
    project.write("cases.toml", CASES);
    project.run(&["test", "--component", "sample.wasm"]).worked(&["8 cases: all hold"]);
    is_described_as_the_sample(&described(&project));
}

fn is_the_sample(language: &str) {
    let Some(component) = guests::other(&format!("sample-{language}")).unwrap() else { return };
    let project = Project::new("version = 1\n");
    std::fs::write(project.path().join("sample.wasm"), component).unwrap();
    project.write("cases.toml", CASES);
    project.run(&["test", "--component", "sample.wasm"]).worked(&["8 cases: all hold"]);
    let tool = described(&project);
    is_described_as_the_sample(&tool);
    assert_eq!(
        tool["needs"],
        json!([{"effect": "read", "target": "/**", "reason": "reads the file it is asked to count"}])
    );
}

fn is_described_as_the_sample(tool: &Value) {
    for (key, value) in [
        ("name", json!("word_count")),
        ("title", json!("Word count")),
        ("description", json!("Counts the lines and words of a text file.")),
        ("hints", json!({"read-only": true, "destructive": false, "idempotent": true, "open-world": false})),
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
    for language in
        ["rust", "c", "cpp", "zig", "go", "python", "javascript", "typescript", "assemblyscript", "nim", "ruby"]
    {
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
        ("nim", ".venv/bin/nim", ".venv/bin/pip install --require-hashes -r requirements.txt"),
        ("ruby", "node_modules/@ruby/3.4-wasm-wasi", "npm ci"),
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
    project.run(&["build", "work"]).failed(3, &["work/tool.toml:2:12", "`cobol`", "assemblyscript"]);
    project.write("work/tool.toml", "name = \"weather\"\nlanguage = \"c\"\ncompiler = \"gcc\"\n");
    project.run(&["build", "work"]).failed(3, &["work/tool.toml:3:1", "unknown key `compiler`"]);
    project.write("work/tool.toml", "name = \"Bad Name\"\nlanguage = \"c\"\n");
    project.run(&["build", "work"]).failed(3, &["work/tool.toml:1:8", "lower-case"]);
    project.write("work/tool.toml", "name = \"weather\"\nlanguage = \"nim\"\n");
    project
        .run(&["build", "work"])
        .failed(3, &["work/tool.toml:2:12", "nothing here says how it is called", "[commands.TOOL]"]);
}
