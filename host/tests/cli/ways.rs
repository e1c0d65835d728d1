//! Components that know nothing of Toolhold: plain functions and programs as tools, under everything that holds for others.

use serde_json::{Value, json};

use crate::project::{Project, guest};

const TYPED: &str = r#"
version = 1

[tools.typed]
source = "typed.wasm"

[[tools.typed.directories]]
host = "work"
guest = "/work"
read = ["**"]
write = ["*.txt"]

[[rules]]
name = "all"
decision = "allow"
tools = ["*"]
"#;

const PROGRAM: &str = r#"
version = 1

[tools.prog]
source = "command.wasm"
env = { GRANTED = "yes", MOOD = "none" }
limits = { stdout = "8KiB" }

[[tools.prog.directories]]
host = "work"
guest = "/work"
read = ["**"]
write = ["*.txt"]

[tools.prog.commands.show]
description = "Shows what it was given."
argv = ["show", "{loud:--loud}", "{number:-n}", "{text}", "--", "{files}"]
stdin = "{}"
env = { MOOD = "{text}" }
result = "lines"

[tools.prog.commands.show.input.properties]
text = { type = "string" }
loud = { type = "boolean" }
number = { type = "integer" }
files = { type = "array", items = { type = "string" } }

[tools.prog.commands.cat]
description = "Prints a file."
argv = ["cat", "{path}"]
read-only = true
input = { properties.path.type = "string", required = ["path"] }

[tools.prog.commands.save]
description = "Writes a text into a file."
argv = ["save", "{path}"]
stdin = "{text}"
input = { properties.path.type = "string", properties.text.type = "string", required = ["path"] }

[tools.prog.commands.leave]
description = "Exits."
argv = ["exit", "{status}"]
invalid-args = [1]
input.properties.status.type = "integer"

[tools.prog.commands.flood]
description = "Never stops writing."
argv = ["flood"]

[tools.prog.commands.bytes]
description = "Writes what is no text."
argv = ["bytes"]

[[rules]]
name = "all"
decision = "allow"
tools = ["*"]
"#;

fn project(manifest: &str, guests: &[&str]) -> Project {
    let project = Project::new(manifest);
    for name in guests {
        std::fs::write(project.path().join(format!("{name}.wasm")), guest(name)).unwrap();
    }
    assert_eq!(project.run(&["lock"]).code(), 0, "{}", project.run(&["lock"]).said());
    project
}

fn result(project: &Project, tool: &str, arguments: &Value) -> Value {
    let report = project.call(&[tool, &arguments.to_string()]);
    report["result"].clone()
}

#[test]
fn functions_of_a_component_are_tools_and_their_errors_are_told_apart() {
    let project = project(TYPED, &["typed"]);
    assert_eq!(result(&project, "typed.get-version", &json!({})), "1.2.0");
    assert_eq!(result(&project, "typed.nothing", &json!({})), Value::Null);
    for (how, code, words) in [
        ("not-found", 6, "not-found: no such thing"),
        ("denied", 5, "tool-denied: denied"),
        ("too-large", 6, "tool:too-large: far too large"),
        ("invalid", 4, "tool-invalid-args: makes no sense"),
    ] {
        project.run(&["call", "typed.fail", &format!("how={how}")]).failed(code, &[words]);
    }
    project.run(&["call", "typed.numbers", r#"{"a":256}"#]).failed(4, &["`/a` must be at most 255", "`b` (integer)"]);
    project.run(&["call", "typed.bytes", "data=!!"]).failed(4, &["`data`", "base64"]);
    project.run(&["call", "typed.trap"]).failed(8, &["trap"]);
    project.run(&["call", "typed.flood", "bytes=30000000"]).failed(7, &["`output` limit"]);
    let shown = project.run(&["inspect", "typed.wasm"]).printed();
    assert!(
        shown.contains("it belongs to a resource") && shown.contains("#make: it takes or returns a resource"),
        "{shown}"
    );
}

#[test]
fn grants_dry_runs_and_undo_hold_for_functions_of_any_component() {
    let project = project(TYPED, &["typed"]);
    let write = |path: &str, more: &[&str]| {
        let path = format!("path={path}");
        let words: Vec<&str> = ["call", "typed.write-file", path.as_str(), "content=new"]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        project.run(&words)
    };
    assert_eq!(result(&project, "typed.read-file", &json!({ "path": "/work/notes.md" })), "# Notes\n");
    project.run(&["call", "typed.read-file", "path=/etc/passwd"]).failed(6, &["failed"]);
    let before = project.tree();
    let shown = write("/work/a.txt", &["--dry-run"]);
    assert!(shown.printed().contains("+ /work/a.txt"), "{}", shown.printed());
    assert_eq!(project.tree(), before);
    // What no pattern lets it write is refused, by whatever function.
    assert_ne!(write("/work/notes.md", &[]).code(), 0);
    assert_eq!(project.tree(), before);
    assert_eq!(write("/work/a.txt", &[]).code(), 0);
    assert_eq!(project.read("work/a.txt"), "new");
    let call = serde_json::from_str::<Value>(&project.run(&["history", "--json"]).printed()).unwrap()[0]["call"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(project.run(&["undo", &call]).code(), 0);
    assert_eq!(project.tree(), before);
}

#[test]
fn a_program_gets_what_the_manifest_says_and_a_model_cannot_add_an_option() {
    let project = project(PROGRAM, &["command"]);
    let all = json!({ "text": "hello", "loud": true, "number": 3, "files": ["-x", "b"] });
    let lines = result(&project, "prog.show", &all);
    assert_eq!(lines[0], r#"["show", "show", "--loud", "-n", "3", "hello", "--", "-x", "b"]"#);
    assert_eq!(lines[1], r#"Some("hello") Some("yes")"#);
    let input: String = serde_json::from_str(lines[2].as_str().unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&input).unwrap(), all);
    // Without the argument that its variable is made of, it has the one that is granted.
    assert_eq!(result(&project, "prog.show", &json!({}))[1], r#"Some("none") Some("yes")"#);
    let option = json!({ "text": "--loud" }).to_string();
    project.run(&["call", "prog.show", &option]).failed(4, &["`text` begins with `-`"]);
    project.run(&["call", "prog.show", "unknown=1"]).failed(4, &["`/unknown`"]);
}

#[test]
fn a_program_is_held_by_grants_and_limits_and_its_status_counts() {
    let project = project(PROGRAM, &["command"]);
    assert_eq!(result(&project, "prog.cat", &json!({ "path": "/work/notes.md" })), "# Notes");
    for path in ["/etc/passwd", "/work/../etc/passwd", "/work/none"] {
        let path = format!("path={path}");
        let done = project.run(&["call", "prog.cat", &path]);
        done.failed(6, &["the program exited with status 1"]);
    }
    let before = project.tree();
    let shown = project.run(&["call", "prog.save", "path=/work/a.txt", "text=new", "--dry-run"]);
    assert!(shown.printed().contains("+ /work/a.txt"), "{}", shown.printed());
    project.run(&["call", "prog.save", "path=/work/notes.md", "text=new"]).failed(6, &["status 1"]);
    assert_eq!(project.tree(), before);
    assert_eq!(result(&project, "prog.leave", &json!({ "status": 0 })), "");
    let left = project.run(&["call", "prog.leave", "status=1"]);
    left.failed(4, &["tool-invalid-args", "leaving with 1"]);
    assert_eq!(
        left.said().matches("leaving with 1").count(),
        1,
        "what it says of its failure is told once: {}",
        left.said()
    );
    project.run(&["call", "prog.bytes"]).failed(6, &["not UTF-8 text"]);
    let flooded = project.run(&["call", "prog.flood"]);
    flooded.failed(7, &["`output` limit"]);
    assert!(flooded.said().len() < 200_000, "{}", flooded.said().len());
}

#[test]
fn a_tool_that_works_on_files_and_is_granted_none_fails_with_a_hint() {
    let hint = "hint: the tool reads `/**`, and no directory is granted to it: add `[[tools.prog.directories]]`";
    let (head, rest) = PROGRAM.split_once("[[tools.prog.directories]]").unwrap();
    let rest = rest.split_once("[tools.prog.commands.show]").unwrap().1;
    let project = project(&format!("{head}[tools.prog.commands.show]{rest}"), &["command"]);
    let cat = ["call", "prog.cat", "path=/work/notes.md"];
    project.run(&cat).failed(6, &[hint]);
    // What has nothing to do with files is not explained by them.
    assert!(!project.run(&["call", "prog.leave", "status=1"]).said().contains("hint:"));
    assert!(!project.run(&["call", "prog.leave", "status=0"]).said().contains("hint:"));
    let granted = self::project(PROGRAM, &["command"]);
    assert!(!granted.run(&["call", "prog.cat", "path=/work/none"]).said().contains("hint:"));
}

#[test]
fn a_program_and_a_component_need_the_manifest_that_fits_them() {
    let silent = PROGRAM.split("[tools.prog.commands.show]").next().unwrap();
    let project = Project::new(silent);
    std::fs::write(project.path().join("command.wasm"), guest("command")).unwrap();
    project.run(&["lock"]).failed(3, &["nothing says how it is called", "[tools.prog.commands.TOOL]"]);
    // The other way round: commands for a component that is no program.
    project.write("toolhold.toml", PROGRAM);
    std::fs::write(project.path().join("command.wasm"), guest("typed")).unwrap();
    project.run(&["lock"]).failed(3, &["is not a program"]);
}

#[test]
fn packing_writes_what_a_wit_package_or_a_manifest_says_into_the_component() {
    let project = project(PROGRAM, &["command", "typed"]);
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests/typed/wit");
    let packed = project.run(&["pack", "typed.wasm", "--output", "told.wasm", "--wit", wit]);
    assert_eq!(packed.code(), 0, "{}", packed.said());
    assert!(packed.said().contains("says nothing of `floats`"), "{}", packed.said());
    let shown = project.run(&["inspect", "told.wasm"]).printed();
    assert!(shown.contains("Every whole number.") && shown.contains("described by its section"), "{shown}");
    project
        .run(&["pack", "command.wasm", "--output", "none.wasm"])
        .failed(3, &["only a manifest says how it is called"]);
    let packed = project.run(&["pack", "command.wasm", "--output", "told.wasm", "--commands", "prog"]);
    assert_eq!(packed.code(), 0, "{}", packed.said());
    // Now the manifest need not say it.
    let rest = "[[rules]]\nname = \"all\"\ndecision = \"allow\"\ntools = [\"*\"]\n";
    project.write("toolhold.toml", &format!("version = 1\n[tools.mine]\nsource = \"told.wasm\"\n{rest}"));
    assert_eq!(project.run(&["lock"]).code(), 0);
    assert_eq!(result(&project, "mine.show", &json!({ "text": "a" }))[0], r#"["show", "show", "a", "--"]"#);
}

/// CPython as its authors compiled it, for WASI preview 1: nobody who made it knew of Toolhold.
#[test]
fn an_unmodified_program_of_others_runs_under_a_manifest() {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/programs/python.wasm");
    if !std::path::Path::new(program).is_file() {
        let missing = "programs of others are not there: run `make guests-extra`";
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
        eprintln!("SKIPPED: {missing}");
        return;
    }
    let grants = PROGRAM.split("[tools.prog.commands.show]").next().unwrap();
    let rules = PROGRAM.split("[[rules]]").last().unwrap();
    let own = "[tools.prog.commands.run]
description = \"Runs a Python program and returns what it prints.\"
argv = [\"-I\", \"-\"]
stdin = \"{code}\"
input = { properties.code.type = \"string\", required = [\"code\"] }
[tools.prog.limits]
fuel = \"5G\"
memory = \"256MiB\"
";
    let grants = grants.replace("command.wasm", program).replace("limits = { stdout = \"8KiB\" }\n", "");
    let project = Project::new(&format!("{grants}{own}[[rules]]{rules}"));
    assert_eq!(project.run(&["lock"]).code(), 0);
    let run = |code: &str, more: &[&str]| {
        let code = json!({ "code": code }).to_string();
        project.run(&[&["call", "prog.run", code.as_str()], more].concat())
    };
    let before = project.tree();
    let writes = "open('/work/a.txt', 'w').write(open('/work/notes.md').read() * 2)";
    run(writes, &["--dry-run"]).worked(&["+ /work/a.txt", "+# Notes"]);
    assert_eq!(project.tree(), before);
    run("print(sum(range(10)))", &[]).worked(&["45"]);
    run("open('/etc/passwd')", &[]).failed(6, &["FileNotFoundError"]);
    run("open('/work/notes.md', 'w')", &[]).failed(6, &["PermissionError"]);
    run("raise SystemExit(3)", &[]).failed(6, &["exited with status 3"]);
    run("import socket; socket.create_connection(('127.0.0.1', 80))", &[]).failed(6, &["Error"]);
    run("while True: pass", &[]).failed(7, &["`fuel` limit"]);
    // It asks for more than it may have and is told no, as any program is.
    run("x = ' ' * (1 << 30)", &[]).failed(6, &["MemoryError"]);
    assert_eq!(project.tree(), before);
}
