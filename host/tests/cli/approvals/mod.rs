//! Approvals: what a rule asks about is not done before a person says so, and then exactly that, once.

mod answers;
mod modified;
mod terminal;
mod told;
mod waits;

use std::io::Write as _;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use toolhold::agent::{Task, TokioClock};
use toolhold::approvals::{Approval, ApprovalFilter, ApprovalScope, ApprovalState, Decider, Error, Verdict};
use toolhold::attempt::{HostTime, Time};
use toolhold::journal::Error as JournalError;
use toolhold::runs::{HostTools, Worker};
use toolhold::{Asking, CallOptions, CallReport, Host, HostConfig, ToolCall};
use toolhold_core::effect::RequestState;
use toolhold_core::id::ApprovalId;
use toolhold_core::outcome::{Class, Failure, Outcome};
use toolhold_tests::http_server::HttpServer;

use crate::project::{Project, cache, guest};

const MINUTE: u64 = 60_000_000;

const RULES: &str = r#"
version = 1

[tools.files]
source = "files.wasm"

[[tools.files.directories]]
host = "work"
guest = "/work"
read = ["**"]
write = ["**"]
deny = ["locked/**"]

[[rules]]
name = "look"
decision = "allow"
tools = ["files.read", "files.list"]

[[rules]]
name = "ask before writing"
decision = "ask"
tools = ["files.write"]
risk = "high"
reason = "notes are precious"

[[rules]]
name = "ask each time"
decision = "ask"
tools = ["files.delete"]
every-time = true
risk = "critical"

[[rules]]
name = "never there"
decision = "deny"
tools = ["files.write"]
when = { properties = { path = { pattern = "^/work/never/" } }, required = ["path"] }
"#;

/// Moves on when it is told to; nobody who sleeps is kept waiting.
#[derive(Debug)]
struct ManualTime(AtomicU64);

impl Time for ManualTime {
    fn micros(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn sleep(&self, micros: u64) -> BoxFuture<'static, ()> {
        self.0.fetch_add(micros, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> u64 {
        0
    }
}

struct Place {
    project: Project,
    time: Arc<dyn Time>,
}

impl Place {
    fn new(more: &str) -> Self {
        Self { project: Project::new(&format!("{RULES}{more}")), time: Arc::new(HostTime) }
    }

    /// In which somebody wants to be notified at this URL.
    fn told_at(url: &str) -> Self {
        let webhook = format!("[approvals.webhook]\nurl = \"{url}\"\nsecret = \"hook\"\n");
        let place = Self::new(&format!("[secrets.hook]\nfile = \"hook-key\"\n{webhook}"));
        place.project.write("hook-key", "k3y-of-the-hook");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(place.project.path().join("hook-key"), private).unwrap();
        place
    }

    /// With a clock of the test's own.
    fn timed(more: &str) -> (Self, Arc<ManualTime>) {
        let time = Arc::new(ManualTime(AtomicU64::new(toolhold::clock::micros())));
        (Self { time: Arc::clone(&time) as Arc<dyn Time>, ..Self::new(more) }, time)
    }

    async fn open(&self) -> Host {
        let manifest = self.project.path().join("toolhold.toml");
        let config = HostConfig { cache: Some(cache()), time: Arc::clone(&self.time), ..HostConfig::beside(&manifest) };
        toolhold::pin(&config).await.unwrap();
        Host::open(&config, &|_| ()).await.unwrap()
    }
}

fn block_on<R>(test: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test)
}

fn write(name: &str, content: &str) -> ToolCall {
    ToolCall::new("files.write", json!({"path": format!("/work/{name}"), "content": content}).to_string())
}

fn options(asking: Asking) -> CallOptions {
    CallOptions { asking, ..CallOptions::default() }
}

async fn park(host: &Host, call: ToolCall) -> CallReport {
    host.call(call, options(Asking::Park)).await
}

fn failure(report: &CallReport) -> &Failure {
    match &report.outcome {
        Outcome::Failure(failure) => failure,
        Outcome::Success(value) => panic!("it was made: {value}"),
    }
}

/// The approval for which the call waits.
fn awaited(report: &CallReport) -> ApprovalId {
    let failure = failure(report);
    assert_eq!((failure.class, failure.code.as_str()), (Class::AwaitingApproval, "awaiting-approval"), "{failure:?}");
    failure.approval.clone().unwrap()
}

fn succeeded(report: &CallReport) {
    assert!(matches!(report.outcome, Outcome::Success(_)), "{:?}", report.outcome);
}

fn me() -> Decider {
    Decider::new("test", "me")
}

async fn approve(host: &Host, id: &ApprovalId) -> Approval {
    host.approvals().decide(id, &me(), Verdict::Approve(ApprovalScope::Once)).await.unwrap()
}

async fn all(host: &Host) -> Vec<Approval> {
    host.approvals().list(&ApprovalFilter::default()).await.unwrap()
}

async fn verified(host: &Host) {
    host.journal().flush().await.unwrap();
    host.journal().reader().unwrap().verify(None).unwrap();
}

fn json_of(project: &Project, words: &[&str]) -> Value {
    serde_json::from_str(&project.run(&[words, &["--json"]].concat()).printed()).unwrap()
}

/// The newest question that waits, once there is one.
fn waiting(project: &Project) -> String {
    let began = Instant::now();
    loop {
        let listed = json_of(project, &["approvals", "list"]);
        if let Some(id) = listed[0]["id"].as_str() {
            return id.to_owned();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "nothing waits");
        std::thread::sleep(Duration::from_millis(50));
    }
}
