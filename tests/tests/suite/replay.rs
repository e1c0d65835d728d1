//! A call of a run once more: the same where nothing has changed, a report where something has, and never a byte sent.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolhold::agent::model::Model;
use toolhold::agent::model::script::{Script, Scripted};
use toolhold::agent::{RunEvent, Task, TokioClock};
use toolhold::journal::{HistoryFilter, RunFilter};
use toolhold::runs::{Error, HostTools, Past, Replay, Worker, replay};
use toolhold::{CallOptions, Host, HostConfig};
use toolhold_core::effect::RequestState;
use toolhold_core::id::RunId;
use toolhold_sandbox::{Player, Reel, RunOptions};
use toolhold_tests::http_server::HttpServer;
use toolhold_tests::{guests, test_host};

use crate::http::granted;

/// A project with files, requests, and a guest that reads clock and randomness.
struct Place {
    root: TempDir,
    server: HttpServer,
}

impl Place {
    fn new(host: &str) -> Self {
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

    fn manifest(&self, decision: &str, host: &str) {
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

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    async fn open(&self) -> Host {
        let config = HostConfig { cache: test_host::config().cache, ..HostConfig::beside(&self.path("toolhold.toml")) };
        toolhold::pin(&config).await.unwrap();
        Host::open(&config, &|_| ()).await.unwrap()
    }

    fn url(&self) -> String {
        format!("http://{}/", self.server.authority())
    }
}

/// Runs these calls, one per turn.
async fn ran(host: &Host, calls: &[(&str, Value)]) -> RunId {
    let turn = |(tool, arguments): &(&str, Value)| {
        let fields = arguments.as_object().unwrap().iter().map(|(key, value)| format!("{key} = {value}"));
        let fields: Vec<String> = fields.collect();
        format!("[[turn]]\n[[turn.call]]\ntool = \"{tool}\"\narguments = {{ {} }}\n", fields.join(", "))
    };
    let text: String = calls.iter().map(turn).collect();
    let script = Script::parse(&format!("{text}[[turn]]\ntext = \"done\"\n")).unwrap();
    let mut models: [Box<dyn Model>; 1] = [Box::new(Scripted::new("script.toml", script))];
    let tools = HostTools { host, session: None, labels: Arc::default(), on_report: &|_| () };
    let worker = Worker {
        tools: &tools,
        clock: Arc::new(TokioClock::default()),
        cancel: CallOptions::default().cancel,
        front: "test",
    };
    let run: RunId = "the-run".parse().unwrap();
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

fn block_on<R>(test: impl Future<Output = R>) -> R {
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
