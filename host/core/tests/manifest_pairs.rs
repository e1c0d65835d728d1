//! Every bad manifest beside the message that it gets, as a person sees it.
//!
//! `TOOLHOLD_BLESS=1` writes the messages instead of comparing them. Read the difference before it is committed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking; helpers of tests too")]
#![expect(clippy::disallowed_methods, reason = "whether messages are written or compared is asked of the environment")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme};
use serde_json::json;
use toolhold_core::describe::ToolInfo;
use toolhold_core::id::Digest;
use toolhold_core::manifest::{Code, Errors, Manifest, json_schema};
use toolhold_core::policy::Policy;
use toolhold_core::schema::CompiledSchema;
use toolhold_core::tool::{Catalog, Tool};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifest")
}

fn manifests() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut manifests: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    manifests.sort();
    manifests
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// The tools that the manifests are resolved against.
fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for (component, tool, properties, required) in [
        ("files", "read", json!({ "path": { "type": "string" } }), json!(["path"])),
        ("files", "list", json!({ "path": { "type": "string" }, "depth": { "type": "integer" } }), json!([])),
        (
            "files",
            "write",
            json!({ "path": { "type": "string" }, "content": { "type": "string" } }),
            json!(["path", "content"]),
        ),
        (
            "text",
            "diff",
            json!({ "left": { "type": "string" }, "right": { "type": "string" } }),
            json!(["left", "right"]),
        ),
        ("github", "search", json!({}), json!([])),
        ("github", "label", json!({}), json!([])),
        ("local", "echo", json!({}), json!([])),
    ] {
        let schema =
            json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
        let info = json!({ "name": tool, "title": tool, "description": tool, "input-schema": schema });
        let info: ToolInfo = serde_json::from_value(info).unwrap();
        catalog.add(Tool::new(&component.parse().unwrap(), Digest::of(b"component"), info).unwrap()).unwrap();
    }
    catalog
}

fn load(path: &Path) -> Result<Policy, Errors> {
    let text = fs::read_to_string(path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy();
    let manifest = Manifest::parse(&text, &name, Path::new("/base"))?;
    Policy::resolve(Arc::new(manifest), &catalog())
}

fn rendered(errors: &Errors) -> String {
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(110);
    let mut out = String::new();
    handler.render_report(&mut out, errors).unwrap();
    out.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn each_bad_manifest_gets_its_message() {
    let bless = std::env::var_os("TOOLHOLD_BLESS").is_some();
    let mut differences = Vec::new();
    let mut seen = BTreeSet::new();
    for path in manifests().iter().filter(|path| !stem(path).starts_with("good-")) {
        let Err(errors) = load(path) else { panic!("{} has no problem", path.display()) };
        seen.extend(errors.problems().iter().map(|problem| problem.code));
        let (expected, actual) = (path.with_extension("err"), rendered(&errors));
        if bless {
            fs::write(&expected, actual).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != actual {
            differences.push(format!("{}:\n{actual}", expected.display()));
        }
    }
    assert!(differences.is_empty(), "TOOLHOLD_BLESS=1 accepts these:\n\n{}", differences.join("\n"));
    // Shown elsewhere: a large file, what only the host can see, and warnings.
    let elsewhere = [Code::TooLarge, Code::Case, Code::Host, Code::OptionalArgument, Code::Need];
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !seen.contains(code) && !elsewhere.contains(code)).collect();
    assert!(missing.is_empty(), "no bad manifest shows {missing:?}");
}

#[test]
fn each_good_manifest_is_resolved() {
    for path in manifests().iter().filter(|path| stem(path).starts_with("good-")) {
        if let Err(errors) = load(path) {
            panic!("{}", rendered(&errors));
        }
    }
}

#[test]
fn the_schema_for_editors_takes_the_good_and_refuses_what_is_bad_in_structure() {
    let schema = CompiledSchema::compile(&json_schema()).unwrap();
    let structural = [
        "version-unknown",
        "version-missing",
        "version-wrong-type",
        "unknown-key-top",
        "unknown-key-nested",
        "missing-keys",
        "wrong-types",
        "rules-of-strings",
        "unknown-words",
        "amounts",
        "amounts-too-small",
        "empty-lists",
        "names",
        "guest-paths",
        "host-paths",
        "env",
        "clock-and-random",
        "tool-patterns",
        "globs",
        "http",
        "http-secrets",
        "secrets",
        "many-problems-in-one-run",
    ];
    for path in manifests() {
        let text = fs::read_to_string(&path).unwrap();
        let Ok(value) = toml::from_str::<serde_json::Value>(&text) else { continue };
        let name = stem(&path);
        let verdict = schema.validate(&value);
        if name.starts_with("good-") {
            assert_eq!(verdict, Ok(()), "{name}");
        } else if structural.contains(&name.as_str()) {
            assert!(verdict.is_err(), "{name}");
        }
    }
}
