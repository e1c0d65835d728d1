//! Log lines as JSON, with what they belong to.

use serde_json::Value;

use super::receiver::Receiver;
use crate::project::Project;

/// All of them: what the command says is one, too.
fn lines(said: &str) -> Vec<Value> {
    said.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

#[test]
fn log_lines_are_objects_of_json_and_what_is_on_standard_output_stays_as_it_is() {
    let project = Project::locked();
    let words = ["call", "files.read", "path=/work/notes.md", "--json", "--quiet", "--log-format", "json"];
    let wrong = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("OTEL_TRACES_EXPORTER", "zipkin")];
    let done = project.run_with(&wrong, &words);
    done.worked(&["# Notes"]);
    let lines = lines(&done.said());
    let line =
        lines.iter().find(|line| line["message"].as_str().is_some_and(|text| text.contains("OTEL_TRACES_EXPORTER")));
    let line = line.unwrap_or_else(|| panic!("{}", done.said()));
    assert_eq!(line["level"], "warn");
    assert!(line["target"].as_str().unwrap().starts_with("toolhold"), "{line}");
    assert!(line.get("trace_id").is_none());
}

#[test]
fn a_line_within_a_call_names_run_call_and_trace() {
    let (project, receiver) = (Project::free(), Receiver::start("200 OK"));
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.base.as_str()), ("TOOLHOLD_LOG_FORMAT", "json")];
    project.write("script.toml", SCRIPT);
    let done = project.run_with(&variables, &["-v", "run", "t", "--model", "scripted:script.toml"]);
    assert_eq!(done.code(), 0, "{}", done.said());
    let spans = receiver.spans();
    let call = spans.one("execute_tool files.write");
    let trace: String = call.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines = lines(&done.said());
    let within = lines.iter().find(|line| line["message"] == "a call ended");
    let within = within.unwrap_or_else(|| panic!("no line of a call in:\n{}", done.said()));
    assert_eq!(within["trace_id"], trace.as_str());
    assert_eq!((&within["fields"]["tool"], &within["fields"]["outcome"]), (&"files.write".into(), &"success".into()));
    assert!(within["call"].is_string(), "{within}");
    assert!(within["run"].is_string() && within["step"].is_u64() && within["span_id"].is_string(), "{within}");
}

#[test]
fn what_the_program_itself_says_is_a_line_too() {
    let project = Project::locked();
    let done = project.run(&["call", "files.write", "path=/work/new.md", "content=x", "--log-format", "json"]);
    let said = lines(&done.said());
    let how = said.iter().find(|line| line["message"].as_str().is_some_and(|text| text.contains("toolhold undo")));
    let how = how.unwrap_or_else(|| panic!("{said:?}"));
    assert_eq!((&how["level"], &how["target"]), (&"info".into(), &"toolhold".into()));
    assert!(!how["message"].as_str().unwrap().contains('\u{1b}') && how["time"].is_string(), "{how}");
    let wrong = project.run(&["runs", "show", "nothing", "--log-format", "json"]);
    assert_eq!((wrong.code(), &lines(&wrong.said())[0]["level"]), (3, &"error".into()));
}

const SCRIPT: &str = r#"
[[turn]]
[[turn.call]]
tool = "files.write"
arguments = { path = "/work/new.md", content = "x" }
[[turn]]
text = "done"
"#;
