//! What a case file may say, what is wrong with a bad one, and what a case says of a call.

use serde_json::json;

use crate::call::Mode;
use crate::effect::{Content, EffectReport, EntryKind, Properties, RequestState};
use crate::id::Digest;
use crate::limit::{Limits, Usage};
use crate::outcome::SideOutput;

use super::keys::{CHANGES, CLASSES, REQUESTS};
use super::*;
use crate::effect::{Change, ChangeKind, Notes, Request};
use crate::outcome::{CallReport, Failure, Outcome};

fn parse(cases: &str) -> Result<Cases, Errors> {
    Cases::parse(&format!("version = 1\n{cases}"), "cases.toml")
}

fn one(keys: &str) -> Case {
    parse(&format!("[[cases]]\nname = \"it\"\ntool = \"count\"\n{keys}")).unwrap().cases.remove(0)
}

fn report(outcome: Outcome) -> CallReport {
    CallReport {
        call: "c".parse().unwrap(),
        tool: "tool.count".into(),
        digest: None,
        mode: Mode::Preview,
        outcome,
        usage: Usage::default(),
        limits: Limits::default(),
        output: SideOutput::default(),
        notes: Notes::default(),
        effects: EffectReport::default(),
        replayed: false,
        attempts: 1,
        served_by: None,
        approved: None,
    }
}

fn file(path: &str, kind: ChangeKind, text: &str) -> Change {
    let (sha256, size) = (Some(Digest::of(text.as_bytes())), text.len() as u64);
    let after = Properties { kind: EntryKind::File, size, sha256, modified: 0, mode: 0o644, target: None };
    Change { path: path.into(), kind, before: None, after: Some(after), content: Content::Same }
}

fn changed(changes: Vec<Change>) -> CallReport {
    let effects = EffectReport { changes, ..EffectReport::default() };
    CallReport { effects, ..report(Outcome::Success(json!(null))) }
}

fn found(case: &str, report: &CallReport) -> Vec<String> {
    judge(&one(case), report, &Contents::new()).into_iter().map(|difference| difference.of).collect()
}

#[test]
fn each_mistake_is_reported_at_its_line_with_the_way_out() {
    let file = r#"
[[cases]]
name = "one"
tool = "count"
argumnets = {}

[[cases]]
name = "one"
tool = "Count"
files = { "notes.md" = "", "/work/a" = "", "/work/a/b" = "" }
result = 1
error = { kind = "tol" }

[[cases]]
name = "three"
tool = "count"
arguments = {}
arguments-json = "{"
result-schema = { type = "strin" }
changes = [{ change = "deleted", path = "/work/a", content = "x" }]
limits = { memroy = "1MiB" }
"#;
    let errors = parse(file).unwrap_err();
    let source = Source::of_form("case file", "cases.toml", &format!("version = 1\n{file}"));
    let problems = errors.problems().iter().map(|problem| {
        let help = miette::Diagnostic::help(problem).map(|help| help.to_string()).unwrap_or_default();
        format!("{}: {problem} [{help}]", source.line(&problem.span).line)
    });
    let expected = [
        "6: unknown key `argumnets` in `[[cases]]` [did you mean `arguments`?]",
        "9: there is another case with the name `one` []",
        "10: `Count` is not the name of a tool within its component [",
        "11: this is not the guest path of a file [write it in full",
        "11: `/work/a` is a file, so nothing can be in it []",
        "13: a call that fails has no result [keep",
        "13: `tol` is not a word that `kind` takes [did you mean `tool`?]",
        "19: this is not JSON: ",
        "20: this is not a usable JSON Schema: ",
        "21: there is no content after this change [",
        "22: unknown key `memroy` in `[cases.limits]` [did you mean `memory`?]",
    ];
    let problems: Vec<_> = problems.collect();
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem}\n{expected}");
    }
    assert_eq!(errors.to_string(), "the case file `cases.toml` has 11 problems");
    let code = miette::Diagnostic::code(&errors.problems()[0]).unwrap().to_string();
    assert_eq!(code, "case file::unknown-key");
}

#[test]
fn a_file_without_cases_or_of_another_version_is_refused() {
    assert!(Cases::parse("version = 1", "c").unwrap_err().problems()[0].to_string().contains("has no `cases`"));
    let other = Cases::parse("version = 2\nfoo = 1", "c").unwrap_err();
    assert_eq!(other.problems().len(), 1);
    assert_eq!(other.problems()[0].to_string(), "case file version 2 is not supported; this build reads 1");
}

#[test]
fn a_file_that_the_wire_form_knows_is_one_that_the_table_knows() {
    let listed = |error: toml::de::Error| {
        let words = error.message().split("expected").nth(1).unwrap_or_default().split('`').skip(1).step_by(2);
        words.map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    let wire = [
        toml::from_str::<wire::File>("zz = 1").map(drop),
        toml::from_str::<wire::Case>("zz = 1").map(drop),
        toml::from_str::<wire::Error>("zz = 1").map(drop),
        toml::from_str::<wire::Change>("zz = 1").map(drop),
        toml::from_str::<wire::Request>("zz = 1").map(drop),
        toml::from_str::<wire::Answer>("zz = 1").map(drop),
    ];
    for (table, result) in TABLES.iter().zip(wire) {
        let known: std::collections::BTreeSet<_> = table.keys.iter().map(|key| key.name.to_owned()).collect();
        assert_eq!(listed(result.unwrap_err()), known, "{}", table.name);
    }
}

#[test]
fn the_words_of_cases_are_the_words_of_reports() {
    for (word, _) in CLASSES {
        serde_json::from_value::<Class>(json!(word)).unwrap();
    }
    for (word, _) in CHANGES {
        serde_json::from_value::<ChangeKind>(json!({"change": word, "from": "/a/b"})).unwrap();
    }
    for (word, _) in REQUESTS {
        serde_json::from_value::<RequestState>(json!({"request": word, "why": "", "status": 200})).unwrap();
    }
}

#[test]
fn what_is_granted_is_what_the_files_name() {
    let case = one(r#"
files = { "/work/a/b.txt" = "x", "/other/c" = "", "/empty/" = "", "/fixed/added" = "" }
directories = { "/fixed" = "fixtures/fixed", "/deep/er" = "fixtures/deeper" }"#);
    let roots: Vec<_> = case.world.directories.iter().map(|(path, folder)| (path.as_str(), folder.as_str())).collect();
    let expected =
        [("/deep/er", "fixtures/deeper"), ("/empty", ""), ("/fixed", "fixtures/fixed"), ("/other", ""), ("/work", "")];
    assert_eq!(roots, expected);
}

#[test]
fn a_result_is_compared_as_json_is() {
    let of = |case: &str, value: Value| found(case, &report(Outcome::Success(value)));
    assert!(of("result = { a = 1, b = [1.0, \"x\"] }", json!({"b": [1, "x"], "a": 1.0})).is_empty());
    assert!(of("result-json = 'null'", json!(null)).is_empty());
    for (case, value) in [
        ("result = { a = 1 }", json!({"a": 1, "b": 2})),
        ("result = [1, 2]", json!([2, 1])),
        ("result = \"1\"", json!(1)),
        ("result-json = 'null'", json!({})),
        ("result-schema = { type = \"string\" }", json!(1)),
    ] {
        assert_eq!(of(case, value), ["result"], "{case}");
    }
    assert!(of("result-at = { \"/a/0\" = 1 }", json!({"a": [1, 2]})).is_empty());
    assert_eq!(of("result-at = { \"/a/2\" = 1 }", json!({"a": [1, 2]})), ["result at `/a/2`"]);
    assert!(of("", json!("whatever")).is_empty());
}

#[test]
fn a_failure_is_compared_by_kind_code_and_message() {
    let failed = report(Outcome::Failure(Failure::new(Class::Tool, "not-found", "`/work/a`: does not exist")));
    for good in ["{}", "{ kind = \"tool\" }", "{ code = \"not-found\", says = \"does not exist\" }"] {
        assert!(found(&format!("error = {good}"), &failed).is_empty(), "{good}");
    }
    for bad in ["{ kind = \"denied\" }", "{ code = \"failed\" }", "{ says = \"is a directory\" }"] {
        assert_eq!(found(&format!("error = {bad}"), &failed), ["error"], "{bad}");
    }
    assert_eq!(found("", &failed), ["result"], "a case without expectations expects success");
    assert_eq!(found("error = {}", &report(Outcome::Success(json!(1)))), ["error"]);
}

#[test]
fn every_change_must_be_expected_and_every_expected_one_must_be_there() {
    let created = || file("/work/a", ChangeKind::Created, "new\n");
    let moved = || file("/work/b", ChangeKind::Moved { from: "/work/c".into() }, "b");
    let good = r#"changes = [
  { change = "moved", path = "/work/b", from = "/work/c" },
  { change = "created", path = "/work/a", content = "new\n" },
]"#;
    assert!(found(good, &changed(vec![created(), moved()])).is_empty());
    assert_eq!(found("", &changed(vec![created()])), ["change of /work/a"], "silence is no consent");
    assert_eq!(found(good, &changed(vec![created()])), ["change of /work/b"]);
    assert_eq!(
        found(good, &changed(vec![file("/work/a", ChangeKind::Created, "old\n"), moved()])),
        ["content of /work/a"]
    );
    assert_eq!(
        found(good, &changed(vec![file("/work/a", ChangeKind::Changed, "new\n"), moved()])),
        ["change of /work/a"]
    );
    let elsewhere = file("/work/b", ChangeKind::Moved { from: "/work/d".into() }, "b");
    assert_eq!(found(good, &changed(vec![created(), elsewhere])), ["change of /work/b"]);
    let directory = "changes = [{ change = \"created\", path = \"/work/a/\" }]";
    assert_eq!(found(directory, &changed(vec![created()])), ["change of /work/a"], "a file is no directory");
    let many = EffectReport { changes_left_out: 1, ..EffectReport::default() };
    assert_eq!(found("", &CallReport { effects: many, ..report(Outcome::Success(json!(1))) }), ["changes"]);
}

#[test]
fn what_a_failed_call_had_staged_is_no_change() {
    let failed = Outcome::Failure(Failure::new(Class::Tool, "failed", "no"));
    let report = CallReport { outcome: failed, ..changed(vec![file("/work/a", ChangeKind::Created, "x")]) };
    assert!(found("error = { kind = \"tool\" }", &report).is_empty());
    let expecting = "error = { kind = \"tool\" }\nchanges = [{ change = \"created\", path = \"/work/a\" }]";
    assert_eq!(found(expecting, &report), ["change of /work/a"]);
}

#[test]
fn a_hash_stands_for_content_that_is_no_text() {
    let digits = Digest::of(b"x").to_string().replace("sha256:", "");
    let case =
        |digits: &str| format!("changes = [{{ change = \"created\", path = \"/work/a\", sha256 = \"{digits}\" }}]");
    let report = changed(vec![file("/work/a", ChangeKind::Created, "x")]);
    assert!(found(&case(&digits), &report).is_empty());
    assert_eq!(found(&case(&"0".repeat(64)), &report), ["content of /work/a"]);
}

#[test]
fn requests_are_compared_in_their_order() {
    let made = vec![
        Request::new("GET", "https://a.example/", RequestState::Answered { status: 200 }),
        Request::new("POST", "https://a.example/", RequestState::Withheld),
    ];
    let effects = EffectReport { requests: made, ..EffectReport::default() };
    let report = CallReport { effects, ..report(Outcome::Success(json!(1))) };
    let get = "{ method = \"GET\", url = \"https://a.example/\" }";
    let post = "{ method = \"POST\", url = \"https://a.example/\", request = \"withheld\" }";
    assert!(found(&format!("requests = [{get}, {post}]"), &report).is_empty());
    for bad in
        [String::new(), get.into(), format!("{post}, {get}"), format!("{get}, {}", post.replace("withheld", "sent"))]
    {
        assert_eq!(found(&format!("requests = [{bad}]"), &report), ["requests"], "{bad}");
    }
}
