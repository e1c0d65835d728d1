//! The HTTP API, asked as a program asks it, over a host of its own: who may ask what, what is answered, and that its document says so.

mod access;
mod calls;
mod conforms;
mod lists;
mod reloaded;
mod runs;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use toolhold::access::{Caller, Role};
use toolhold::agent::model::script::{Script, Scripted};
use toolhold::agent::model::{Described, Model, ModelOptions, ModelSpec};
use toolhold::agent::{Clock, Task, TokioClock};
use toolhold::api::{ACCESS, Api, document, router};
use toolhold::journal::{Durability, Intent};
use toolhold::runs::service::{Service, Settings};
use toolhold::runs::{HostTools, Worker};
use toolhold::{Host, HostConfig};
use toolhold_core::breaker::{BreakerSettings, Verdict};
use toolhold_core::call::Mode;
use toolhold_core::event::Effects;
use tower::ServiceExt as _;

use crate::project::{MANIFEST, Project, guest};
use crate::serve::Serving;

const SCRIPT: &str = r#"
[[turn]]
text = "I look first"
[[turn.call]]
tool = "files.read"
arguments = { path = "/work/a.txt" }
[[turn]]
[[turn.call]]
tool = "files.write"
arguments = { path = "/work/new.md", content = "hello" }
[[turn]]
text = "done"
"#;

/// A model that asks for what never ends.
const ENDLESS: &str =
    "[[turn]]\n[[turn.call]]\ntool = \"wait.sleep_forever\"\narguments = {}\n[[turn]]\ntext = \"done\"\n";

/// A model that asks for what a person has to approve.
const ASKING: &str = r#"
[[turn]]
[[turn.call]]
tool = "files.move"
arguments = { from = "/work/notes.md", to = "/work/a.md" }
[[turn]]
text = "done"
"#;

/// What is served, and every answer that was right.
struct Served {
    host: Host,
    runs: Service,
    api: Api,
    seen: Mutex<BTreeSet<(String, String)>>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    #[track_caller]
    fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    #[track_caller]
    fn problem(self, status: u16, code: &str) -> String {
        assert_eq!((self.status.as_u16(), &self.body["code"]), (status, &json!(code)), "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        self.body["detail"].as_str().unwrap().to_owned()
    }
}

fn config(project: &Project) -> HostConfig {
    let cache = std::env::temp_dir().join(format!("toolhold-test-cache-{}", env!("CARGO_PKG_VERSION")));
    HostConfig {
        cache: Some(cache),
        durability: Durability::Normal,
        ..HostConfig::beside(&project.path().join("toolhold.toml"))
    }
}

async fn host(project: &Project) -> Host {
    Host::open(&config(project), &|_| ()).await.unwrap()
}

fn scripted(project: &Project, script: &str) -> Described {
    project.write("script.toml", script);
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::default());
    let specs = [ModelSpec::Scripted(project.path().join("script.toml"))];
    Described::read(&specs, &ModelOptions::default(), &|_| None, &clock).unwrap()
}

impl Served {
    async fn start(project: &Project, script: &str) -> Self {
        Self::with(project, script, Settings::default()).await
    }

    async fn with(project: &Project, script: &str, settings: Settings) -> Self {
        let host = host(project).await;
        let runs = Service::new(host.clone(), Settings { models: scripted(project, script), ..settings });
        let api = Api::new(host.clone(), runs.clone());
        Self { host, runs, api, seen: Mutex::default() }
    }

    async fn send(&self, role: Role, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let mut request = request;
        request.extensions_mut().insert(Caller::new("tester", role));
        let response = router(self.api.clone()).oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        assert_eq!(headers["cache-control"], "no-store", "{method} {path}");
        let bytes = to_bytes(response.into_body(), 16 << 20).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if status.is_success() {
            self.seen.lock().unwrap().insert((method, path));
        }
        Answer { status, headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Role::Observe, Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn post_as(&self, role: Role, path: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(role, request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_as(Role::Admin, path, body, &[]).await
    }

    async fn begin(&self, body: Value) -> String {
        let answer = self.post_as(Role::Run, "/v1/runs", body, &[]).await;
        let location = answer.headers.get("location").cloned();
        let run = answer.is(202)["run"].as_str().unwrap().to_owned();
        assert_eq!(location.unwrap(), format!("/v1/runs/{run}").as_str());
        run
    }

    /// Waits until the run is in one of these states and nobody works on it.
    async fn until(&self, run: &str, states: &[&str]) -> Value {
        for _ in 0..600 {
            let shown = self.get(&format!("/v1/runs/{run}")).await.is(200);
            let state = shown["run"]["state"].as_str().unwrap();
            if states.contains(&state) && (shown["at_work"] == false || state.starts_with("awaiting-")) {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("run {run} did not come to {states:?}");
    }

    /// Everything of a stream until its end: number, kind and data of each event.
    async fn stream(&self, run: &str, last: Option<u64>) -> Vec<(Option<u64>, String, Value)> {
        let mut request = Request::get(format!("/v1/runs/{run}/events")).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Caller::new("tester", Role::Observe));
        let response = router(self.api.clone()).oneshot(request).await.unwrap();
        if response.status() == StatusCode::NO_CONTENT {
            return Vec::new();
        }
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        let mut body = response.into_body().into_data_stream();
        let mut text = String::new();
        let all = async {
            while let Some(chunk) = body.next().await {
                text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
            }
        };
        tokio::time::timeout(Duration::from_secs(20), all).await.unwrap();
        text.split("\n\n").filter(|event| event.contains("data:")).map(event).collect()
    }
}

fn event(text: &str) -> (Option<u64>, String, Value) {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let id = field("id:").map(|id| id.parse().unwrap());
    (id, field("event:").unwrap().to_owned(), serde_json::from_str(field("data:").unwrap()).unwrap())
}

/// A project in which a tool sleeps until it is stopped.
fn endless() -> Project {
    let project = Project::new(
        "version = 1\n[tools.wait]\nsource = \"wait.wasm\"\n[limits]\ntime = \"300s\"\n[[rules]]\nname = \"all\"\ndecision = \"allow\"\ntools = [\"*\"]\n",
    );
    std::fs::write(project.path().join("wait.wasm"), guest("waiting")).unwrap();
    assert_eq!(project.run(&["lock"]).code(), 0);
    project
}
