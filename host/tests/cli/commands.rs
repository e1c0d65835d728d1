//! Every command that is older than dry runs: calls, runs, locks, the audit, tools of one's own.

use serde_json::Value;

use crate::project::{MANIFEST, Project, files};

#[test]
fn a_call_on_a_granted_path_prints_its_result_and_nothing_else() {
    let project = Project::locked();
    let done = project.run(&["call", "files.read", "path=/work/notes.md"]);
    assert_eq!(done.code(), 0, "{}", done.said());
    assert!(done.printed().contains("# Notes"), "{}", done.printed());
    let report = project.call(&["files.read", "path=/work/notes.md"]);
    assert!(report["usage"]["fuel"].as_u64().unwrap() > 0);
    assert_eq!(report["notes"]["refusals"], serde_json::json!([]));
}

#[test]
fn what_is_not_granted_is_refused_with_its_reason() {
    let project = Project::locked();
    std::os::unix::fs::symlink("/etc", project.path().join("work/out")).unwrap();
    std::os::unix::fs::symlink("secret/key", project.path().join("work/inside")).unwrap();
    project
        .run(&["call", "files.read", "path=/work/secret/key"])
        .failed(5, &["denied", "a `deny` pattern of the grant matches it"]);
    project.run(&["call", "files.read", "path=/work/inside"]).failed(5, &["a `deny` pattern of the grant matches it"]);
    project.run(&["call", "files.read", "path=/work/out/passwd"]).failed(5, &["it leads out of the granted directory"]);
    for path in ["/etc/passwd", "/work/../etc/passwd", "/workspace/x", "/work/../../etc/passwd"] {
        let done = project.run(&["call", "files.read", &format!("path={path}")]);
        assert!(done.code() != 0 && !done.printed().contains("root:"), "{path}: {}", done.said());
        assert!(!done.said().contains(project.path().to_str().unwrap()), "a host path leaks: {}", done.said());
    }
}

#[test]
fn toolholds_own_files_are_out_of_reach_of_every_grant() {
    let project = Project::new(&MANIFEST.replace("host = \"work\"", "host = \".\""));
    assert_eq!(project.run(&["lock"]).code(), 0);
    assert_eq!(project.run(&["call", "files.read", "path=/work/work/notes.md"]).code(), 0);
    let before = project.read("toolhold.toml");
    for path in ["toolhold.toml", "toolhold.lock", ".toolhold/journal.db", ".toolhold"] {
        let read = project.run(&["call", "files.read", &format!("path=/work/{path}")]);
        assert_eq!(read.code(), 5, "{path}: {}{}", read.printed(), read.said());
        let write = project.run(&["call", "files.write", &format!("path=/work/{path}"), "content=x"]);
        assert_ne!(write.code(), 0, "{path}");
    }
    assert_eq!(project.read("toolhold.toml"), before);
    assert_eq!(project.run(&["audit", "verify"]).code(), 0);
}

#[test]
fn wrong_arguments_are_named_by_their_pointer() {
    let project = Project::locked();
    project
        .run(&["call", "files.read", "pth=/work/notes.md"])
        .failed(4, &["`/pth`", "did you mean `path`", "missing required field `path`"]);
    project.run(&["call", "files.read", "{\"path\": 3}"]).failed(4, &["`/path`", "string"]);
    project.run(&["call", "files.read", "{"]).failed(4, &["invalid-arguments"]);
    project.run(&["call", "files.raed", "path=/work/notes.md"]).failed(4, &["did you mean `files.read`"]);
}

#[test]
fn what_no_rule_allows_is_denied_with_the_lines_that_would_allow_it() {
    let project = Project::locked();
    project
        .run(&["call", "files.delete", "path=/work/notes.md"])
        .failed(5, &["[[rules]]", "tools = [\"files.delete\"]"]);
    assert_eq!(project.read("work/notes.md"), "# Notes\n");
    let explained = project.run(&["explain", "files.delete", "path=/work/notes.md"]);
    assert_eq!(explained.code(), 5);
    assert!(explained.printed().contains("[[rules]]"), "{}", explained.printed());
    assert_eq!(project.run(&["explain", "files.read", "path=/work/notes.md"]).code(), 0);
}

#[test]
fn the_rule_that_is_suggested_allows_the_call() {
    let project = Project::locked();
    let said = project.run(&["call", "files.delete", "path=/work/notes.md"]).said();
    let rule: Vec<_> = said.lines().map(str::trim).skip_while(|line| *line != "[[rules]]").take(4).collect();
    project.write("toolhold.toml", &format!("{MANIFEST}\n{}\n", rule.join("\n")));
    assert_eq!(project.run(&["call", "files.delete", "path=/work/notes.md"]).code(), 0);
    assert!(!project.path().join("work/notes.md").exists());
}

#[test]
fn a_rule_that_asks_lets_nothing_happen_before_a_person_decides() {
    let project = Project::locked();
    let words = ["call", "files.move", "from=/work/notes.md", "to=/work/moved.md"];
    project.run(&words).failed(17, &["awaiting-approval", "ask before moving"]);
    assert!(!project.path().join("work/moved.md").exists());
}

#[test]
fn a_component_that_is_not_pinned_is_not_called() {
    let project = Project::new(MANIFEST);
    project.run(&["call", "files.read", "path=/work/notes.md"]).failed(9, &["toolhold lock"]);
    assert_eq!(project.run(&["lock"]).code(), 0);
    let mut swapped = files().to_vec();
    swapped.extend(b"\0\x04\x03odd");
    std::fs::write(project.path().join("files.wasm"), swapped).unwrap();
    project.run(&["call", "files.read", "path=/work/notes.md"]).failed(9, &["component `files`", "its bytes are"]);
    project.run(&["lock", "--check"]).failed(9, &["its bytes are"]);
}

#[test]
fn everything_that_is_wrong_with_a_manifest_is_told_at_once_and_nothing_runs() {
    let broken = MANIFEST
        .replace("decision = \"ask\"", "decison = \"ask\"")
        .replace("symlinks = \"follow\"", "symlinks = \"folow\"");
    let project = Project::new(&broken);
    project.run(&["manifest", "check"]).failed(3, &["decison", "decision", "folow", "follow", "toolhold.toml:"]);
    project.run(&["call", "files.read", "path=/work/notes.md"]).failed(3, &["decison"]);
    let missing = Project::new(&MANIFEST.replace("host = \"work\"", "host = \"wrok\""));
    missing.run(&["manifest", "check"]).failed(3, &["wrok", "does not exist"]);
    assert_eq!(Project::new(MANIFEST).run(&["manifest", "check"]).code(), 0);
}

#[test]
fn a_repeat_with_the_same_key_is_the_same_call() {
    let project = Project::locked();
    let words = ["files.write", "path=/work/log", "content=x", "mode=append", "--key", "k1"];
    assert_eq!(project.call(&words)["replayed"], false);
    assert_eq!(project.call(&words)["replayed"], true);
    assert_eq!(project.read("work/log"), "x");
    let other = ["call", "files.write", "path=/work/log", "content=y", "mode=append", "--key", "k1"];
    project.run(&other).failed(13, &["key-conflict"]);
    assert_eq!(project.read("work/log"), "x");
}

#[test]
fn an_edit_of_the_audit_is_found() {
    let project = Project::locked();
    project.call(&["files.read", "path=/work/notes.md"]);
    project.run(&["call", "files.delete", "path=/work/notes.md"]);
    let verified = project.run(&["audit", "verify"]);
    assert_eq!(verified.code(), 0, "{}", verified.said());
    let exported = project.run(&["audit", "export"]).printed();
    assert!(exported.lines().count() >= 2, "{exported}");
    exported.lines().for_each(|line| assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}"));
    let database = rusqlite::Connection::open(project.path().join(".toolhold/journal.db")).unwrap();
    let tables: Vec<String> = database
        .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    tables.iter().for_each(|name| database.execute_batch(&format!("DROP TRIGGER {name}")).unwrap());
    let changed = database.execute("UPDATE audit SET body = replace(body, 'files.delete', 'files.read')", []).unwrap();
    assert!(changed > 0);
    drop(database);
    project.run(&["audit", "verify"]).failed(10, &[]);
}

#[test]
fn an_agent_run_is_recorded_and_honest_about_its_model() {
    let project = Project::locked();
    project.write(
        "script.toml",
        r#"
[[turn]]
[[turn.call]]
tool = "files.write"
arguments = { path = "/work/new.md", content = "hello" }
[[turn.call]]
tool = "files.delete"
arguments = { path = "/work/notes.md" }
[[turn]]
text = "done"
"#,
    );
    let done = project.run(&["run", "write a note", "--model", "scripted:script.toml"]);
    assert_eq!((done.code(), done.printed().as_str()), (0, "done\n"), "{}", done.said());
    assert!(done.said().contains("no model was called"), "{}", done.said());
    assert!(done.said().contains("[[rules]]"), "the line that would allow it is missing: {}", done.said());
    assert_eq!(project.read("work/new.md"), "hello");
    assert_eq!(project.read("work/notes.md"), "# Notes\n");
    let exported = project.run(&["audit", "export"]).printed();
    for word in ["run-started", "call-admitted", "call-settled", "call-denied", "run-ended"] {
        assert!(exported.contains(word), "{word}");
    }
}

#[test]
fn a_run_that_reaches_a_limit_ends_gracefully_with_a_partial_answer() {
    let project = Project::locked();
    project.write("toolhold.toml", &format!("{MANIFEST}\n[run]\nmax-iterations = 2\n"));
    let turn = "[[turn]]\n[[turn.call]]\ntool = \"files.list\"\narguments = { path = \"/work\" }\n";
    project.write("script.toml", &format!("last_answer = \"what I have\"\n{}", turn.repeat(5)));
    let done = project.run(&["run", "list for ever", "--model", "scripted:script.toml"]);
    assert_eq!((done.code(), done.printed().as_str()), (11, "what I have\n"), "{}", done.said());
}

#[test]
fn a_new_tool_is_made_and_its_name_is_checked() {
    let project = Project::new(MANIFEST);
    assert_eq!(project.run(&["new", "weather"]).code(), 0);
    assert!(project.read("weather/Cargo.toml").contains("name = \"weather\""));
    assert!(!project.read("weather/src/lib.rs").contains("{{"));
    project.run(&["new", "weather"]).failed(3, &["is there already"]);
    project.run(&["new", "Bad Name"]).failed(2, &["lower-case"]);
}

#[test]
fn the_list_of_tools_says_what_becomes_of_their_calls() {
    let project = Project::locked();
    let said = project.run(&["tools"]).printed();
    for (tool, becomes) in [
        ("files.read", "every call runs"),
        ("files.move", "a person decides each call"),
        ("files.copy", "every call is a preview"),
        ("files.delete", "never runs"),
    ] {
        let line = said.lines().find(|line| line.trim_start().starts_with(&format!("{tool} "))).unwrap_or_default();
        assert!(line.contains(becomes), "{tool}: {becomes}\n{said}");
    }
}

#[test]
fn inspecting_shows_tools_and_needs_without_running_a_packed_component() {
    let project = Project::new(MANIFEST);
    let done = project.run(&["inspect", "files.wasm"]);
    assert_eq!(done.code(), 0, "{}", done.said());
    for word in ["nothing was run", "toolhold:tool/described@0.1.0", "reads", "writes", "--path"] {
        assert!(done.printed().contains(word), "`{word}` is not in:\n{}", done.printed());
    }
    assert!(!done.printed().contains("\\n"), "a line break is not shown as two letters:\n{}", done.printed());
    for field in ["--edits (array of object, required)", "[].old (string, required)"] {
        assert!(done.printed().contains(field), "`{field}` is not in:\n{}", done.printed());
    }
    project.write("broken.wasm", "no wasm");
    project.run(&["inspect", "broken.wasm"]).failed(3, &["component"]);
}

#[test]
fn every_exit_code_is_documented() {
    let page = include_str!("../../../docs/exit-codes.md");
    use toolhold::exit_code::ExitCode as Code;
    let codes = [
        Code::Success,
        Code::Failure,
        Code::Usage,
        Code::BadInput,
        Code::InvalidArguments,
        Code::Denied,
        Code::ToolFailed,
        Code::Limit,
        Code::GuestFault,
        Code::NotPinned,
        Code::AuditBroken,
        Code::Partial,
        Code::Model,
        Code::Host,
        Code::Conflict,
        Code::Unavailable,
        Code::NotAccepted,
        Code::Cancelled,
    ];
    for code in codes {
        assert!(page.contains(&format!("| {} | {code:?} |", code as u8)), "{code:?}");
    }
}

#[test]
fn every_limit_is_documented_with_its_meaning() {
    let page = include_str!("../../../docs/limits.md");
    for spec in &toolhold_core::limit::LIMITS {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", spec.key)));
        assert!(row.is_some_and(|row| row.ends_with(&format!("| {} |", spec.doc))), "{}", spec.key);
    }
}

#[test]
fn secrets_of_every_source_are_taken_out_of_what_is_printed_and_stored() {
    use std::os::unix::fs::PermissionsExt as _;
    let secrets = r#"
[secrets.from-file]
file = "key"
[secrets.from-program]
command = ["printf", "%s\\n", "value-of-program"]
[secrets.from-keyring]
keyring = "toolhold/mail"
"#;
    let project = Project::locked();
    project.write("toolhold.toml", &format!("{MANIFEST}{secrets}"));
    project.write("key", "value-of-file\n");
    // What stands for the desktop's program prints what it was asked for.
    let program = project.path().join("secret-tool");
    project.write("secret-tool", "#!/bin/sh\nprintf 'value-of-%s' \"$1-$3-$5\"\n");
    for (path, mode) in [(project.path().join("key"), 0o600), (program, 0o700)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let all = "value-of-file dmFsdWUtb2YtcHJvZ3JhbQ== value%2Dof%2dlookup-toolhold-mail";
    project.write("work/notes.md", all);
    let path = format!("{}:/usr/bin:/bin", project.path().display());
    let done = project.run_with(&[("PATH", &path)], &["call", "files.read", "path=/work/notes.md", "--json"]);
    assert_eq!(done.code(), 0, "{}", done.said());
    let report: Value = serde_json::from_str(&done.printed()).unwrap();
    assert_eq!(report["result"]["text"], "[redacted] [redacted]== [redacted]");
    let audit = project.run(&["audit", "export"]).printed();
    assert!(audit.contains(r#""secrets":["from-file","from-keyring","from-program"],"places":["result"]"#), "{audit}");
    let entries = std::fs::read_dir(project.path().join(".toolhold")).unwrap().map(|entry| entry.unwrap().path());
    for path in entries.filter(|path| path.is_file()) {
        let bytes = std::fs::read(path).unwrap();
        for part in ["value-of", "dmFsdWUtb2Y", "value%2Dof"] {
            assert!(!bytes.windows(part.len()).any(|window| window == part.as_bytes()), "{part}");
        }
    }
}

/// What a tool wrote there would run with the user's rights when the host is opened next.
#[test]
fn no_tool_reaches_a_program_that_prints_a_secret() {
    use std::os::unix::fs::PermissionsExt as _;
    for command in [r#"["work/token"]"#, r#"["sh", "work/token"]"#, r#"["sh", "./work/../work/token"]"#, r#"["token"]"#]
    {
        let project = Project::new(&format!("{MANIFEST}[secrets.api]\ncommand = {command}\n"));
        project.write("work/token", "#!/bin/sh\necho value-of-program\n");
        let program = project.path().join("work/token");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::hard_link(&program, project.path().join("work/another name")).unwrap();
        let path = format!("/usr/bin:/bin:{}", project.path().join("work").display());
        let run = |words: &[&str]| project.run_with(&[("PATH", &path)], words);
        assert_eq!(run(&["lock"]).code(), 0);
        let before = project.tree();
        for name in ["token", "another name"] {
            let done = run(&["call", "files.write", &format!("path=/work/{name}"), "content=rm -rf /"]);
            assert_ne!(done.code(), 0, "{command} {name}: {}", done.said());
        }
        assert!(project.tree() == before, "{command}");
        assert_eq!(run(&["call", "files.write", "path=/work/other", "content=x"]).code(), 0);
    }
}

#[test]
fn a_secret_that_cannot_be_had_stops_the_host_before_anything_runs() {
    let project = Project::locked();
    for (source, words) in [
        ("env = \"NOT_THERE\"", "the variable `NOT_THERE` is not set; set it"),
        ("file = \"toolhold.toml\"", "run `chmod 600"),
        ("command = [\"false\"]", "`false` ended with exit code 1"),
        ("keyring = \"toolhold/mail\"", "`secret-tool` comes with libsecret"),
    ] {
        project.write("toolhold.toml", &format!("{MANIFEST}[secrets.api]\n{source}\n"));
        let done = project.run_with(&[("PATH", "/usr/bin:/bin")], &["call", "files.read", "path=/work/notes.md"]);
        done.failed(3, &["secret `api` (`[secrets.api]` in the manifest)", words]);
    }
}

#[test]
fn a_first_lock_tells_of_new_components_and_a_later_one_of_changed_and_gone_ones() {
    let project = Project::new(MANIFEST);
    let first = project.run(&["lock"]).said();
    assert!(first.contains("new files: sha256:") && !first.contains("changed"), "{first}");
    let mut other = std::fs::read(project.path().join("files.wasm")).unwrap();
    other.extend(b"\0\x04\x03odd");
    std::fs::write(project.path().join("files.wasm"), other).unwrap();
    let second = project.run(&["lock"]).said();
    assert!(second.contains("changed files: ") && !second.contains("new files"), "{second}");
    project.write(
        "toolhold.toml",
        &MANIFEST
            .replace("[tools.files]", "[tools.others]")
            .replace("tools.files.", "tools.others.")
            .replace("\"files.", "\"others.")
            .replace("others.wasm", "files.wasm"),
    );
    let third = project.run(&["lock"]).said();
    assert!(third.contains("new others: ") && third.contains("gone files: "), "{third}");
}

#[test]
fn whoever_reads_no_further_hears_of_no_error() {
    let project = Project::locked();
    project.call(&["files.read", "path=/work/notes.md"]);
    for words in [&["openapi"][..], &["audit", "export"], &["tools"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = project.command(words).stdout(writer).output().unwrap();
        assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(141), &b""[..]), "{words:?}");
    }
}
