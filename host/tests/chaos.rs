//! Many agents at once, and a world in which much goes wrong, at stated rates and from a seed.
//!
//! Models answer with garbage, fail with 429 or break off; tools trap and run out of time; the server drops answers, asks to be
//! left alone, fails. Each agent has a list of things to do: add lines to its own file, send requests that a server counts,
//! call a tool that traps. After it all, what must hold is checked: every run has ended, none went beyond its budgets, nothing was
//! done twice, what a completed run was asked for is there, and at least 999 of 1,000 runs are completed or partial.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test fails by panicking, reads its settings from the environment and prints its table"
)]

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use toolhold::agent::model::{Error, Finish, Identity, Kind, Model, Request, Tokens, Turn};
use toolhold::agent::{Message, RequestedCall, RunReport, Task, TokioClock};
use toolhold::journal::Durability;
use toolhold::runs::{HostTools, Worker};
use toolhold::{Host, HostConfig, clock, pin};
use toolhold_core::id::Digest;
use toolhold_core::state::State;
use toolhold_tests::http_server::HttpServer;

/// Faults in a thousand, each time one could happen.
mod rates {
    /// The model's turn is garbage.
    pub(super) const GARBAGE: u64 = 60;
    /// The model fails.
    pub(super) const MODEL: u64 = 60;
    /// The server takes the request and drops the connection.
    pub(super) const DROPPED: u64 = 50;
    /// The server answers 429 or 503, and does nothing.
    pub(super) const REFUSED: u64 = 60;
    /// A step of an agent is a call that traps, runs out of fuel or is not allowed.
    pub(super) const BROKEN: u64 = 100;
}

/// What one agent is to do: so many lines, and so many requests.
const LINES: usize = 4;
const REQUESTS: usize = 4;

const MAX_ITERATIONS: u64 = 60;
const MAX_CALLS: u64 = 80;

fn manifest(port: u16) -> String {
    format!(
        r#"
version = 1
[limits]
time = "60s"
[retry]
attempts = 6
budget = 100
[breaker]
failures = 1000000
error-rate = 0
[tools.files]
source = "files.wasm"
[[tools.files.directories]]
host = "work"
guest = "/work"
read = ["**"]
write = ["**"]
[tools.http]
source = "http.wasm"
[[tools.http.http]]
host = "127.0.0.1"
schemes = ["http"]
ports = [{port}]
addresses = ["127.0.0.0/8"]
methods = ["POST"]
idempotency-header = "Idempotency-Key"
[tools.hostile]
source = "hostile.wasm"
[tools.hostile.limits]
fuel = 10000000
[run]
max-iterations = {MAX_ITERATIONS}
max-tool-calls = {MAX_CALLS}
max-time = "20min"
max-tool-calls-per-hour = 1000000
max-tokens-per-hour = 1000000000
[host]
max-queue = 100000
[[rules]]
name = "most"
decision = "allow"
tools = ["files.edit", "http.send", "hostile.*"]
"#
    )
}

/// Numbers that look random and are the same in each run with one seed.
struct Dice(u64, String);

impl Dice {
    fn new(seed: u64, name: &str) -> Self {
        Self(0, format!("{seed}-{name}"))
    }

    fn roll(&mut self, below: u64) -> u64 {
        self.0 += 1;
        let digest = Digest::of_parts(&[self.1.as_bytes(), &self.0.to_be_bytes()]);
        let [first, second, third, fourth, ..] = *digest.as_bytes();
        u64::from(u32::from_be_bytes([first, second, third, fourth])) % below
    }

    fn happens(&mut self, in_a_thousand: u64) -> bool {
        self.roll(1000) < in_a_thousand
    }
}

/// A thing that an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Line(usize),
    Request(usize),
}

/// Goes through its list, and does each thing again that did not work; but for when it does something else.
struct Chaotic {
    identity: Identity,
    agent: usize,
    port: u16,
    dice: Dice,
    todo: Vec<Step>,
    last: Option<(String, Step)>,
}

impl Chaotic {
    fn new(seed: u64, agent: usize, which: usize, port: u16) -> Self {
        let lines = (0..LINES).map(Step::Line);
        let requests = (0..REQUESTS).map(Step::Request);
        let mut todo: Vec<Step> = lines.chain(requests).collect();
        let mut dice = Dice::new(seed, &format!("list-{agent}"));
        todo.sort_by_cached_key(|_| dice.roll(1 << 30));
        let identity = Identity { name: format!("chaotic-{which}"), kind: Kind::Scripted };
        Self { identity, agent, port, dice: Dice::new(seed, &format!("model-{agent}-{which}")), todo, last: None }
    }

    /// What the conversation says of what was done: another model of the chain may have done it.
    fn look_back(&mut self, messages: &[Message]) {
        for message in messages {
            match message {
                Message::Assistant { calls, .. } => {
                    self.last = calls.iter().find_map(|call| self.step_of(call).map(|step| (call.id.clone(), step)));
                }
                Message::Tool { id, content } => {
                    let Some((_, step)) = self.last.as_ref().filter(|(last, _)| last == id) else { continue };
                    let (done, word) = match step {
                        Step::Line(_) => (*step, "\"replacements\":1"),
                        Step::Request(_) => (*step, "\"status\":200"),
                    };
                    if content.contains(word) {
                        self.todo.retain(|step| *step != done);
                    }
                }
                _ => {}
            }
        }
    }

    fn step_of(&self, call: &RequestedCall) -> Option<Step> {
        let every = (0..LINES).map(Step::Line).chain((0..REQUESTS).map(Step::Request));
        let same = |step: &Step| {
            let (name, arguments) = self.call(*step);
            let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
            call.name == name && parse(&call.arguments) == parse(&arguments)
        };
        every.into_iter().find(same)
    }

    fn call(&self, step: Step) -> (&'static str, String) {
        let agent = self.agent;
        match step {
            Step::Line(line) => {
                let edits = json!([{"old": "end", "new": format!("line {line}\nend")}]);
                ("files__edit", json!({"path": format!("/work/{agent}.txt"), "edits": edits}).to_string())
            }
            Step::Request(number) => {
                let url = format!("http://127.0.0.1:{}/{agent}/{number}", self.port);
                ("http__send", json!({"url": url, "method": "post", "text": "x"}).to_string())
            }
        }
    }

    fn garbage(&mut self) -> Turn {
        let call = |name: &str, arguments: &str| {
            vec![RequestedCall { id: String::new(), name: name.into(), arguments: arguments.into() }]
        };
        let calls = match self.dice.roll(6) {
            0 => call("files__edti", "{}"),
            1 => call("files__edit", r#"{"path": "/work/"#),
            2 => call("http__send", "[]"),
            3 => call("files__edit", r#"{"nothing": true}"#),
            4 => call(&"x".repeat(5000), "{}"),
            _ => Vec::new(),
        };
        Turn { calls, ..turn("") }
    }

    fn play(&mut self, request: &Request<'_>) -> Result<Turn, Error> {
        if self.dice.happens(rates::MODEL) {
            return Err(match self.dice.roll(3) {
                0 => Error::Status { status: 429, message: "slow down".into(), retry_after: None, passing: true },
                1 => Error::Truncated,
                _ => Error::Unreachable("nobody is there".into()),
            });
        }
        self.look_back(request.messages);
        if request.last {
            return Ok(turn("this is as far as it got"));
        }
        if self.dice.happens(rates::GARBAGE) {
            return Ok(self.garbage());
        }
        if self.dice.happens(rates::BROKEN) {
            let names = ["hostile__panics", "hostile__endless_loop", "files__read"];
            let name = names[usize::try_from(self.dice.roll(3)).unwrap()];
            // Another text each time: a call that is denied again and again ends a run, and rightly so.
            let arguments = json!({"path": format!("/work/{}", self.dice.roll(1 << 30))}).to_string();
            let arguments = if name.starts_with("hostile") { "{}".to_owned() } else { arguments };
            return Ok(Turn {
                calls: vec![RequestedCall { id: String::new(), name: name.into(), arguments }],
                ..turn("")
            });
        }
        let Some(step) = self.todo.first().copied() else { return Ok(turn("done")) };
        let (name, arguments) = self.call(step);
        let text = format!("next, {}", self.dice.roll(1 << 30));
        let id = format!("id-{}", self.dice.roll(1 << 30));
        Ok(Turn { calls: vec![RequestedCall { id, name: name.into(), arguments }], ..turn(&text) })
    }
}

fn turn(text: &str) -> Turn {
    Turn { text: text.into(), calls: Vec::new(), finish: Finish::Stop, tokens: Tokens::default(), served_by: None }
}

impl Model for Chaotic {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn turn<'a>(
        &'a mut self,
        request: Request<'a>,
        _on_text: &'a mut (dyn FnMut(&str) + Send),
    ) -> BoxFuture<'a, Result<Turn, Error>> {
        let turn = self.play(&request);
        Box::pin(async move {
            tokio::task::yield_now().await;
            turn
        })
    }
}

/// What the server did, by path and key: how often it was asked, and how often it acted. It knows keys, so it acts once for each.
#[derive(Default)]
struct Done(Mutex<HashMap<String, BTreeMap<String, u32>>>);

impl Done {
    /// Acts on a request, unless it has.
    fn act(&self, request: &str) {
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let find = |line: &str| line.to_ascii_lowercase().strip_prefix("idempotency-key: ").map(str::to_owned);
        let key = request.lines().find_map(find).unwrap_or_default();
        *self.0.lock().unwrap().entry(path).or_default().entry(key).or_default() += 1;
    }

    /// How often it acted on `path`.
    fn times(&self, path: &str) -> usize {
        self.0.lock().unwrap().get(path).map_or(0, BTreeMap::len)
    }
}

fn server(seed: u64, done: Arc<Done>) -> HttpServer {
    let dice = Mutex::new(Dice::new(seed, "server"));
    HttpServer::start(move |request, stream| {
        let (dropped, refused, busy) = {
            let mut dice = dice.lock().unwrap();
            (dice.happens(rates::DROPPED), dice.happens(rates::REFUSED), dice.happens(500))
        };
        if refused {
            let head = if busy { "429 Too Many Requests" } else { "503 Service Unavailable" };
            let answer = format!("HTTP/1.1 {head}\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n");
            let _gone = stream.write_all(answer.as_bytes()).is_err();
            return;
        }
        done.act(request);
        if !dropped {
            let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err();
        }
    })
    .unwrap()
}

fn config(project: &Path) -> HostConfig {
    let cache = std::env::temp_dir().join(format!("toolhold-test-cache-{}", env!("CARGO_PKG_VERSION")));
    HostConfig {
        cache: Some(cache),
        durability: Durability::Normal,
        ..HostConfig::beside(&project.join("toolhold.toml"))
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

async fn agent(host: &Host, seed: u64, number: usize, port: u16) -> RunReport {
    let tools = HostTools { host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
    let worker = Worker {
        tools: &tools,
        clock: Arc::new(TokioClock::default()),
        cancel: CancellationToken::new(),
        front: "chaos",
    };
    let mut models: [Box<dyn Model>; 2] =
        [0, 1].map(|which| Box::new(Chaotic::new(seed, number, which, port)) as Box<dyn Model>);
    let ended = worker.begin(Task::new(clock::new_run(), "the list"), &mut models, &mut |_| ()).await;
    ended.unwrap().report
}

#[test]
fn chaos_ends_every_run_within_its_budgets_and_does_nothing_twice() {
    let (seed, agents) = (setting("TOOLHOLD_TEST_SEED", 1), setting("TOOLHOLD_TEST_AGENTS", 40));
    let agents = usize::try_from(agents).unwrap();
    let done = Arc::<Done>::default();
    let server = server(seed, Arc::clone(&done));
    let project = tempfile::tempdir().unwrap();
    std::fs::create_dir(project.path().join("work")).unwrap();
    for number in 0..agents {
        std::fs::write(project.path().join(format!("work/{number}.txt")), "end\n").unwrap();
    }
    std::fs::write(project.path().join("toolhold.toml"), manifest(server.port())).unwrap();
    for tool in ["files", "http", "hostile"] {
        let bytes = toolhold_tests::guests::component(tool).unwrap();
        std::fs::write(project.path().join(format!("{tool}.wasm")), bytes).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let finished = AtomicU64::new(0);
    let reports = runtime.block_on(async {
        pin(&config(project.path())).await.unwrap();
        let host = Host::open(&config(project.path()), &|_| ()).await.unwrap();
        let all = join_all((0..agents).map(|number| {
            let (host, finished, port) = (&host, &finished, server.port());
            async move {
                let report = agent(host, seed, number, port).await;
                finished.fetch_add(1, Ordering::Relaxed);
                report
            }
        }));
        let all = tokio::time::timeout(Duration::from_secs(1500), all).await;
        let reports =
            all.unwrap_or_else(|_| panic!("a run hangs: {} of {agents} have ended", finished.load(Ordering::Relaxed)));
        host.journal().flush().await.unwrap();
        host.journal().reader().unwrap().verify(None).unwrap();
        reports
    });
    check(&reports, project.path(), &done);
    tell(seed, &reports);
}

fn check(reports: &[RunReport], project: &Path, done: &Done) {
    let mut honest = 0;
    for (number, report) in reports.iter().enumerate() {
        assert!(report.state.is_end() && u64::from(report.turns) <= MAX_ITERATIONS + 1, "{report:?}");
        assert!(report.calls.len() as u64 <= MAX_CALLS, "{report:?}");
        assert!(report.state == State::Completed || report.reason.is_some(), "{report:?}");
        honest += usize::from(matches!(report.state, State::Completed | State::Partial));
        let text = std::fs::read_to_string(project.join(format!("work/{number}.txt"))).unwrap();
        for line in 0..LINES {
            let times = text.matches(&format!("line {line}\n")).count();
            assert!(times <= 1, "agent {number}: line {line} is there {times} times");
            assert!(times == 1 || report.state != State::Completed, "agent {number}: line {line} is lost");
        }
        for request in 0..REQUESTS {
            let times = done.times(&format!("/{number}/{request}"));
            assert!(times <= 1, "agent {number}: request {request} was acted on {times} times");
            assert!(times == 1 || report.state != State::Completed, "agent {number}: request {request} is lost");
        }
    }
    // At least 999 of 1,000; of fewer, all but one.
    let least = reports.len() - (reports.len() / 1000).max(1);
    assert!(honest >= least, "{honest} of {} ended completed or partial", reports.len());
}

fn tell(seed: u64, reports: &[RunReport]) {
    let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failures: BTreeMap<String, usize> = BTreeMap::new();
    for report in reports {
        *ends.entry(report.state.as_str()).or_default() += 1;
        for failure in report.calls.iter().filter_map(|call| call.failure.as_ref()) {
            *failures.entry(failure.code.clone()).or_default() += 1;
        }
    }
    let sum = |of: fn(&RunReport) -> usize| reports.iter().map(of).sum::<usize>();
    println!("seed {seed}, {} agents: {ends:?}", reports.len());
    println!(
        "{} turns, {} calls, {} turned down",
        sum(|r| r.turns as usize),
        sum(|r| r.calls.len()),
        sum(|r| r.rejected as usize)
    );
    println!("calls that failed, by code: {failures:?}");
    let reasons = reports.iter().filter_map(|report| report.reason.as_ref()).map(ToString::to_string);
    reasons.take(10).for_each(|reason| println!("  not completed: {reason}"));
}
