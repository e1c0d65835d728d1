//! The doctor finds what is there, and exits with an error only where something cannot work.

use std::process::Command;

use serde_json::Value;

use crate::project::Project;

fn named<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no `{name}`: {checks:?}"))
}

#[test]
fn a_project_that_works_is_told_so_and_one_that_does_not_how_it_is_mended() {
    let project = Project::locked();
    let done = project.run(&["doctor", "--offline", "--json"]);
    assert_eq!(done.code(), 0, "{}", done.printed());
    let checks: Vec<Value> = serde_json::from_str(&done.printed()).unwrap();
    for name in ["pooling", "manifest", "components", "state-directory"] {
        assert_eq!(named(&checks, name)["condition"], "good", "{checks:?}");
    }
    // A host at work is no obstacle.
    project.run(&["call", "files.read", "path=/work/notes.md"]).worked(&[]);
    project.run(&["doctor", "--offline"]).worked(&["good", "journal", "it can be read"]);
    let mut bytes = std::fs::read(project.path().join("files.wasm")).unwrap();
    bytes.extend([0, 2, 1, b'x']);
    std::fs::write(project.path().join("files.wasm"), bytes).unwrap();
    let done = project.run(&["doctor", "--offline"]);
    assert_eq!(done.code(), 1, "{}", done.printed());
    assert!(done.printed().contains("problem") && done.printed().contains("toolhold lock"), "{}", done.printed());
}

#[test]
fn why_a_manifest_cannot_be_used_is_said() {
    let project = Project::new("version = 1\ntols = {}\n");
    let done = project.run(&["doctor", "--offline"]);
    assert!(done.code() == 1 && done.printed().contains("`tols`"), "{}", done.printed());
}

#[test]
fn a_server_is_not_said_to_be_good_because_nobody_asked_it() {
    let project = Project::new(
        "version = 1\n[tools.mail]\nsource = \"mcp:stdio\"\n[tools.mail.server]\ncommand = [\"/no/such/program\"]\nread-only = []\n",
    );
    project.write("toolhold.lock", "version = 1\n");
    let done = project.run(&["doctor", "--offline", "--json"]);
    let checks: Vec<Value> = serde_json::from_str(&done.printed()).unwrap();
    let servers = named(&checks, "servers");
    assert_ne!(servers["condition"], "good", "{servers}");
    assert!(servers["found"].as_str().unwrap().contains("not asked"), "{servers}");
}

#[test]
fn a_secret_that_cannot_be_read_is_a_problem_and_its_value_is_not_shown() {
    let project = Project::new("version = 1\n[secrets]\ntoken = { env = \"TOKEN\" }\n");
    project.write("toolhold.lock", "version = 1\n");
    let done = project.run(&["doctor", "--offline"]);
    assert_eq!(done.code(), 1, "{}", done.printed());
    assert!(done.printed().contains("`TOKEN`"), "{}", done.printed());
    let done = project.run_with(&[("TOKEN", "s3cr3t-value")], &["doctor", "--offline", "--json"]);
    done.worked(&["secrets"]);
    assert!(!format!("{}{}", done.printed(), done.said()).contains("s3cr3t"), "{}", done.printed());
}

/// Each staged file, connection and granted directory is one; shells give 1,024.
#[test]
fn it_may_have_as_many_files_open_as_whoever_started_it_lets_it() {
    let project = Project::locked();
    let told = |limits: &str| {
        let line = format!("{limits} && {} doctor --offline --json", env!("CARGO_BIN_EXE_toolhold"));
        let done = Command::new("sh").args(["-c", &line]).current_dir(project.path()).output().unwrap();
        let checks: Vec<Value> = serde_json::from_slice(&done.stdout).unwrap();
        named(&checks, "open-files")["found"].as_str().unwrap().to_owned()
    };
    let raised = told("ulimit -Sn 120 && ulimit -Hn 2000");
    assert!(raised.starts_with("at most 2000: "), "{raised}");
    let low = told("ulimit -n 120");
    assert!(low.starts_with("at most 120: "), "{low}");
}
