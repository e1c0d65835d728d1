//! `toolhold test`: a case holds only if everything is as it says, and nothing outside of it changes.

use serde_json::Value;

use crate::project::{Done, Project, packed};

const CASES: &str = r##"version = 1

[[cases]]
name = "a file is read"
tool = "read"
arguments = { path = "/work/a.txt" }
files = { "/work/a.txt" = "alpha\n" }
result-at = { "/text" = "alpha\n" }
result-schema = { type = "object", required = ["encoding"] }

[[cases]]
name = "a file is written"
tool = "write"
arguments = { path = "/work/new.txt", content = "new\n" }
files = { "/work/" = "" }
changes = [{ change = "created", path = "/work/new.txt", content = "new\n" }]

[[cases]]
name = "a fixture is moved"
tool = "move"
arguments = { from = "/fixed/one.txt", to = "/fixed/two.txt" }
directories = { "/fixed" = "fixture" }
changes = [{ change = "moved", path = "/fixed/two.txt", from = "/fixed/one.txt" }]

[[cases]]
name = "reading only"
tool = "write"
arguments = { path = "/work/new.txt", content = "new\n" }
files = { "/work/" = "" }
read-only = true
error = { kind = "denied" }

[[cases]]
name = "too little fuel"
tool = "read"
arguments = { path = "/work/a.txt" }
files = { "/work/a.txt" = "alpha\n" }
limits = { fuel = 1000 }
error = { kind = "limit", code = "limit-crossed" }

[[cases]]
name = "wrong arguments"
tool = "read"
arguments-json = '{"path": null}'
error = { kind = "invalid-arguments" }
"##;

fn with(cases: &str) -> Project {
    let project = Project::new("version = 1\n");
    std::fs::create_dir(project.path().join("fixture")).unwrap();
    project.write("fixture/one.txt", "1\n");
    project.write("cases.toml", cases);
    project
}

fn test(project: &Project, more: &[&str]) -> Done {
    project.run(&[&["test", "--component", "files.wasm"], more].concat())
}

#[test]
fn cases_that_hold_change_nothing_outside() {
    let project = with(CASES);
    let before = project.tree();
    test(&project, &[]).worked(&["ok  a file is read\n", "ok  a fixture is moved\n", "6 cases: all hold"]);
    assert_eq!(project.tree(), before);
    assert_eq!(project.read("fixture/one.txt"), "1\n");
    assert!(!project.path().join(".toolhold").exists(), "a case has a state of its own");
    let only = test(&project, &["--only", "fixture"]);
    only.worked(&["1 case: all hold"]);
    test(&project, &["--only", "nothing"]).failed(3, &["no case's name contains `nothing`", "`a fixture is moved`"]);
}

#[test]
fn a_case_fails_with_what_differs() {
    for (from, to, words) in [
        ("\"/text\" = \"alpha\\n\"", "\"/text\" = \"beta\"", &["result at `/text`", "-\"beta\"", "+\"alpha\\n\""][..]),
        ("content = \"new\\n\" }]", "content = \"old\\n\" }]", &["content of /work/new.txt", "-old", "+new"]),
        (
            "changes = [{ change = \"moved\", path = \"/fixed/two.txt\", from = \"/fixed/one.txt\" }]",
            "",
            &["change of /fixed/two.txt", "there, and not expected: moved"],
        ),
        ("read-only = true", "", &["error", "-denied", "+success"]),
        ("limits = { fuel = 1000 }", "", &["-limit `limit-crossed`", "+success"]),
        (
            "\"alpha\\n\" }\nresult-at",
            "\"alpha\\n\", \"/work/b\" = \"\" }\nrequests = [{ method = \"GET\", url = \"x\" }]\nresult-at",
            &["requests", "GET x"],
        ),
    ] {
        let cases = CASES.replacen(from, to, 1);
        assert_ne!(cases, CASES, "{from}");
        let done = test(&with(&cases), &[]);
        assert_eq!(done.code(), 1, "{}", done.printed());
        for word in ["FAILED  ", "6 cases: 1 failed", "cases.toml:"].iter().chain(words) {
            assert!(done.printed().contains(word), "`{word}` is not in:\n{}", done.printed());
        }
    }
}

#[test]
fn as_json_there_is_every_difference_and_the_whole_call() {
    let project = with(&CASES.replace("read-only = true", ""));
    let done = test(&project, &["--json", "--only", "reading only"]);
    let value: Value = serde_json::from_str(&done.printed()).unwrap();
    assert_eq!((done.code(), &value["failed"]), (1, &1.into()));
    let case = &value["cases"][0];
    assert_eq!((&case["holds"], &case["differences"][0]["of"]), (&false.into(), &"error".into()));
    assert_eq!(case["call"]["effects"]["changes"][0]["path"], "/work/new.txt");
}

#[test]
fn a_bad_case_file_says_where_and_runs_nothing() {
    let done = test(&with(&CASES.replace("tool = \"write\"", "tol = \"write\"")), &[]);
    done.failed(3, &["unknown key `tol`", "did you mean `tool`?", "cases.toml:13"]);
    assert_eq!(done.printed(), "");
    test(&with(&CASES.replace("\"fixture\"", "\"nowhere\"")), &[]).failed(3, &["a fixture is moved", "is no folder"]);
    let linked = with(CASES);
    std::os::unix::fs::symlink("/etc/passwd", linked.path().join("fixture/link")).unwrap();
    test(&linked, &[]).failed(3, &["neither a file nor a folder"]);
    let none = Project::new("version = 1\n");
    test(&none, &[]).failed(3, &["`cases.toml` cannot be read"]);
}

/// The address is public and nobody is asked for it: what is not answered by the case goes nowhere.
#[test]
fn requests_are_answered_by_the_case_and_by_nobody_else() {
    let project = with(
        r#"version = 1
[[cases]]
name = "an answer"
tool = "fetch"
arguments = { url = "https://api.example/notes" }
answers = [{ url = "https://api.example/notes", body = "from the case", headers = { content-type = "text/plain" } }]
requests = [{ method = "GET", url = "https://api.example/notes", request = "answered" }]

[[cases]]
name = "no answer"
tool = "fetch"
arguments = { url = "https://api.example/other" }
requests = [{ method = "GET", url = "https://api.example/other", request = "not-sent" }]
error = {}

[[cases]]
name = "withheld"
tool = "send"
arguments = { url = "https://api.example/notes", method = "post" }
requests = [{ method = "POST", url = "https://api.example/notes", request = "withheld" }]
error = { kind = "withheld" }
"#,
    );
    std::fs::write(project.path().join("http.wasm"), packed("http")).unwrap();
    let done = project.run(&["test", "--component", "http.wasm", "--json"]);
    let value: Value = serde_json::from_str(&done.printed()).unwrap();
    assert_eq!((done.code(), &value["failed"]), (0, &0.into()), "{value:#}");
    assert!(value["cases"][0]["call"]["result"].to_string().contains("from the case"), "{value:#}");
}
