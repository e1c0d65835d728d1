//! `toolhold dev`: what changes is built and tested again, what is broken is said and survived, and an interrupt ends it.
//!
//! The compiler here is a script that copies a component: what is tested is the loop around it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::project::Project;

const CASES: &str = r#"version = 1
[[cases]]
name = "reads"
tool = "read"
arguments = { path = "/work/a.txt" }
files = { "/work/a.txt" = "alpha" }
result-at = { "/text" = "alpha" }
"#;

const COMPILER: &str = "#!/bin/sh
if grep -q broken src/tool.py; then echo 'tool.py is broken' >&2; exit 1; fi
cp ../files.wasm target/component.wasm
";

#[test]
fn a_change_is_built_and_tested_and_a_broken_tool_is_survived() {
    let project = Project::new("version = 1\n");
    std::fs::create_dir_all(project.path().join("weather/src")).unwrap();
    std::fs::create_dir_all(project.path().join("weather/.venv/bin")).unwrap();
    project.write("weather/tool.toml", "name = \"weather\"\nlanguage = \"python\"\n");
    project.write("weather/cases.toml", CASES);
    project.write("weather/src/tool.py", "whole");
    project.write("weather/.venv/bin/componentize-py", COMPILER);
    let compiler = project.path().join("weather/.venv/bin/componentize-py");
    std::fs::set_permissions(compiler, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = project.path().join("output");
    let mut child = project.start_into(&["dev", "weather"], &output);

    wait_for(&output, "1 case: all hold");
    wait_for(&output, "waiting for a change");
    project.write("weather/src/tool.py", "broken");
    wait_for(&output, "tool.py is broken");
    wait_for(&output, "could not build the tool");
    project.write("weather/src/tool.py", "whole again");
    project.write("weather/cases.toml", &CASES.replace("\"alpha\" }\nresult-at", "\"beta\" }\nresult-at"));
    wait_for(&output, "1 case: 1 failed");
    wait_for(&output, "now differs  reads");
    wait_for(&output, "+  \"text\": \"beta\"");

    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn wait_for(output: &Path, words: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while !std::fs::read_to_string(output).unwrap_or_default().contains(words) {
        assert!(Instant::now() < end, "no `{words}` in:\n{}", std::fs::read_to_string(output).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(20));
    }
}
