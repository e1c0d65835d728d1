//! A host with the product's `http` tools, servers that fail as they are told, and a clock for tests.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;
use toolhold::attempt::Time;
use toolhold::journal::{CallRecord, Filter};
use toolhold::{CallOptions, CallReport, Host, HostConfig, ToolCall};
use toolhold_core::outcome::{Failure, Outcome};
use toolhold_tests::http_server::HttpServer;
use toolhold_tests::{guests, test_host};

pub(super) const SECOND: u64 = 1_000_000;

/// Moves on when somebody sleeps, by as much as they sleep.
#[derive(Debug)]
pub(super) struct ManualTime {
    now: AtomicU64,
    slept: Mutex<Vec<u64>>,
}

impl ManualTime {
    fn new() -> Arc<Self> {
        Arc::new(Self { now: AtomicU64::new(1_000_000 * SECOND), slept: Mutex::default() })
    }

    pub(super) fn pass(&self, micros: u64) {
        self.now.fetch_add(micros, Ordering::SeqCst);
    }

    /// Each sleep so far.
    pub(super) fn slept(&self) -> Vec<u64> {
        self.slept.lock().unwrap().clone()
    }
}

impl Time for ManualTime {
    fn micros(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    fn sleep(&self, micros: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.slept.lock().unwrap().push(micros);
        self.pass(micros);
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> u64 {
        // The longest wait: jitter is tested where it is made.
        u64::MAX
    }
}

/// A directory with a manifest over the `http` tools as `web`, the hostile guest as `bad` and the probes as `good`.
pub(super) struct Place {
    root: TempDir,
    pub(super) time: Arc<ManualTime>,
}

impl Place {
    /// `grant` are further keys of the grant of requests to loopback, `more` is further text of the manifest.
    pub(super) fn new(grant: &str, more: &str) -> Self {
        let place = Self { root: tempfile::tempdir().unwrap(), time: ManualTime::new() };
        std::fs::create_dir(place.path("work")).unwrap();
        for (name, guest) in [("web", "http"), ("bad", "hostile"), ("good", "probes")] {
            std::fs::write(place.path(&format!("{name}.wasm")), guests::component(guest).unwrap()).unwrap();
        }
        let ports: Vec<String> = (1..=65_535).map(|port: u32| port.to_string()).collect();
        let manifest = format!(
            "version = 1\n{more}\n[tools.web]\nsource = \"web.wasm\"\n[[tools.web.http]]\nhost = \"127.0.0.1\"\n\
             schemes = [\"http\"]\nports = [{}]\nmethods = [\"GET\", \"HEAD\", \"POST\", \"PUT\", \"PATCH\", \"DELETE\"]\naddresses = [\"127.0.0.0/8\"]\n{grant}\n\
             [tools.bad]\nsource = \"bad.wasm\"\n[tools.good]\nsource = \"good.wasm\"\n\
             directories = [{{ host = \"work\", guest = \"/work\", read = [\"**\"], write = [\"**\"] }}]\n\
             [[rules]]\nname = \"all\"\ndecision = \"allow\"\ntools = [\"web.*\", \"bad.*\", \"good.*\"]\n",
            ports.join(",")
        );
        std::fs::write(place.path("toolhold.toml"), manifest).unwrap();
        place
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(super) async fn open(&self) -> Host {
        let config = HostConfig {
            cache: test_host::config().cache,
            time: Arc::clone(&self.time) as Arc<dyn Time>,
            ..HostConfig::beside(&self.path("toolhold.toml"))
        };
        toolhold::pin(&config).await.unwrap();
        Host::open(&config, &|_| ()).await.unwrap()
    }
}

pub(super) fn block_on<R>(test: impl Future<Output = R>) -> R {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test)
}

pub(super) async fn call(host: &Host, tool: &str, arguments: Value) -> CallReport {
    host.call(ToolCall::new(tool, arguments.to_string()), CallOptions::default()).await
}

pub(super) async fn with_key(host: &Host, tool: &str, arguments: Value, key: &str) -> CallReport {
    let call = ToolCall { key: Some(key.parse().unwrap()), ..ToolCall::new(tool, arguments.to_string()) };
    host.call(call, CallOptions::default()).await
}

pub(super) async fn get(host: &Host, authority: &str) -> CallReport {
    call(host, "web.fetch", json!({"url": format!("http://{authority}/")})).await
}

pub(super) fn post(authority: &str) -> Value {
    json!({"url": format!("http://{authority}/order"), "method": "post", "json": {"item": 1}})
}

pub(super) fn failure(report: &CallReport) -> &Failure {
    match &report.outcome {
        Outcome::Failure(failure) => failure,
        Outcome::Success(value) => panic!("succeeded: {value}"),
    }
}

pub(super) fn value(report: &CallReport) -> &Value {
    match &report.outcome {
        Outcome::Success(value) => value,
        Outcome::Failure(failure) => panic!("failed: {failure:?}"),
    }
}

/// A server that gives these answers, one after the other, and the last one for ever. Nothing: it hangs up.
pub(super) fn server(answers: &'static [&'static str]) -> HttpServer {
    let next = AtomicUsize::new(0);
    HttpServer::start(move |_, stream: &mut TcpStream| {
        let nth = next.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        let _gone = stream.write_all(answers[nth].as_bytes());
    })
    .unwrap()
}

/// Hangs up after it has read the request.
pub(super) const HANGS_UP: &str = "";
pub(super) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Where nothing listens.
pub(super) fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// What the audit says, in order, once its chain was verified.
pub(super) fn audited(host: &Host) -> Vec<Value> {
    host.journal().flush_blocking().unwrap();
    let reader = host.journal().reader().unwrap();
    reader.verify(None).unwrap();
    let mut lines = Vec::new();
    reader.export(0, &mut lines).unwrap();
    let event = |line: &str| serde_json::from_str::<Value>(line).unwrap()["body"]["event"].clone();
    String::from_utf8(lines).unwrap().lines().map(event).collect()
}

/// The events of one sort.
pub(super) fn events(host: &Host, sort: &str) -> Vec<Value> {
    audited(host).into_iter().filter(|event| event["type"] == sort).collect()
}

/// The calls in the journal, newest first.
pub(super) fn calls(host: &Host) -> Vec<CallRecord> {
    host.journal().flush_blocking().unwrap();
    host.journal().reader().unwrap().calls(&Filter::default()).unwrap()
}
