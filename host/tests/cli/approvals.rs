//! Approvals: what a rule asks about is not done before a person says so, and then exactly that, once.

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

/// A program that breaks whatever it is given, so another tool stands in for it.
const FALLBACK: &str = r#"
[tools.breaks]
source = "command.wasm"

[tools.breaks.commands.write]
description = "Breaks."
argv = ["panic"]
input = { properties.path.type = "string", properties.content.type = "string", required = ["path", "content"] }

[tools.breaks.tool.write]
fallback = { tool = "other.write" }

[tools.other]
source = "files.wasm"

[[tools.other.directories]]
host = "work"
guest = "/work"
read = ["**"]
write = ["**"]

[[rules]]
name = "the other one writes"
decision = "allow"
tools = ["other.write"]

[[rules]]
name = "ask before breaking"
decision = "ask"
tools = ["breaks.write"]
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

#[test]
fn a_call_is_asked_about_shown_approved_and_made_once() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let refused = host.call(write("a.md", "one"), CallOptions::default()).await;
        assert_eq!(failure(&refused).code, "needs-approval", "nobody can be asked");
        assert_eq!(all(&host).await, []);
        let id = awaited(&park(&host, write("a.md", "one")).await);
        let record = host.approvals().get(&id).await.unwrap();
        assert_eq!((record.approval.tool.as_str(), record.approval.risk.as_str()), ("files.write", "high"));
        assert_eq!(record.approval.reason.as_deref(), Some("notes are precious"));
        assert_eq!(record.foreseen.effects.changes[0].path, "/work/a.md");
        assert!(!place.project.path().join("work/a.md").exists());
        assert_eq!(awaited(&park(&host, write("a.md", "one")).await), id, "the same question is asked once");
        approve(&host, &id).await;
        assert!(!place.project.path().join("work/a.md").exists(), "an approval does nothing by itself");
        let made = park(&host, write("a.md", "one")).await;
        succeeded(&made);
        assert_eq!(made.approved.as_ref().unwrap().by, "test:me");
        assert_eq!(place.project.read("work/a.md"), "one");
        let again = awaited(&park(&host, write("a.md", "one")).await);
        assert_ne!(again, id, "it was used");
        assert_eq!(host.approvals().get(&id).await.unwrap().approval.state, ApprovalState::Used);
        verified(&host).await;
    });
}

#[test]
fn an_approval_is_good_for_no_other_call_client_or_manifest() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, write("a.md", "one")).await);
        approve(&host, &id).await;
        for (call, what) in [
            (write("a.md", "two"), "other content"),
            (write("b.md", "one"), "another path"),
            (ToolCall { mode: toolhold_core::call::Mode::Preview, ..write("a.md", "one") }, "a preview"),
        ] {
            assert_ne!(awaited(&park(&host, call).await), id, "{what}");
        }
        let other = CallOptions { client: "mcp".into(), ..options(Asking::Park) };
        assert_ne!(awaited(&host.call(write("a.md", "one"), other).await), id, "another client");
        let waits = awaited(&park(&host, write("c.md", "one")).await);
        drop(host);
        let text = place.project.read("toolhold.toml");
        place.project.write("toolhold.toml", &format!("{text}# changed\n"));
        let host = place.open().await;
        assert_ne!(awaited(&park(&host, write("a.md", "one")).await), id, "another manifest");
        let late = host.approvals().decide(&waits, &me(), Verdict::Approve(ApprovalScope::Once)).await;
        assert!(matches!(late, Err(Error::Changed(_))), "{late:?}");
        verified(&host).await;
    });
}

#[test]
fn other_bytes_under_the_same_name_are_asked_about_anew() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, write("a.md", "one")).await);
        approve(&host, &id).await;
        drop(host);
        let mut other = std::fs::read(place.project.path().join("files.wasm")).unwrap();
        other.extend(b"\0\x04\x03odd");
        std::fs::write(place.project.path().join("files.wasm"), other).unwrap();
        let host = place.open().await;
        assert_ne!(awaited(&park(&host, write("a.md", "one")).await), id);
    });
}

#[test]
fn a_no_is_told_with_its_reason_and_stands_until_it_is_taken_back() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, write("a.md", "one")).await);
        host.approvals().decide(&id, &me(), Verdict::Reject("write to b.md".into())).await.unwrap();
        for _ in 0..2 {
            let report = park(&host, write("a.md", "one")).await;
            assert_eq!((failure(&report).class, failure(&report).code.as_str()), (Class::Denied, "approval-rejected"));
            assert!(failure(&report).message.contains("write to b.md"), "{:?}", failure(&report));
        }
        assert_eq!(all(&host).await.len(), 1, "it is not asked again");
        host.approvals().withdraw(&id, &me()).await.unwrap();
        assert_ne!(awaited(&park(&host, write("a.md", "one")).await), id);
        verified(&host).await;
    });
}

#[test]
fn other_arguments_go_through_schema_and_rules_and_are_told() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, write("a.md", "one")).await);
        let modify = |arguments: Value| {
            let verdict = Verdict::Modify(arguments.to_string(), ApprovalScope::Once);
            let (host, id) = (host.clone(), id.clone());
            async move { host.approvals().decide(&id, &me(), verdict).await }
        };
        let denied = modify(json!({"path": "/work/never/a.md", "content": "x"})).await;
        assert!(matches!(denied, Err(Error::Denied(_))), "no person stands above a rule: {denied:?}");
        let invalid = modify(json!({"path": 7})).await;
        assert!(matches!(invalid, Err(Error::Invalid(_))), "{invalid:?}");
        modify(json!({"path": "/work/b.md", "content": "two"})).await.unwrap();
        let made = park(&host, write("a.md", "one")).await;
        succeeded(&made);
        let approved = made.approved.as_ref().unwrap();
        assert_eq!(approved.arguments.as_ref().unwrap()["path"], "/work/b.md");
        assert!(approved.label().unwrap().contains("a person changed the arguments"));
        assert_eq!(place.project.read("work/b.md"), "two");
        assert!(!place.project.path().join("work/a.md").exists());
        verified(&host).await;
    });
}

#[test]
fn what_stands_in_for_a_call_has_the_arguments_of_the_person_who_changed_them() {
    let place = Place::new(FALLBACK);
    std::fs::write(place.project.path().join("command.wasm"), guest("command")).unwrap();
    let breaks = || ToolCall { tool: "breaks.write".into(), ..write("a.md", "one") };
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, breaks()).await);
        let theirs = json!({"path": "/work/b.md", "content": "two"}).to_string();
        host.approvals().decide(&id, &me(), Verdict::Modify(theirs, ApprovalScope::Once)).await.unwrap();
        let made = park(&host, breaks()).await;
        succeeded(&made);
        assert!(made.served_by.is_some(), "{made:?}");
        assert!(!place.project.path().join("work/a.md").exists(), "the person replaced it");
        assert_eq!(place.project.read("work/b.md"), "two");
        assert!(made.approved.unwrap().label().unwrap().contains("a person changed the arguments"));
        verified(&host).await;
    });
}

#[test]
fn what_is_approved_for_the_run_of_one_is_not_for_the_run_of_another() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let tools = HostTools { host: &host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
        let (clock, cancel) = (Arc::new(TokioClock::default()), CancellationToken::new());
        let worker = Worker { tools: &tools, clock, cancel, front: "test" };
        for (run, by) in
            [("r-ann", Some("api:ann")), ("r-ann-2", Some("api:ann")), ("r-bob", Some("api:bob")), ("r-op", None)]
        {
            let task = Task { by: by.map(str::to_owned), ..Task::new(run.parse().unwrap(), "t") };
            worker.accept(worker.start(task, &Vec::new())).await.unwrap();
        }
        let of = |run: &str| ToolCall { run: run.parse().unwrap(), ..write("a.md", "one") };
        let id = awaited(&park(&host, of("r-ann")).await);
        approve(&host, &id).await;
        assert_eq!(host.approvals().get(&id).await.unwrap().approval.agent.as_deref(), Some("local@api:ann"));
        for other in ["r-bob", "r-op"] {
            assert_ne!(awaited(&park(&host, of(other)).await), id, "{other}");
        }
        worker
            .copy(("r-ann".parse().as_ref().unwrap(), 1), ("r-copy".parse().unwrap(), Some("api:bob".into())), None)
            .await
            .unwrap();
        assert_ne!(awaited(&park(&host, of("r-copy")).await), id, "a copy is the run of whoever made it");
        succeeded(&park(&host, of("r-ann-2")).await);
        verified(&host).await;
    });
}

#[test]
fn callers_that_wait_join_and_one_yes_makes_one_call() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let mut changes = host.approvals().subscribe();
        let wait = || {
            let host = host.clone();
            tokio::spawn(async move {
                host.call(write("a.md", "one"), options(Asking::Wait(Duration::from_secs(60)))).await
            })
        };
        let (first, second) = (wait(), wait());
        let id = changes.recv().await.unwrap().id.clone();
        while host.approvals().get(&id).await.unwrap().callers < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(all(&host).await.len(), 1);
        approve(&host, &id).await;
        let reports = [first.await.unwrap(), second.await.unwrap()];
        let made = reports.iter().filter(|report| matches!(report.outcome, Outcome::Success(_))).count();
        assert_eq!(made, 1, "{reports:?}");
        verified(&host).await;
    });
}

#[test]
fn a_rule_that_asks_every_time_takes_no_always() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let delete = || ToolCall::new("files.delete", r#"{"path":"/work/notes.md"}"#);
        let id = awaited(&park(&host, delete()).await);
        for scope in [ApprovalScope::Run, ApprovalScope::For(MINUTE)] {
            let refused = host.approvals().decide(&id, &me(), Verdict::Approve(scope)).await;
            assert!(matches!(refused, Err(Error::Journal(JournalError::Unanswerable { .. }))), "{refused:?}");
        }
        approve(&host, &id).await;
        succeeded(&park(&host, delete()).await);
        place.project.write("work/notes.md", "again");
        assert_ne!(awaited(&park(&host, delete()).await), id);
    });
}

#[test]
fn what_nobody_decides_or_uses_in_time_is_denied() {
    let (place, time) = Place::timed("");
    block_on(async {
        let host = place.open().await;
        let waits = awaited(&park(&host, write("a.md", "one")).await);
        let unused = awaited(&park(&host, write("b.md", "one")).await);
        approve(&host, &unused).await;
        time.0.fetch_add(15 * MINUTE, Ordering::SeqCst);
        let late = host.approvals().decide(&waits, &me(), Verdict::Approve(ApprovalScope::Once)).await;
        assert!(late.is_err(), "{late:?}");
        assert!(all(&host).await.iter().all(|approval| approval.state == ApprovalState::Expired));
        assert_ne!(awaited(&park(&host, write("b.md", "one")).await), unused, "a yes that was not used is none");
        // With this clock, whoever waits has waited.
        let waited = host.call(write("c.md", "one"), options(Asking::Wait(Duration::from_secs(3600)))).await;
        assert_eq!(failure(&waited).code, "approval-expired");
        assert!(!place.project.path().join("work/b.md").exists());
        verified(&host).await;
    });
}

#[test]
fn a_flood_of_questions_is_refused_and_nothing_is_run_for_it() {
    let (place, time) = Place::timed("[approvals]\nprompts-per-minute = 3\nmax-waiting = 4\n");
    block_on(async {
        let host = place.open().await;
        for number in 0..3 {
            awaited(&park(&host, write(&format!("{number}.md"), "x")).await);
        }
        let fourth = park(&host, write("3.md", "x")).await;
        assert_eq!((failure(&fourth).code.as_str(), failure(&fourth).retry_after), ("prompts-limited", Some(60)));
        time.0.fetch_add(MINUTE + 1, Ordering::SeqCst);
        awaited(&park(&host, write("3.md", "x")).await);
        let fifth = park(&host, write("4.md", "x")).await;
        assert_eq!(failure(&fifth).code, "approvals-full");
        assert_eq!(all(&host).await.len(), 4);
    });
}

#[test]
fn questions_and_answers_survive_a_restart_in_every_state() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let [waits, yes, no, other] = ["a", "b", "c", "d"].map(|name| write(&format!("{name}.md"), "one"));
        let mut ids = Vec::new();
        for call in [&waits, &yes, &no, &other] {
            ids.push(awaited(&park(&host, call.clone()).await));
        }
        approve(&host, &ids[1]).await;
        host.approvals().decide(&ids[2], &me(), Verdict::Reject("no".into())).await.unwrap();
        let new = json!({"path": "/work/e.md", "content": "two"}).to_string();
        host.approvals().decide(&ids[3], &me(), Verdict::Modify(new, ApprovalScope::Once)).await.unwrap();
        drop(host);
        let host = place.open().await;
        assert_eq!(awaited(&park(&host, waits.clone()).await), ids[0], "one prompt");
        succeeded(&park(&host, yes).await);
        assert_eq!(failure(&park(&host, no).await).code, "approval-rejected");
        succeeded(&park(&host, other).await);
        assert_eq!(place.project.read("work/e.md"), "two");
        approve(&host, &ids[0]).await;
        drop(host);
        let host = place.open().await;
        succeeded(&park(&host, waits).await);
        assert_eq!(host.approvals().get(&ids[1]).await.unwrap().approval.state, ApprovalState::Used);
        verified(&host).await;
    });
}

#[test]
fn a_repeat_with_the_key_of_an_approved_call_gets_its_outcome_and_asks_nobody() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let call = || ToolCall { key: Some("k".parse().unwrap()), ..write("a.md", "one") };
        let id = awaited(&park(&host, call()).await);
        approve(&host, &id).await;
        succeeded(&park(&host, call()).await);
        drop(host);
        let host = place.open().await;
        let repeated = park(&host, call()).await;
        succeeded(&repeated);
        assert!(repeated.replayed);
        assert_eq!(all(&host).await.len(), 1);
    });
}

/// A server that counts its requests.
fn counting() -> (HttpServer, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let seen = Arc::clone(&asked);
    let server = HttpServer::start(move |_, stream: &mut std::net::TcpStream| {
        seen.fetch_add(1, Ordering::SeqCst);
        let _gone = std::io::Write::write_all(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
    (server.unwrap(), asked)
}

#[test]
fn what_is_shown_of_a_call_sends_nothing_not_even_a_get() {
    let (server, asked) = counting();
    let port = server.port();
    let manifest = format!(
        "version = 1\n[tools.web]\nsource = \"web.wasm\"\n[[tools.web.http]]\nhost = \"127.0.0.1\"\nschemes = [\"http\"]\n\
         ports = [{port}]\naddresses = [\"127.0.0.0/8\"]\nmethods = [\"GET\", \"POST\"]\n[[rules]]\nname = \"ask\"\n\
         decision = \"ask\"\ntools = [\"web.*\"]\n"
    );
    let place = Place { project: Project::new(&manifest), time: Arc::new(HostTime) };
    std::fs::write(place.project.path().join("web.wasm"), guest("http")).unwrap();
    block_on(async {
        let host = place.open().await;
        let url = format!("http://127.0.0.1:{port}/?everything-that-it-knows");
        let fetch = || ToolCall::new("web.fetch", json!({ "url": url }).to_string());
        let id = awaited(&park(&host, fetch()).await);
        let record = host.approvals().get(&id).await.unwrap();
        let request = &record.foreseen.effects.requests[0];
        assert_eq!((request.method.as_str(), &request.state), ("GET", &RequestState::Withheld));
        assert!(request.url.contains("everything-that-it-knows"), "it is listed: {request:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        approve(&host, &id).await;
        succeeded(&park(&host, fetch()).await);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn who_wants_to_be_told_is_told_signed_and_without_arguments() {
    let hook = HttpServer::with(&b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"[..]).unwrap();
    let place = Place::told_at(&format!("http://{}/told", hook.authority()));
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, write("private-name.md", "private content")).await);
        approve(&host, &id).await;
        let began = Instant::now();
        while hook.requests().len() < 2 {
            assert!(began.elapsed() < Duration::from_secs(30), "nobody was told");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for request in hook.requests() {
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            let told: Value = serde_json::from_str(body).unwrap();
            assert_eq!((told["approval"].as_str(), told["tool"].as_str()), (Some(id.as_str()), Some("files.write")));
            assert!(!request.contains("private") && !request.contains("k3y-of-the-hook"), "{request}");
            let signature = head.lines().find_map(|line| line.strip_prefix("toolhold-signature: ")).unwrap();
            let seconds = signature.strip_prefix("t=").unwrap().split_once(',').unwrap().0.parse().unwrap();
            let own = toolhold_core::approval::signature::of(b"k3y-of-the-hook", seconds, body.as_bytes());
            assert_eq!(signature, own);
        }
    });
}

#[test]
fn a_process_ends_when_everybody_was_told_also_where_they_were_not_there_at_once() {
    let asked = AtomicUsize::new(0);
    let hook = HttpServer::start(move |_, stream| {
        let status = if asked.fetch_add(1, Ordering::SeqCst) == 0 { "503 Later" } else { "204 No Content" };
        drop(stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()));
    });
    let hook = hook.unwrap();
    let place = Place::told_at(&format!("http://{}/", hook.authority()));
    assert_eq!(place.project.run(&["lock"]).code(), 0);
    place.project.run(&["call", "files.write", "path=/work/a.md", "content=one"]).failed(17, &["awaiting-approval"]);
    assert_eq!(hook.requests().len(), 2, "the second one was taken");
    let id = waiting(&place.project);
    place.project.run(&["approvals", "approve", &id]).worked(&["approved"]);
    assert!(hook.requests()[2].contains(r#""state":"approved""#), "{:?}", hook.requests());
}

#[test]
fn a_webhook_that_never_answers_keeps_no_call_waiting() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::told_at(&format!("http://{}/", listener.local_addr().unwrap()));
    block_on(async {
        let host = place.open().await;
        let began = Instant::now();
        let id = awaited(&park(&host, write("a.md", "one")).await);
        approve(&host, &id).await;
        succeeded(&park(&host, write("a.md", "one")).await);
        assert!(began.elapsed() < Duration::from_secs(9), "longer than it is waited for");
    });
}

#[test]
fn a_secret_in_arguments_is_not_shown_and_what_stands_for_it_is_no_argument() {
    let place = Place::new("[secrets.token]\nfile = \"token\"\n");
    place.project.write("token", "t0k3n-that-nobody-sees");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(place.project.path().join("token"), private).unwrap();
    block_on(async {
        let host = place.open().await;
        let id = awaited(&park(&host, write("a.md", "t0k3n-that-nobody-sees")).await);
        let record = host.approvals().get(&id).await.unwrap();
        assert!(record.approval.is_redacted());
        let shown = serde_json::to_string(&record).unwrap();
        assert!(!shown.contains("t0k3n-that-nobody-sees"), "{shown}");
        for arguments in [record.approval.arguments.clone(), write("b.md", "t0k3n-that-nobody-sees").arguments] {
            let verdict = Verdict::Modify(arguments, ApprovalScope::Once);
            assert!(host.approvals().decide(&id, &me(), verdict).await.is_err());
        }
        approve(&host, &id).await;
        succeeded(&park(&host, write("a.md", "t0k3n-that-nobody-sees")).await);
        verified(&host).await;
    });
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

#[test]
fn the_terminal_lists_shows_and_decides() {
    let project = Project::locked();
    let words = ["call", "files.move", "from=/work/notes.md", "to=/work/moved.md"];
    project.run(&["approvals"]).worked(&["nothing waits"]);
    project.run(&words).failed(17, &["awaiting-approval", "toolhold approvals show"]);
    let id = waiting(&project);
    project.run(&["approvals"]).worked(&[&id, "files.move", "ask before moving", "medium"]);
    project.run(&["approvals", "show", &id]).worked(&["waiting", "/work/moved.md", "it would", "ask before moving"]);
    project.run(&["approvals", "approve", &id, "--for", "always"]).failed(2, &["once"]);
    project.run(&["approvals", "approve", "nothing"]).failed(3, &["there is no approval"]);
    project.run(&["approvals", "approve", &id]).worked(&["approved"]);
    project.run(&["approvals", "reject", &id]).failed(3, &["approved already"]);
    assert_eq!(project.run(&words).code(), 0);
    assert!(project.path().join("work/moved.md").exists());
    let words = ["call", "files.move", "from=/work/moved.md", "to=/work/other.md"];
    project.run(&words).failed(17, &[]);
    let id = waiting(&project);
    let new = r#"{"from": "/work/moved.md", "to": "/work/third.md"}"#;
    project.run(&["approvals", "modify", &id, "--arguments", r#"{"from": 1}"#]).failed(4, &["do not fit"]);
    project.run(&["approvals", "modify", &id, "--arguments", new]).worked(&["modified"]);
    let done = project.run(&words);
    assert_eq!(done.code(), 0, "{}", done.said());
    assert!(done.said().contains("a person changed the arguments"), "{}", done.said());
    assert!(project.path().join("work/third.md").exists());
    project.run(&["approvals", "list", "--all"]).worked(&["used"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

const SCRIPT: &str = r#"
[[turn]]
[[turn.call]]
tool = "files.move"
arguments = { from = "/work/notes.md", to = "/work/moved.md" }
[[turn]]
text = "done"
"#;

fn begin(project: &Project) -> (Child, std::path::PathBuf) {
    project.write("script.toml", SCRIPT);
    let output = project.path().join("output.txt");
    (project.start_into(&["run", "move it", "--model", "scripted:script.toml"], &output), output)
}

#[test]
fn a_run_waits_for_a_decision_that_is_left_by_another_process() {
    let project = Project::locked();
    let (mut child, output) = begin(&project);
    let id = waiting(&project);
    assert_eq!(json_of(&project, &["approvals", "list"])[0]["agent"], "local", "whose run it is");
    project.run(&["approvals", "approve", &id]).worked(&[&id]);
    let ended = child.wait().unwrap();
    assert!(ended.success(), "{}", std::fs::read_to_string(output).unwrap());
    assert!(project.path().join("work/moved.md").exists());
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_run_that_is_killed_while_it_waits_still_waits_and_takes_the_answer_that_came_meanwhile() {
    let project = Project::locked();
    let (mut child, _) = begin(&project);
    let id = waiting(&project);
    while !project.run(&["runs"]).printed().contains("awaiting-approval") {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let run = json_of(&project, &["runs"])[0]["run"].as_str().unwrap().to_owned();
    // Taken up and killed again: one question.
    let output = project.path().join("again.txt");
    let mut again = project.start_into(&["runs", "resume", &run], &output);
    while !std::fs::read_to_string(&output).unwrap().contains(&format!("run {run}")) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    again.kill().unwrap();
    again.wait().unwrap();
    assert_eq!(waiting(&project), id);
    project.run(&["approvals", "approve", &id]).worked(&["approved"]);
    let done = project.run(&["runs", "resume", &run]);
    assert_eq!((done.code(), done.printed().as_str()), (0, "done\n"), "{}", done.said());
    assert!(project.path().join("work/moved.md").exists());
    assert_eq!(json_of(&project, &["approvals", "list", "--all"]).as_array().unwrap().len(), 1);
    project.run(&["runs", "show", &run]).worked(&["waits for a person", "a person approved it", "ended: completed"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn a_run_hears_a_no_with_its_reason_and_goes_on() {
    let project = Project::locked();
    let (mut child, output) = begin(&project);
    let id = waiting(&project);
    project.run(&["approvals", "reject", &id, "--reason", "it is precious"]).worked(&["rejected"]);
    assert!(child.wait().unwrap().success());
    let said = std::fs::read_to_string(output).unwrap();
    assert!(said.contains("it is precious") && said.contains("completed"), "{said}");
    assert!(!project.path().join("work/moved.md").exists());
}

#[test]
fn a_run_that_waits_can_be_cancelled() {
    let project = Project::locked();
    let (mut child, _) = begin(&project);
    waiting(&project);
    while !project.run(&["runs"]).printed().contains("awaiting-approval") {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let run = json_of(&project, &["runs"])[0]["run"].as_str().unwrap().to_owned();
    project.run(&["runs", "cancel", &run]).worked(&["cancelled"]);
    project.run(&["runs"]).worked(&["cancelled"]);
    project.run(&["audit", "verify"]).worked(&[]);
}

#[test]
fn who_sits_at_a_terminal_is_asked_there() {
    let project = Project::locked();
    let words = ["call", "files.move", "from=/work/notes.md", "to=/work/moved.md"];
    let done = project.run_at_a_terminal(&words, "a\n");
    assert_eq!(done.code(), 0, "{}", done.printed());
    assert!(done.printed().contains("[a]pprove once"), "{}", done.printed());
    assert!(project.path().join("work/moved.md").exists());
    let words = ["call", "files.move", "from=/work/moved.md", "to=/work/again.md"];
    let done = project.run_at_a_terminal(&words, "n\nnot now\n");
    assert_eq!(done.code(), 5, "{}", done.printed());
    assert!(done.printed().contains("not now"), "{}", done.printed());
}

#[test]
fn who_decides_later_waits_for_nothing_and_a_word_that_is_none_is_asked_again() {
    let project = Project::locked();
    let words = ["call", "files.move", "from=/work/notes.md", "to=/work/moved.md"];
    let done = project.run_at_a_terminal(&words, "yes please\n\nl\n");
    assert_eq!(done.printed().matches("type one of the letters").count(), 2, "{}", done.printed());
    assert!(done.printed().contains("decide later") && project.path().join("work/notes.md").exists());
    // Its time is not over: it still waits, for the next such call.
    assert_eq!(done.code(), 17);
    let waiting = json_of(&project, &["approvals"]);
    assert_eq!((waiting.as_array().map(Vec::len), &waiting[0]["state"]), (Some(1), &json!("waiting")), "{waiting}");
}
