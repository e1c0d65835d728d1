//! A call of a run once more: the same where nothing has changed, a report where something has, and never a byte sent.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolhold::agent::model::Model;
use toolhold::agent::model::script::{Script, Scripted};
use toolhold::agent::{Act, Agent, Engine, Machine, Occurrence, RunEvent, Task, TokioClock, Unrecorded};
use toolhold::journal::{HistoryFilter, RunFilter};
use toolhold::runs::{Error, HostTools, JournalEngine, Past, Replay, Worker, limits, preflight, replay};
use toolhold::secrets::KnownSecret;
use toolhold::{CallOptions, Host, HostConfig, ToolCall};
use toolhold_core::effect::RequestState;
use toolhold_core::id::RunId;
use toolhold_core::state::State;
use toolhold_sandbox::{Player, Reel, RunOptions};
use toolhold_tests::http_server::HttpServer;
use toolhold_tests::{guests, test_host};

use crate::http::granted;

/// The host knows it, and no answer of the servers here but one holds it.
pub(crate) const SECRET: &str = "hunter22-longer";

/// A project with files, requests, and a guest that reads clock and randomness.
pub(crate) struct Place {
    root: TempDir,
    server: HttpServer,
}

impl Place {
    pub(crate) fn new(host: &str) -> Self {
        let count = AtomicUsize::new(0);
        // No two answers are the same.
        let server = HttpServer::start(move |_, stream: &mut TcpStream| {
            let body = format!("answer {}", count.fetch_add(1, Ordering::SeqCst));
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n", body.len());
            let _gone = stream.write_all(format!("{head}{body}").as_bytes());
        });
        let place = Self { root: tempfile::tempdir().unwrap(), server: server.unwrap() };
        std::fs::create_dir(place.path("work")).unwrap();
        std::fs::write(place.path("work/notes.md"), "one\n").unwrap();
        for (name, guest) in [("web", "http"), ("odd", "hostile"), ("files", "files")] {
            std::fs::write(place.path(&format!("{name}.wasm")), guests::component(guest).unwrap()).unwrap();
        }
        place.manifest("allow", host);
        place
    }

    pub(crate) fn manifest(&self, decision: &str, host: &str) {
        let manifest = format!(
            "version = 1\n[host]\n{host}\n[tools.web]\nsource = \"web.wasm\"\n[[tools.web.http]]\nhost = \"127.0.0.1\"\n\
             schemes = [\"http\"]\nports = [{}]\nmethods = [\"GET\", \"POST\"]\naddresses = [\"127.0.0.0/8\"]\nlabels = [\"untrusted\"]\n\
             [tools.odd]\nsource = \"odd.wasm\"\n[tools.files]\nsource = \"files.wasm\"\n\
             directories = [{{ host = \"work\", guest = \"/work\", read = [\"**\"], write = [\"**\"] }}]\n\
             [[rules]]\nname = \"all\"\ndecision = \"{decision}\"\ntools = [\"web.*\", \"odd.*\", \"files.*\"]\n",
            self.server.port()
        );
        std::fs::write(self.path("toolhold.toml"), manifest).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) async fn open(&self) -> Host {
        let known = vec![KnownSecret { name: "api".to_owned(), value: SECRET.into() }];
        let config =
            HostConfig { cache: test_host::config().cache, known, ..HostConfig::beside(&self.path("toolhold.toml")) };
        toolhold::pin(&config).await.unwrap();
        Host::open(&config, &|_| ()).await.unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.server.authority())
    }
}

/// Runs these calls, one per turn.
async fn ran(host: &Host, calls: &[(&str, Value)]) -> RunId {
    ran_as(host, "the-run", calls).await
}

async fn ran_as(host: &Host, name: &str, calls: &[(&str, Value)]) -> RunId {
    let turn = |(tool, arguments): &(&str, Value)| {
        let fields = arguments.as_object().unwrap().iter().map(|(key, value)| format!("{key} = {value}"));
        let fields: Vec<String> = fields.collect();
        format!("[[turn]]\n[[turn.call]]\ntool = \"{tool}\"\narguments = {{ {} }}\n", fields.join(", "))
    };
    let text: String = calls.iter().map(turn).collect();
    let script = Script::parse(&format!("{text}[[turn]]\ntext = \"done\"\n")).unwrap();
    let mut models: [Box<dyn Model>; 1] = [Box::new(Scripted::new("script.toml", script))];
    let tools = HostTools { host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
    let worker = Worker {
        tools: &tools,
        clock: Arc::new(TokioClock::default()),
        cancel: CallOptions::default().cancel,
        front: "test",
    };
    let run: RunId = name.parse().unwrap();
    worker.begin(Task::new(run.clone(), "t"), &mut models, &mut |_| ()).await.unwrap();
    run
}

/// The steps at which calls returned.
fn returned(host: &Host, run: &RunId) -> Vec<u64> {
    host.journal().flush_blocking().unwrap();
    let past = Past::of(&host.journal().reader().unwrap(), run).unwrap();
    let steps = past.history.iter().zip(1..);
    steps
        .filter(|(happened, _)| matches!(happened.event, RunEvent::CallReturned { .. }))
        .map(|(_, step)| step)
        .collect()
}

pub(crate) fn block_on<R>(test: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test)
}

fn of(replay: &Replay) -> Vec<&str> {
    replay.differences.iter().map(|difference| &*difference.of).collect()
}

#[test]
fn every_call_of_a_run_comes_to_the_same_again_and_nothing_is_sent_or_changed() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let calls = [
            ("odd.environment", json!({})),
            ("web.fetch", json!({"url": place.url()})),
            ("web.send", json!({"url": place.url(), "method": "post", "text": "an order"})),
            ("files.read", json!({"path": "/work/missing.md"})),
            ("files.write", json!({"path": "/work/new.md", "content": "new"})),
        ];
        let run = ran(&host, &calls).await;
        let steps = returned(&host, &run);
        assert_eq!((steps.len(), place.server.requests().len()), (5, 2));
        std::fs::remove_file(place.path("work/new.md")).unwrap();
        let kept = || host.journal().reader().unwrap().history(&HistoryFilter::default()).unwrap().len();
        let before = kept();
        for step in &steps {
            // By the step at which it returned, and by the one at which it started.
            for step in [*step, *step - 1] {
                let replay = replay(&host, &run, step).await.unwrap();
                assert!(replay.same && !replay.denied, "{replay:?}");
                assert_eq!(replay.requests_not_on_record, [] as [&str; 0]);
            }
        }
        assert_eq!(place.server.requests().len(), 2, "nothing was sent");
        assert!(!place.path("work/new.md").exists(), "nothing was changed");
        assert_eq!(kept(), before, "nor is there anything to apply");
        let error = replay(&host, &run, 1).await.unwrap_err();
        assert!(error.to_string().contains("is no call; the steps with one are:"), "{error}");
        assert!(matches!(replay(&host, &run, 999).await.unwrap_err(), Error::NoSuchStep { .. }));
        host.journal().reader().unwrap().verify(None).unwrap();
    });
}

#[test]
fn what_has_changed_since_is_told() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        let run = ran(&host, &[("files.read", json!({"path": "/work/notes.md"}))]).await;
        let step = returned(&host, &run)[0];
        assert!(replay(&host, &run, step).await.unwrap().same);
        std::fs::write(place.path("work/notes.md"), "two\n").unwrap();
        let replayed = replay(&host, &run, step).await.unwrap();
        assert!(!replayed.same && of(&replayed).contains(&"result"), "{replayed:?}");
        assert!(replayed.notes.iter().any(|note| note.contains("changed since then: /work/notes.md")), "{replayed:?}");
        drop(host);
        place.manifest("deny", "");
        let host = place.open().await;
        let denied = replay(&host, &run, step).await.unwrap();
        assert!(denied.denied && !denied.same, "{denied:?}");
        assert!(denied.notes.iter().any(|note| note.contains("the manifest is another one")), "{denied:?}");
    });
}

#[test]
fn an_answer_that_was_too_large_to_be_kept_is_refused_and_said() {
    let place = Place::new("replay-bytes = 0");
    block_on(async {
        let host = place.open().await;
        let run = ran(&host, &[("web.fetch", json!({"url": place.url()})), ("odd.environment", json!({}))]).await;
        let steps = returned(&host, &run);
        let replayed = replay(&host, &run, steps[0]).await.unwrap();
        assert_eq!(place.server.requests().len(), 1, "nothing was sent");
        assert!(!replayed.same && of(&replayed).contains(&"requests"), "{replayed:?}");
        assert!(replayed.notes.iter().any(|note| note.contains("`replay-bytes`")), "{replayed:?}");
        assert!(replay(&host, &run, steps[1]).await.unwrap().same, "time and randomness are always kept");
    });
}

#[test]
fn what_is_kept_goes_with_the_steps_of_the_run() {
    let place = Place::new("run-age = \"1us\"");
    block_on(async {
        let host = place.open().await;
        let run = ran(&host, &[("odd.environment", json!({}))]).await;
        let rows = || {
            let path = place.path(".toolhold/journal.db");
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.query_row("SELECT count(*) FROM tapes", [], |row| row.get::<_, i64>(0)).unwrap()
        };
        host.journal().flush().await.unwrap();
        assert_eq!(rows(), 1);
        drop(host);
        let host = place.open().await;
        host.journal().flush().await.unwrap();
        assert_eq!(rows(), 0);
        assert!(host.journal().reader().unwrap().runs(&RunFilter::default()).unwrap()[0].expired);
        assert!(matches!(replay(&host, &run, 4).await.unwrap_err(), Error::Expired(_)));
    });
}

#[test]
fn a_request_that_is_not_on_record_is_refused_and_listed_whatever_its_method() {
    let server = HttpServer::with("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    let host = granted(&server, "");
    for method in ["GET", "POST"] {
        let player = Player::new(toolhold_core::tape::Tape::default());
        let options = RunOptions { reel: Some(Reel::Played(player.clone())), ..RunOptions::default() };
        let arguments = json!({"authority": server.authority(), "path": "/x", "method": method});
        let call = host.authorize("http_request", arguments).unwrap();
        let report = host.sandbox().run_blocking(&call, options);
        assert!(report.outcome.is_err(), "{report:?}");
        assert!(matches!(report.requests[0].state, RequestState::Refused { .. }), "{report:?}");
        let expected = format!("{method} http://{}/x", server.authority());
        assert_eq!(player.played().missing, [expected]);
    }
    assert_eq!(server.requests(), [] as [&str; 0]);
}

#[test]
fn a_server_that_answers_in_another_shape_than_before_is_told_before_the_next_run() {
    let answers =
        [r#"{"id": 1, "price": 10}"#, r#"{"id": 2, "price": 20, "new": true}"#, r#"{"id": 3, "price": "30"}"#];
    let count = AtomicUsize::new(0);
    let server = HttpServer::start(move |_, stream: &mut TcpStream| {
        let body = answers[count.fetch_add(1, Ordering::SeqCst)];
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
        let _gone = stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes());
    });
    let place = Place { server: server.unwrap(), ..Place::new("") };
    place.manifest("allow", "");
    block_on(async {
        let host = place.open().await;
        let asked = |number: usize| [("web.fetch", json!({"url": format!("{}item?n={number}", place.url())}))];
        for run in ["r1", "r2"] {
            ran_as(&host, run, &asked(run.len())).await;
            host.journal().flush().await.unwrap();
            assert_eq!(preflight::answers(&host).unwrap(), []);
        }
        ran_as(&host, "r3", &asked(3)).await;
        host.journal().flush().await.unwrap();
        let found = preflight::answers(&host).unwrap();
        assert_eq!((found.len(), found[0].code, found[0].blocks), (1, "answers-changed", false), "{found:?}");
        let message = &found[0].message;
        assert!(message.contains("`/price` was a number and is a text") && message.contains("in run r3"), "{message}");
        assert!(!message.contains("n="), "the query is another each time: {message}");
    });
}

#[test]
fn a_secret_that_a_server_sent_back_is_not_kept_and_the_call_is_the_same_without_it() {
    let body = format!("your key is {SECRET}, and its hex is {}", hex::encode(SECRET));
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-key: {SECRET}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let place = Place { server: HttpServer::with(answer).unwrap(), ..Place::new("") };
    place.manifest("allow", "");
    block_on(async {
        let host = place.open().await;
        let run = ran(&host, &[("web.fetch", json!({"url": place.url()}))]).await;
        let step = returned(&host, &run)[0];
        let replayed = replay(&host, &run, step).await.unwrap();
        assert!(replayed.same, "{replayed:?}");
        host.journal().flush().await.unwrap();
        let connection = rusqlite::Connection::open(place.path(".toolhold/journal.db")).unwrap();
        let tape: String = connection.query_row("SELECT tape FROM tapes", [], |row| row.get(0)).unwrap();
        assert!(tape.contains("your key is ") && !tape.contains(SECRET), "{tape}");
        assert!(!tape.contains(&hex::encode(SECRET)), "{tape}");
    });
}

/// A run of one call that was started, and whose host was stopped then. The call and its key.
async fn cut_off(host: &Host, run: &str) -> ToolCall {
    cut_off_in(host, run, "tool = \"odd.environment\"\narguments = {}\n").await
}

/// The same with this call.
pub(crate) async fn cut_off_in(host: &Host, run: &str, call: &str) -> ToolCall {
    let tools = HostTools { host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
    let cancel = CallOptions::default().cancel;
    let clock = Arc::new(TokioClock::default());
    let agent = Agent { tools: &tools, limits: limits(host), clock, cancel, quota: None };
    let text = format!("[[turn]]\n[[turn.call]]\n{call}");
    let script = Scripted::new("script.toml", Script::parse(&text).unwrap());
    let mut models: [Box<dyn Model>; 1] = [Box::new(script)];
    let mut machine = Machine::begin(agent.start(&models, Task::new(run.parse().unwrap(), "t")));
    let mut engine = Stops { engine: JournalEngine::new(host.journal(), "test") };
    agent.carry_on(&mut machine, &mut models, &mut engine, &mut |_| ()).await.unwrap_err();
    let call = machine.open_call().unwrap();
    ToolCall { run: run.parse().unwrap(), key: call.key, ..ToolCall::new(&*call.tool, call.arguments) }
}

/// Takes down everything up to the start of a call.
struct Stops<'a> {
    engine: JournalEngine<'a>,
}

impl Engine for Stops<'_> {
    fn once<'a>(
        &'a mut self,
        machine: &'a Machine,
        act: Act<'a>,
    ) -> Pin<Box<dyn Future<Output = Result<Occurrence, Unrecorded>> + Send + 'a>> {
        match machine.open_call() {
            Some(_) => Box::pin(async { Err(Unrecorded::Failed("stopped".into())) }),
            None => self.engine.once(machine, act),
        }
    }
}

async fn take(host: &Host, run: &RunId, event: RunEvent) {
    host.journal().flush().await.unwrap();
    let machine = Past::of(&host.journal().reader().unwrap(), run).unwrap().machine().unwrap();
    let act = Box::pin(std::future::ready((machine.elapsed(), event)));
    JournalEngine::new(host.journal(), "test").once(&machine, act).await.unwrap();
    host.journal().flush().await.unwrap();
}

#[test]
fn a_run_that_was_to_be_cancelled_takes_what_the_journal_knows_and_makes_no_call() {
    let place = Place::new("");
    block_on(async {
        let host = place.open().await;
        for (name, made) in [("made", true), ("not-made", false)] {
            let call = cut_off(&host, name).await;
            let run = call.run.clone();
            let made = match made {
                true => Some(host.call(call, CallOptions::default()).await.call),
                false => None,
            };
            take(&host, &run, RunEvent::CancelRequested).await;
            let tools = HostTools {
                host: &host,
                session: None,
                labels: Arc::default(),
                on_report: &|_| panic!("made"),
                seat: None,
            };
            let worker = Worker {
                tools: &tools,
                clock: Arc::new(TokioClock::default()),
                cancel: CallOptions::default().cancel,
                front: "test",
            };
            let script = Scripted::new("script.toml", Script::parse("").unwrap());
            let mut models: [Box<dyn Model>; 1] = [Box::new(script)];
            let ended = worker.resume(&run, &mut models, &mut |_| ()).await.unwrap();
            assert_eq!(ended.report.state, State::Cancelled);
            let call = &ended.report.calls[0];
            let code = call.failure.as_ref().map(|failure| failure.code.as_str());
            assert_eq!((&call.call, code), (&made, if made.is_some() { None } else { Some("cut-off") }));
        }
    });
}

#[test]
fn a_dead_run_whose_host_was_stopped_before_it_was_kept_outlives_its_age() {
    let place = Place::new("run-age = \"1us\"");
    block_on(async {
        let host = place.open().await;
        let run = cut_off(&host, "dead").await.run;
        take(&host, &run, RunEvent::RunEnded { end: State::Failed, answer: None, reason: None }).await;
        drop(host);
        let host = place.open().await;
        let dead = Past::dead(&host.journal().reader().unwrap(), 10).unwrap();
        assert_eq!(dead.iter().map(|record| (&record.run, record.expired)).collect::<Vec<_>>(), [(&run, false)]);
        take(&host, &run, RunEvent::DeadLettered).await;
        take(&host, &run, RunEvent::Discarded).await;
        drop(host);
        let host = place.open().await;
        host.journal().flush().await.unwrap();
        assert!(host.journal().reader().unwrap().run(&run).unwrap().unwrap().expired, "a person has decided");
    });
}
