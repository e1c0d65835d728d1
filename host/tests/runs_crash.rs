//! `kill -9` at every step of a run: it goes on where it was, each file is changed once, each request is sent once or is
//! reported as unknown, and nothing is lost.
//!
//! The test starts itself as a child that works on a run of twenty calls (reads, staged writes, requests to a server that
//! counts) and kills itself at a given step, before or after that step is on record; the server kills it in the middle of a
//! request. A host of the test then takes the run up again, and a table is printed of what became of each.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test fails by panicking, starts the child and prints its table"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use toolhold::agent::model::Model;
use toolhold::agent::model::script::{Script, Scripted};
use toolhold::agent::{Act, Agent, Engine, Machine, Occurrence, Reason, Task, TokioClock, Unrecorded};
use toolhold::journal::{Durability, Filter, State as CallState};
use toolhold::runs::{Ended, HostTools, JournalEngine, Worker, limits};
use toolhold::{Host, HostConfig, clock, pin};
use toolhold_core::id::RunId;
use toolhold_core::limit::Usage;
use toolhold_core::state::State;
use toolhold_tests::http_server::HttpServer;

const PROJECT: &str = "TOOLHOLD_TEST_CRASH_PROJECT";
const KILL_AT: &str = "TOOLHOLD_TEST_CRASH_AT";
const RUN: &str = "the-run";
/// Rounds of the script; each has a read, a write and a request. With two reads at its end these are twenty calls.
const ROUNDS: usize = 6;
/// How many steps such a run has when nothing happens to it: checked, so that the sweep covers all of it.
const STEPS: u64 = 1 + ROUNDS as u64 * (3 + 2 * 3) + (3 + 2 * 2) + 2 + 1;

fn manifest(port: u16) -> String {
    format!(
        r#"
version = 1
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
[run]
max-iterations = 100
[[rules]]
name = "all"
decision = "allow"
tools = ["files.*", "http.*"]
"#
    )
}

/// An edit that shows when it is done twice: each adds a line.
fn script(port: u16) -> String {
    let mut script = String::new();
    for round in 1..=ROUNDS {
        let calls = [
            ("files.read", r#"{ path = "/work/log.txt" }"#.to_owned()),
            (
                "files.edit",
                format!(r#"{{ path = "/work/log.txt", edits = [{{ old = "end", new = "line {round}\nend" }}] }}"#),
            ),
            (
                "http.send",
                format!(
                    r#"{{ url = "http://127.0.0.1:{port}/{round}", method = "post", json = {{ round = {round} }} }}"#
                ),
            ),
        ];
        script.push_str("[[turn]]\n");
        for (tool, arguments) in calls {
            script.push_str(&format!("[[turn.call]]\ntool = \"{tool}\"\narguments = {arguments}\n"));
        }
    }
    let read = "[[turn.call]]\ntool = \"files.read\"\narguments = { path = \"/work/log.txt\" }\n";
    format!("{script}[[turn]]\n{read}{read}[[turn]]\ntext = \"done\"\n")
}

fn whole_log() -> String {
    (1..=ROUNDS).map(|round| format!("line {round}\n")).collect::<String>() + "end\n"
}

fn config(project: &Path) -> HostConfig {
    let cache = std::env::temp_dir().join(format!("toolhold-test-cache-{}", env!("CARGO_PKG_VERSION")));
    HostConfig {
        cache: Some(cache),
        durability: Durability::Normal,
        ..HostConfig::beside(&project.join("toolhold.toml"))
    }
}

fn block_on<R>(future: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(future)
}

fn models(project: &Path) -> [Box<dyn Model>; 1] {
    let text = std::fs::read_to_string(project.join("script.toml")).unwrap();
    [Box::new(Scripted::new("script.toml", Script::parse(&text).unwrap()))]
}

fn run() -> RunId {
    RUN.parse().unwrap()
}

/// When the child kills itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kill {
    /// What the step stands for is done, and not on record.
    Before(u64),
    /// It is on record, and nobody has heard of it.
    After(u64),
}

/// The engine of the product, and somebody who pulls the plug.
struct Plug<'a> {
    engine: JournalEngine<'a>,
    kill: Option<Kill>,
}

fn die() {
    let pid = rustix::process::getpid();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

impl Engine for Plug<'_> {
    fn once<'a>(&'a mut self, machine: &'a Machine, act: Act<'a>) -> BoxFuture<'a, Result<Occurrence, Unrecorded>> {
        let step = machine.steps() + 1;
        let before = self.kill == Some(Kill::Before(step));
        let after = self.kill == Some(Kill::After(step));
        Box::pin(async move {
            let act: Act<'a> = Box::pin(async move {
                let done = act.await;
                if before {
                    die();
                }
                done
            });
            let happened = self.engine.once(machine, act).await;
            if after {
                die();
            }
            happened
        })
    }
}

/// The child: begins the run, and works on it until it is killed.
#[test]
#[ignore = "started by the other tests as the process that is killed"]
fn child() {
    let Some(project) = std::env::var_os(PROJECT).map(PathBuf::from) else { return };
    let at: Option<i64> = std::env::var(KILL_AT).ok().map(|at| at.parse().unwrap());
    let kill = at.map(|at| if at < 0 { Kill::Before(at.unsigned_abs()) } else { Kill::After(at.unsigned_abs()) });
    block_on(async {
        let host = Host::open(&config(&project), &|_| ()).await.unwrap();
        let tools = HostTools { host: &host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
        let agent = Agent {
            tools: &tools,
            limits: limits(&host),
            clock: Arc::new(TokioClock::default()),
            cancel: CancellationToken::new(),
            quota: None,
        };
        let mut models = models(&project);
        let task = Task::new(run(), "work");
        let mut machine = Machine::begin(agent.start(&models, task));
        let mut engine = Plug { engine: JournalEngine::new(host.journal(), "test"), kill };
        agent.carry_on(&mut machine, &mut models, &mut engine, &mut |_| ()).await.unwrap();
    });
}

fn start(project: &Path, kill: Option<Kill>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    match kill {
        Some(Kill::Before(step)) => command.env(KILL_AT, format!("-{step}")),
        Some(Kill::After(step)) => command.env(KILL_AT, step.to_string()),
        None => command.env_remove(KILL_AT),
    };
    command
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(PROJECT, project)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A server that kills who asks it, at the request with this number; before it answers or after.
struct Deadly {
    server: HttpServer,
    victim: Arc<Mutex<Option<Child>>>,
}

impl Deadly {
    fn start(at: Option<(usize, bool)>) -> Self {
        let victim: Arc<Mutex<Option<Child>>> = Arc::default();
        let (theirs, count) = (Arc::clone(&victim), Mutex::new(0));
        let server = HttpServer::start(move |_, stream| {
            let number = {
                let mut count = count.lock().unwrap();
                *count += 1;
                *count
            };
            let kill = || {
                if let Some(child) = theirs.lock().unwrap().as_mut() {
                    child.kill().unwrap();
                    child.wait().unwrap();
                }
            };
            let answers_first = at == Some((number, true));
            if at == Some((number, false)) {
                kill();
            }
            let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err();
            if answers_first {
                kill();
            }
        });
        Self { server: server.unwrap(), victim }
    }

    /// How often each request came, by its path.
    fn counts(&self) -> Vec<usize> {
        let requests = self.server.requests();
        let came = |round: usize| requests.iter().filter(|text| text.starts_with(&format!("POST /{round} "))).count();
        (1..=ROUNDS).map(came).collect()
    }
}

fn project(server: &Deadly) -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    std::fs::create_dir(project.path().join("work")).unwrap();
    std::fs::write(project.path().join("work/log.txt"), "end\n").unwrap();
    std::fs::write(project.path().join("toolhold.toml"), manifest(server.server.port())).unwrap();
    std::fs::write(project.path().join("script.toml"), script(server.server.port())).unwrap();
    for tool in ["files", "http"] {
        let bytes = toolhold_tests::guests::component(tool).unwrap();
        std::fs::write(project.path().join(format!("{tool}.wasm")), bytes).unwrap();
    }
    block_on(pin(&config(project.path()))).unwrap();
    project
}

/// Takes the run up again, as many times as a person would: where an outcome is not known, the person finds out that the call
/// succeeded (the server says so) and lets the run go on. How many outcomes were not known.
fn mend(project: &Path, server: &Deadly) -> usize {
    let mut unknown = 0;
    block_on(async {
        let host = Host::open(&config(project), &|_| ()).await.unwrap();
        let mut ended = resume(&host, project).await;
        while let Some(Reason::Unknown { .. }) = ended.report.reason {
            assert!(ended.is_kept);
            unknown += 1;
            let filter = Filter { state: Some(CallState::Unknown), ..Filter::default() };
            let parked = host.journal().reader().unwrap().calls(&filter).unwrap();
            assert_eq!(parked.len(), 1, "{parked:?}");
            let came = server.counts().iter().sum::<usize>();
            assert!(came > 0, "nothing was sent, and that was known");
            // What the server would say that it has answered.
            let result = r#"{"url":"-","status":200,"content_type":"","format":"text","text":"ok","chars":2,"bytes":2,"headers":{}}"#;
            let effects = toolhold_core::event::Effects::Possible;
            let settlement = toolhold::journal::Settlement::success(result, Usage::default(), effects, clock::micros());
            host.journal().settle(&parked[0].call, settlement).await.unwrap();
            ended = work(&host, project, Some(())).await;
        }
        assert_eq!(ended.report.state, State::Completed, "{:?}", ended.report);
        assert_eq!(ended.report.answer.as_deref(), Some("done"));
        host.journal().flush().await.unwrap();
        host.journal().reader().unwrap().verify(None).unwrap();
    });
    unknown
}

async fn resume(host: &Host, project: &Path) -> Ended {
    let exists = host.journal().reader().unwrap().run(&run()).unwrap();
    if exists.is_some() {
        return work(host, project, None).await;
    }
    // It was killed before anything was on record, so a person starts it again.
    let tools = HostTools { host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
    worker(&tools).begin(Task::new(run(), "work"), &mut models(project), &mut |_| ()).await.unwrap()
}

fn worker<'a>(tools: &'a HostTools<'a>) -> Worker<'a> {
    Worker { tools, clock: Arc::new(TokioClock::default()), cancel: CancellationToken::new(), front: "test" }
}

async fn work(host: &Host, project: &Path, dead: Option<()>) -> Ended {
    let tools = HostTools { host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
    let mut models = models(project);
    match dead {
        Some(()) => worker(&tools).requeue(&run(), &mut models, &mut |_| ()).await.unwrap(),
        None => worker(&tools).resume(&run(), &mut models, &mut |_| ()).await.unwrap(),
    }
}

/// Kills the run once, takes it up again, and checks what is left of the world. A line of the table.
fn case(kill: Option<Kill>, at_request: Option<(usize, bool)>) -> String {
    let server = Deadly::start(at_request);
    let project = project(&server);
    let what = match (kill, at_request) {
        (Some(Kill::Before(step)), _) => format!("step {step:>2}, not on record"),
        (Some(Kill::After(step)), _) => format!("step {step:>2}, on record"),
        (None, Some((number, false))) => format!("request {number}, not answered"),
        (None, Some((number, true))) => format!("request {number}, answered"),
        (None, None) => "not at all".to_owned(),
    };
    if at_request.is_some() {
        let mut victim = server.victim.lock().unwrap();
        *victim = Some(start(project.path(), kill));
        drop(victim);
        let dead = || server.victim.lock().unwrap().as_mut().unwrap().try_wait().unwrap().is_some();
        while !dead() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    } else {
        let status = start(project.path(), kill).wait().unwrap();
        assert_eq!(status.success(), kill.is_none(), "{what}: the child was not killed where it should have been");
    }
    let before: usize = server.counts().iter().sum();
    let unknown = if kill.is_none() && at_request.is_none() {
        let reader = toolhold::journal::Reader::open(&project.path().join(".toolhold")).unwrap();
        assert_eq!(reader.run(&run()).unwrap().unwrap().steps, STEPS, "the sweep has to cover every step");
        0
    } else {
        mend(project.path(), &server)
    };
    let counts = server.counts();
    assert_eq!(counts, vec![1; ROUNDS], "{what}: each request once");
    let log = std::fs::read_to_string(project.path().join("work/log.txt")).unwrap();
    assert_eq!(log, whole_log(), "{what}: each line once");
    format!("{what:<28} {before:>8} {:>8} {:>8} {unknown:>8}", counts.iter().sum::<usize>(), log.lines().count() - 1)
}

fn table(lines: &[String]) {
    println!("{:<28} {:>8} {:>8} {:>8} {:>8}", "killed at", "sent", "in all", "lines", "unknown");
    lines.iter().for_each(|line| println!("{line}"));
}

/// Every how manieth step the sweep looks at: all of them where `TOOLHOLD_TEST_ROUNDS` is set, as in `make crash`.
fn stride() -> usize {
    if std::env::var_os("TOOLHOLD_TEST_ROUNDS").is_some() { 1 } else { 9 }
}

#[test]
fn a_run_that_is_killed_at_any_step_goes_on_and_does_nothing_twice() {
    let undisturbed = case(None, None);
    let steps = (1..=STEPS).flat_map(|step| [Kill::Before(step), Kill::After(step)]);
    // The last step on record is the end: there is nothing left to go on with.
    let steps = steps.filter(|kill| *kill != Kill::After(STEPS));
    let lines: Vec<String> = steps.step_by(stride()).map(|kill| case(Some(kill), None)).collect();
    table(&[vec![undisturbed], lines].concat());
}

#[test]
fn a_run_that_is_killed_within_a_request_reports_it_as_unknown_and_never_sends_it_again() {
    let numbers = (1..=ROUNDS).step_by(if stride() == 1 { 1 } else { 3 });
    let lines: Vec<String> =
        numbers.flat_map(|number| [false, true].map(|answered| case(None, Some((number, answered))))).collect();
    table(&lines);
    let unknown = lines.iter().filter(|line| line.ends_with('1')).count();
    assert!(unknown > 0, "a request without an answer is unknown");
}
