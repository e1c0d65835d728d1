//! Metrics, as Prometheus reads them: its own Python client parses what is scraped.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use toolhold::agent::model::{ModelOptions, ModelSpec};
use toolhold::agent::{Clock, Task, TokioClock};
use toolhold::runs::{HostTools, Worker};
use toolhold::telemetry::{Format, names};
use toolhold::{CallOptions, Host, HostConfig, ToolCall, clock};

use crate::project::Project;

const SCRIPT: &str = r#"
[[turn]]
[[turn.call]]
tool = "files.write"
arguments = { path = "/work/new.md", content = "x" }
[[turn]]
text = "done"
"#;

/// What Prometheus' own parser makes of `text`; `None` where it is not installed, which CI does not allow.
fn parsed(text: &str, format: &str) -> Option<Vec<Value>> {
    read_by("parse.py", format, text)
}

/// What a script of `tests/telemetry` makes of `text`.
pub(super) fn read_by(script: &str, argument: &str, text: &str) -> Option<Vec<Value>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python = root.join("target/telemetry/venv/bin/python");
    if !python.exists() {
        assert!(std::env::var_os("CI").is_none(), "run tests/telemetry/fetch.sh");
        eprintln!("skipped: run tests/telemetry/fetch.sh for what reads metrics and YAML");
        return None;
    }
    let mut parser = Command::new(python);
    parser.arg(root.join("tests/telemetry").join(script)).arg(argument).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut parser = parser.spawn().unwrap();
    parser.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = parser.wait_with_output().unwrap();
    assert!(output.status.success(), "{text}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

async fn opened(project: &Project) -> Host {
    let config = HostConfig {
        cache: Some(std::env::temp_dir().join(format!("toolhold-test-cache-{}", env!("CARGO_PKG_VERSION")))),
        ..HostConfig::beside(&project.path().join("toolhold.toml"))
    };
    Host::open(&config, &|_| ()).await.unwrap()
}

async fn call(host: &Host, tool: &str, arguments: &str) {
    host.call(ToolCall::new(tool, arguments), CallOptions::default()).await;
}

async fn run(host: &Host, script: &Path) {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::default());
    let spec: ModelSpec = format!("scripted:{}", script.display()).parse().unwrap();
    let mut models = [spec.open(&ModelOptions::default(), &|_| None, Arc::clone(&clock)).unwrap()];
    let tools = HostTools { host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
    let worker = Worker { tools: &tools, clock, cancel: CancellationToken::new(), front: "test" };
    worker.begin(Task::new(toolhold::clock::new_run(), "t"), &mut models, &mut |_| ()).await.unwrap();
}

/// What is scraped, once the journal's part of it is there too.
async fn scraped(host: &Host, format: Format, has: &str) -> String {
    host.journal().flush().await.unwrap();
    for _ in 0..200 {
        let text = host.metrics().encode(format).unwrap();
        if text.contains(has) {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no `{has}` in:\n{}", host.metrics().encode(format).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_is_counted_and_prometheus_reads_it() {
    let project = Project::locked();
    project.write("script.toml", SCRIPT);
    let host = opened(&project).await;
    // Nothing is counted before somebody asks.
    call(&host, "files.read", r#"{"path": "/work/notes.md"}"#).await;
    drop(host.metrics().encode(Format::Prometheus).unwrap());
    for _ in 0..3 {
        call(&host, "files.read", r#"{"path": "/work/notes.md"}"#).await;
    }
    call(&host, "files.delete", r#"{"path": "/work/notes.md"}"#).await;
    call(&host, "files.read", r#"{"wrong": 1}"#).await;
    for name in ["made.up", "also.made-up", "x{y=\"z\"}\n# HELP evil"] {
        call(&host, name, "{}").await;
    }
    run(&host, &project.path().join("script.toml")).await;
    let text = scraped(&host, Format::Prometheus, "toolhold_runs_ended_total{end=\"completed\"} 1").await;
    for line in [
        "toolhold_calls_total{tool=\"files.read\",mode=\"live\",outcome=\"success\"} 3",
        "toolhold_calls_total{tool=\"files.delete\",mode=\"live\",outcome=\"denied\"} 1",
        "toolhold_calls_total{tool=\"files.read\",mode=\"live\",outcome=\"invalid-arguments\"} 1",
        "toolhold_calls_total{tool=\"other\",mode=\"live\",outcome=\"unknown-tool\"} 3",
        "toolhold_calls_total{tool=\"files.write\",mode=\"live\",outcome=\"success\"} 1",
        "toolhold_call_denials_total{code=\"denied\"} 1",
        "toolhold_call_invalid_total{code=\"unknown-tool\"} 3",
        "toolhold_call_duration_seconds_count{tool=\"files.read\"} 3",
        "toolhold_call_stage_duration_seconds_count{stage=\"run\"} 4",
        "toolhold_changes_total{what=\"landed\"} 1",
        "toolhold_runs_started_total 1",
        "toolhold_calls_open 0",
        "toolhold_journal_failing 0",
        "toolhold_telemetry_missed_total 0",
    ] {
        assert!(text.lines().any(|found| found == line), "`{line}` is not in:\n{text}");
    }
    assert!(!text.contains("made") && !text.contains("evil"), "{text}");
    let model = format!("model=\"scripted:{}\"", project.path().join("script.toml").display());
    assert!(text.contains(&format!("toolhold_model_requests_total{{{model},outcome=\"answered\"}} 2")), "{text}");
    known_to_the_table(&text);
    if let Some(families) = parsed(&text, "prometheus") {
        let calls = families.iter().find(|family| family["name"] == "toolhold_calls").unwrap();
        assert_eq!(calls["type"], "counter");
        let fuel = families.iter().find(|family| family["name"] == "toolhold_call_fuel").unwrap();
        assert!(fuel["samples"][0]["value"].as_f64().unwrap() > 1000.0, "{fuel}");
    }
    let text = host.metrics().encode(Format::OpenMetrics).unwrap();
    if let Some(families) = parsed(&text, "openmetrics") {
        let time = families.iter().find(|family| family["name"] == "toolhold_call_duration_seconds").unwrap();
        assert_eq!((&time["type"], &time["unit"]), (&"histogram".into(), &"seconds".into()));
    }
}

/// Every family is one of the table, as it is there.
fn known_to_the_table(text: &str) {
    let kinds: Vec<(&str, &str)> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    assert!(kinds.len() > 20, "{text}");
    for (name, kind) in kinds {
        let spec =
            names::ALL.iter().find(|spec| spec.name == name).unwrap_or_else(|| panic!("{name} is not in the table"));
        assert_eq!(spec.kind.as_str(), kind, "{name}");
        for line in text.lines().filter(|line| line.starts_with(&format!("{name}{{"))) {
            let labels = line.split_once('{').unwrap().1;
            assert!(spec.labels.iter().all(|label| labels.contains(&format!("{label}=\""))), "{line}");
        }
    }
}

/// Whoever takes a run up again in another process does not know what it began with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_began_before_anybody_counted_is_counted_under_its_models() {
    let project = Project::locked();
    project.write("script.toml", SCRIPT);
    let host = opened(&project).await;
    run(&host, &project.path().join("script.toml")).await;
    let id = host.journal().reader().unwrap().runs(&toolhold::journal::RunFilter::default()).unwrap()[0].run.clone();
    drop(host.metrics().encode(Format::Prometheus).unwrap());
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::default());
    let spec: ModelSpec = format!("scripted:{}", project.path().join("script.toml").display()).parse().unwrap();
    let mut models = [spec.open(&ModelOptions::default(), &|_| None, Arc::clone(&clock)).unwrap()];
    let tools = HostTools { host: &host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
    let worker = Worker { tools: &tools, clock, cancel: CancellationToken::new(), front: "test" };
    // A copy up to the call: what the copied steps cost was counted for the run that they are of.
    worker.fork((&id, 6), clock::new_run(), None, &mut models, &mut |_| ()).await.unwrap();
    let text = scraped(&host, Format::Prometheus, "toolhold_runs_ended_total{end=\"completed\"} 1").await;
    assert!(text.contains("outcome=\"answered\"} 1"), "the copied turn is not counted again:\n{text}");
    assert!(text.contains("toolhold_runs_started_total 1"), "{text}");
}
