//! The HTTP API, asked as a program asks it, over a host of its own: who may ask what, what is answered, and that its document says so.

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

use crate::project::{Project, guest};
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

async fn host(project: &Project) -> Host {
    let cache = std::env::temp_dir().join(format!("toolhold-test-cache-{}", env!("CARGO_PKG_VERSION")));
    let config = HostConfig {
        cache: Some(cache),
        durability: Durability::Normal,
        ..HostConfig::beside(&project.path().join("toolhold.toml"))
    };
    Host::open(&config, &|_| ()).await.unwrap()
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
            if states.contains(&state) && (shown["at_work"] == false || state == "awaiting-tool") {
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

/// A path of the table with names in it that there are not.
fn filled(path: &str) -> String {
    path.replace("{run}", "no-run")
        .replace("{call}", "no-call")
        .replace("{tool}", "no.tool")
        .replace("{approval}", "no-approval")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_lets_in_the_roles_of_the_table_and_nobody_else() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    for (method, path, needed) in ACCESS {
        let ask = || {
            let request =
                Request::builder().method(method).uri(filled(path)).header("content-type", "application/json");
            request.body(Body::from(if method == "GET" { "" } else { "{\"junk\": 1}" })).unwrap()
        };
        let response = router(served.api.clone()).oneshot(ask()).await.unwrap();
        assert_eq!(response.status(), 401, "{method} {path} without a caller");
        for role in Role::ALL {
            let status = served.send(role, ask()).await.status;
            assert_eq!(status == 403, !role.has(needed), "{method} {path} as {role}: {status}");
            assert_ne!(status, 401, "{method} {path}");
        }
    }
    // Whoever observes changes nothing, by any path.
    assert!(
        ACCESS
            .iter()
            .all(|(method, path, role)| *method == "GET" || path.starts_with("/v1/explain") || *role != Role::Observe)
    );
    // Whoever asks for more is on record with what for.
    let taken = served.get("/v1/audit?kind=request-taken&limit=1000").await.is(200);
    let taken: BTreeSet<String> =
        taken["entries"].as_array().unwrap().iter().map(|entry| entry["body"]["event"].to_string()).collect();
    for (method, path, needed) in ACCESS.into_iter().filter(|row| row.2 != Role::Observe) {
        let event = json!({ "type": "request-taken", "caller": "tester", "method": method, "path": filled(path) });
        assert!(taken.contains(&event.to_string()), "{method} {path} by {needed}: {taken:?}");
    }
    assert_eq!(taken.len(), ACCESS.iter().filter(|row| row.2 != Role::Observe).count());
    served
        .send(Role::Admin, Request::delete("/v1/runs").body(Body::empty()).unwrap())
        .await
        .problem(405, "method-not-allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_word_is_an_error_that_names_its_place() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    let detail = served.post("/v1/runs", json!({ "task": "t", "taks": 1 })).await.problem(400, "bad-request");
    assert!(detail.contains("unknown field `taks`") && detail.contains("column"), "{detail}");
    let detail = served.post("/v1/calls", json!({ "arguments": {} })).await.problem(400, "bad-request");
    assert!(detail.contains("missing field `tool`"), "{detail}");
    let detail = served.get("/v1/runs?limits=3").await.problem(400, "bad-request");
    assert!(detail.contains("limits"), "{detail}");
    served.get("/v1/runs?open=true&state=failed").await.problem(400, "bad-request");
    served.get("/v1/calls/not%20an%20id").await.problem(400, "bad-request");
    served.get("/v1/runs/nothing").await.problem(404, "not-found");
    served.get("/v1/calls/nothing").await.problem(404, "not-found");
    served.get("/v1/tools/no.tool").await.problem(404, "not-found");
    served.get("/v1/health?window=soon").await.problem(400, "bad-request");
    served.get("/v1/audit/verify?expect=x").await.problem(400, "bad-request");
    let text = Request::post("/v1/calls").header("content-type", "text/plain").body(Body::from("{}")).unwrap();
    served.send(Role::Admin, text).await.problem(415, "unsupported-media-type");
    let large =
        Request::post("/v1/calls")
            .header("content-type", "application/json")
            .body(Body::from(vec![b' '; (5 << 20) + 1]));
    served.send(Role::Admin, large.unwrap()).await.problem(413, "body-too-large");
    let call = json!({ "tool": "files.write", "arguments": {}, "mode": "preview" });
    served.post_as(Role::Run, "/v1/calls", call, &[("idempotency-key", "k")]).await.problem(400, "bad-request");
    let call = json!({ "tool": "files.read", "arguments": {} });
    let detail =
        served.post_as(Role::Run, "/v1/calls", call, &[("idempotency-key", "a b")]).await.problem(400, "bad-request");
    assert!(detail.starts_with("`idempotency-key`"), "{detail}");
    // What may not be named: a file, an address.
    for model in ["scripted:/etc/passwd", "openai:gpt", "nobody"] {
        let run = json!({ "task": "t", "models": [model] });
        served.post("/v1/runs", run).await.problem(422, "no-such-model");
    }
    served.post("/v1/runs", json!({ "task": " " })).await.problem(400, "bad-request");
    served.post("/v1/runs", json!({ "task": "t", "agent": "a b" })).await.problem(400, "bad-request");
    served
        .post("/v1/runs", json!({ "task": "t", "answer_schema": { "type": "nothing" } }))
        .await
        .problem(400, "bad-request");
    assert_eq!(served.get("/v1/runs").await.is(200), json!([]), "nothing was begun");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_followed_from_anywhere_without_a_gap_or_a_double() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    let run = served.begin(json!({ "task": "write a note" })).await;
    // While it works, and after its end, from its beginning and from the middle.
    let live = served.stream(&run, None).await;
    let ids: Vec<u64> = live.iter().filter_map(|(id, ..)| *id).collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
    assert_eq!((&live[0].1, &live.last().unwrap().1), (&"run-started".to_owned(), &"end".to_owned()));
    assert_eq!(live.last().unwrap().2["state"], "completed");
    assert_eq!(project.read("work/new.md"), "hello");
    assert_eq!(served.stream(&run, None).await, live);
    assert_eq!(served.stream(&run, Some(5)).await, live[5..]);
    assert_eq!(served.stream(&run, Some(ids.len() as u64)).await, [], "nothing more comes");
    // The same in pages.
    let (mut paged, mut after) = (Vec::new(), Some(0));
    while let Some(from) = after {
        let page = served.get(&format!("/v1/runs/{run}/events?after={from}&limit=4")).await.is(200);
        paged.extend(page["events"].as_array().unwrap().clone());
        after = page["next"].as_u64();
    }
    assert_eq!(paged, live.iter().filter(|(id, ..)| id.is_some()).map(|(.., data)| data.clone()).collect::<Vec<_>>());
    let request =
        Request::get(format!("/v1/runs/{run}/events")).header("last-event-id", "x").body(Body::empty()).unwrap();
    served.send(Role::Observe, request).await.problem(400, "bad-request");
    served.get("/v1/runs/none/events").await.problem(404, "not-found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_is_one_run() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    let (task, key) = (json!({ "task": "write a note" }), [("idempotency-key", "k-1")]);
    let first = served.post_as(Role::Run, "/v1/runs", task.clone(), &key).await.is(202);
    let run = first["run"].as_str().unwrap().to_owned();
    served.until(&run, &["completed"]).await;
    let again = served.post_as(Role::Run, "/v1/runs", task, &key).await.is(202);
    assert_eq!((&first["replayed"], &again), (&json!(false), &json!({ "run": run, "replayed": true })));
    let other = served.post_as(Role::Run, "/v1/runs", json!({ "task": "another" }), &key).await;
    other.problem(409, "key-conflict");
    assert_eq!(served.get("/v1/runs").await.is(200).as_array().unwrap().len(), 1);
    let third =
        served.post_as(Role::Run, "/v1/runs", json!({ "task": "another" }), &[("idempotency-key", "k-2")]).await;
    assert_ne!(third.is(202)["run"], run.as_str());
}

/// Whoever asks may go away at any moment: after a time that differs, so that each place is come to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_accepted_is_worked_on_although_whoever_asked_went_away() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    for number in 0..40_u64 {
        let key = number.to_string();
        let headers = [("idempotency-key", key.as_str())];
        let asked = served.post_as(Role::Run, "/v1/runs", json!({ "task": "write a note" }), &headers);
        let _gone = tokio::time::timeout(Duration::from_micros(200 * number), asked).await.is_err();
    }
    let mut begun = 0;
    for run in served.get("/v1/runs?limit=100").await.is(200).as_array().unwrap() {
        served.until(run["run"].as_str().unwrap(), &["completed"]).await;
        begun += 1;
    }
    assert!(begun > 0, "nothing was accepted, so nothing was tried");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_wait_for_their_turn_and_too_many_are_refused() {
    let project = endless();
    let settings = Settings { at_once: 1, waiting: 1, ..Settings::default() };
    let served = Served::with(&project, ENDLESS, settings).await;
    let first = served.begin(json!({ "task": "one" })).await;
    served.until(&first, &["awaiting-tool"]).await;
    let second = served.begin(json!({ "task": "two" })).await;
    let full = served.post("/v1/runs", json!({ "task": "three" })).await;
    assert_eq!(full.headers["retry-after"], "5");
    full.problem(429, "runs-full");
    served.post(&format!("/v1/runs/{second}/resume"), json!({})).await.problem(409, "not-now");
    // One that waits is cancelled without ever having begun, one that works with its call.
    for run in [&second, &first] {
        assert_eq!(
            served.post(&format!("/v1/runs/{run}/cancel"), json!({})).await.is(202)["state"],
            "cancel-requested"
        );
        let shown = served.until(run, &["cancelled"]).await;
        assert_eq!(shown["report"]["reason"]["kind"], "cancelled");
    }
    served.post(&format!("/v1/runs/{first}/cancel"), json!({})).await.problem(409, "not-now");
    let third = served.begin(json!({ "task": "three" })).await;
    served.until(&third, &["awaiting-tool"]).await;
    served.post(&format!("/v1/runs/{third}/cancel"), json!({})).await.is(202);
    served.until(&third, &["cancelled"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_leaves_its_runs_to_the_next_one() {
    let project = endless();
    let served = Served::with(&project, ENDLESS, Settings { at_once: 1, ..Settings::default() }).await;
    let (works, waits) = (served.begin(json!({ "task": "one" })).await, served.begin(json!({ "task": "two" })).await);
    served.until(&works, &["awaiting-tool"]).await;
    let late = served.api.clone();
    let now = CancellationToken::new();
    tokio::join!(served.api.shut_down(&now), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        now.cancel();
    });
    let request =
        Request::post("/v1/runs").header("content-type", "application/json").body(Body::from("{\"task\": \"t\"}"));
    let mut request = request.unwrap();
    request.extensions_mut().insert(Caller::new("tester", Role::Run));
    assert_eq!(router(late).oneshot(request).await.unwrap().status(), 503);
    drop(served);
    // The next one takes up both, and what it does not take up is lost to nobody.
    let next = Served::with(&project, ENDLESS, Settings::default()).await;
    assert_eq!(next.runs.take_up().await.unwrap(), 2);
    // The call that was stopped at the end of the grace is on record as that, and the run goes on behind it.
    let went_on = next.until(&works, &["completed"]).await;
    assert_eq!(went_on["report"]["calls"][0]["failure"]["code"], "caller-gone", "{went_on}");
    next.until(&waits, &["awaiting-tool"]).await;
    next.post(&format!("/v1/runs/{waits}/cancel"), json!({})).await.is(202);
    next.until(&waits, &["cancelled"]).await;
    assert_eq!(next.runs.take_up().await.unwrap(), 0, "they are over");
    let reader = next.host.journal().reader().unwrap();
    next.host.journal().flush().await.unwrap();
    reader.verify(None).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_waited_for_or_looked_at_later_and_stopped() {
    let project = endless();
    let served = Served::start(&project, ENDLESS).await;
    let call = json!({ "tool": "wait.sleep_forever" });
    let started = served.post_as(Role::Run, "/v1/calls", call, &[("prefer", "respond-async")]).await;
    let location = started.headers["location"].to_str().unwrap().to_owned();
    started.is(202);
    assert_eq!(served.get(&location).await.is(200)["state"], "running");
    served.post(&format!("{location}/cancel"), json!({})).await.is(202);
    let mut ended = served.get(&location).await.is(200);
    for _ in 0..200 {
        if ended["report"].is_object() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        ended = served.get(&location).await.is(200);
    }
    assert_eq!(ended["report"]["error"]["class"], "cancelled", "{ended}");
    served.post(&format!("{location}/cancel"), json!({})).await.problem(404, "not-found");
    // One that was refused is nowhere but in its report and the audit.
    let nothing = json!({ "tool": "wait.nothing" });
    let started = served.post_as(Role::Run, "/v1/calls", nothing, &[("prefer", "wait=1, respond-async")]).await.is(202);
    let location = format!("/v1/calls/{}", started["call"].as_str().unwrap());
    let mut ended = served.get(&location).await.is(200);
    while ended["state"] == "running" {
        tokio::time::sleep(Duration::from_millis(10)).await;
        ended = served.get(&location).await.is(200);
    }
    assert_eq!((&ended["state"], &ended["report"]["error"]["code"]), (&json!("ended"), &json!("unknown-tool")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_different_clients_never_meet() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    let call = json!({ "tool": "files.write", "arguments": { "path": "/work/k.txt", "content": "k" } });
    let ask = async |name: &str| {
        let request =
            Request::post("/v1/calls").header("content-type", "application/json").header("idempotency-key", "k");
        let mut request = request.body(Body::from(call.to_string())).unwrap();
        request.extensions_mut().insert(Caller::new(name, Role::Run));
        let response = router(served.api.clone()).oneshot(request).await.unwrap();
        let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap();
        body["replayed"].clone()
    };
    for (name, replayed) in
        [("one", false), ("one", true), ("two", false), ("local:root", false), ("local:other", true)]
    {
        assert_eq!(ask(name).await, replayed, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_shows_a_secret() {
    let project = Project::free();
    let manifest = project.read("toolhold.toml");
    std::fs::write(project.path().join("secret.txt"), "a-secret-that-nobody-sees\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(project.path().join("secret.txt"), mode).unwrap();
    project.write("toolhold.toml", &format!("{manifest}\n[secrets.mine]\nfile = \"secret.txt\"\n"));
    assert_eq!(project.run(&["lock"]).code(), 0);
    project.write("work/a.txt", "it is a-secret-that-nobody-sees here");
    let served = Served::start(&project, SCRIPT).await;
    let read = json!({ "tool": "files.read", "arguments": { "path": "/work/a.txt" } });
    let report = served.post("/v1/calls", read).await.is(200);
    assert!(report["result"].to_string().contains("here"), "{report}");
    let run = served.begin(json!({ "task": "tell me of a-secret-that-nobody-sees" })).await;
    served.until(&run, &["completed"]).await;
    let mut all = report.to_string();
    for path in ["", "/events", "/state"] {
        all.push_str(&served.get(&format!("/v1/runs/{run}{path}")).await.is(200).to_string());
    }
    for path in ["/v1/runs", "/v1/calls", "/v1/history", "/v1/audit", "/v1/health"] {
        all.push_str(&served.get(path).await.is(200).to_string());
    }
    all.push_str(&format!("{:?}", served.stream(&run, None).await));
    assert!(!all.contains("a-secret-that-nobody-sees"), "{all}");
}

#[test]
fn the_document_is_kept_and_has_every_route_with_its_role() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let (mut described, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["responses"]["default"].is_object(), "{path}");
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "two operations have one name: {path}");
            described.insert((
                method.to_uppercase(),
                path.clone(),
                operation["x-toolhold-role"].as_str().unwrap().to_owned(),
            ));
        }
    }
    let table: BTreeSet<_> = ACCESS
        .iter()
        .map(|(method, path, role)| ((*method).to_owned(), (*path).to_owned(), role.to_string()))
        .collect();
    assert_eq!(described, table);
    let page = include_str!("../../../docs/api.md");
    for (method, path, role) in ACCESS {
        let row = format!("| `{method}` | `{path}` | {role} |");
        assert!(page.contains(&row), "docs/api.md has no row {row}");
    }
    let kept = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let text = format!("{document:#}\n");
    if std::env::var_os("TOOLHOLD_BLESS").is_some() {
        std::fs::write(&kept, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(kept).unwrap_or_default() == text,
        "docs/openapi.json is older than the code: run with TOOLHOLD_BLESS=1"
    );
    let printed = Project::new("version = 1\n").run(&["openapi"]).printed();
    assert_eq!(printed, text);
}

/// The document with every object closed: what is answered and not described is found.
fn closed(mut document: Value) -> Value {
    fn close(value: &mut Value) {
        match value {
            Value::Object(members) => {
                if members.get("properties").is_some_and(Value::is_object)
                    && !members.contains_key("additionalProperties")
                {
                    members.insert("additionalProperties".to_owned(), json!(false));
                }
                members.values_mut().for_each(close);
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    close(&mut document["components"]["schemas"]);
    document
}

/// What the document says of a path.
fn described(document: &Value, method: &str, path: &str) -> Option<(String, Value)> {
    let fits = |template: &str| {
        let (one, other): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        one.len() == other.len() && one.iter().zip(&other).all(|(part, given)| part.starts_with('{') || part == given)
    };
    let paths = document["paths"].as_object().unwrap();
    // A word of its own comes before a name.
    let mut found: Vec<_> =
        paths.iter().filter(|(template, item)| fits(template) && item.get(method).is_some()).collect();
    found.sort_by_key(|(template, _)| template.matches('{').count());
    found.first().map(|(template, item)| ((*template).clone(), item[method].clone()))
}

/// Asks, and holds what is answered against the document.
struct Checked<'a> {
    served: &'a Served,
    document: Value,
    seen: BTreeSet<(String, String)>,
}

impl Checked<'_> {
    async fn ask(&mut self, method: &str, path: &str, body: Value, headers: &[(&str, &str)]) -> Value {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let answer = self.served.send(Role::Admin, request.body(body).unwrap()).await;
        let plain = path.split('?').next().unwrap();
        let (template, operation) = described(&self.document, &method.to_lowercase(), plain).unwrap();
        let status = answer.status.as_u16().to_string();
        let said = operation["responses"].get(&status).or_else(|| operation["responses"].get("default")).unwrap();
        let kind = answer.headers["content-type"].to_str().unwrap();
        let schema = said["content"][kind]["schema"].clone();
        assert!(
            schema.is_object(),
            "{method} {template} answers {status} with {kind}, which is not described: {}",
            answer.body
        );
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema], "components": self.document["components"],
        });
        let validator = jsonschema::validator_for(&whole).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&answer.body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{method} {template} {status}: {errors:#?}\n{:#}", answer.body);
        if answer.status.is_success() {
            self.seen.insert((method.to_owned(), template));
        }
        answer.body
    }

    async fn get(&mut self, path: &str) -> Value {
        self.ask("GET", path, Value::Null, &[]).await
    }

    async fn post(&mut self, path: &str, body: Value) -> Value {
        self.ask("POST", path, body, &[]).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_as_the_document_says() {
    let project = Project::free();
    let served = Served::start(&project, SCRIPT).await;
    let mut checked = Checked { served: &served, document: closed(document()), seen: BTreeSet::new() };
    runs_are_as_described(&mut checked).await;
    calls_are_as_described(&mut checked, &project).await;
    checked.get("/v1/tools").await;
    checked.get("/v1/tools/files.read").await;
    checked.post("/v1/explain", json!({ "tool": "files.read", "arguments": { "path": "/work/a.txt" } })).await;
    checked.post("/v1/explain", json!({ "tool": "files.read", "arguments": { "path": 1 } })).await;
    checked
        .post("/v1/explain", json!({ "tool": "files.stat", "arguments": { "path": "/" }, "after": ["private"] }))
        .await;
    checked.post("/v1/explain/path", json!({ "tool": "files.read", "path": "/work/secret/key" })).await;
    checked.get("/v1/health").await;
    let found = checked.get("/v1/audit?kind=call-denied&limit=5").await;
    assert!(found["entries"].as_array().unwrap().iter().all(|entry| entry["body"]["event"]["type"] == "call-denied"));
    let first = checked.get("/v1/audit?limit=2").await;
    assert_eq!((first["entries"].as_array().unwrap().len(), &first["next"]), (2, &json!(2)));
    let verified = checked.get("/v1/audit/verify").await;
    checked.get(&format!("/v1/audit/verify?expect={}", verified["head"].as_str().unwrap())).await;
    checked.get("/v1/openapi.json").await;
    checked.get("/v1/runs/nothing").await;
    what_failed_is_as_described(&mut checked).await;
    let mut seen = checked.seen;
    seen.extend(endless_ones_are_as_described().await);
    seen.extend(approvals_are_as_described().await);
    let all: BTreeSet<_> = ACCESS.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    let missed: Vec<_> = all.difference(&seen).collect();
    assert!(missed.is_empty(), "no answer of these was held against the document: {missed:?}");
}

async fn runs_are_as_described(checked: &mut Checked<'_>) {
    let new = json!({ "task": "write a note", "agent": "mine", "dry_run": true });
    let dry = checked.post("/v1/runs", new).await["run"].as_str().unwrap().to_owned();
    let ended = checked.served.until(&dry, &["completed"]).await;
    assert_eq!(ended["effects"]["changes"][0]["path"], "/work/new.md", "{ended}");
    checked.get(&format!("/v1/runs/{dry}")).await;
    checked.post(&format!("/v1/runs/{dry}/resume"), json!({})).await;
    let run = checked.post("/v1/runs", json!({ "task": "write a note" })).await["run"].as_str().unwrap().to_owned();
    checked.served.until(&run, &["completed"]).await;
    checked.get("/v1/runs?limit=5").await;
    checked.get(&format!("/v1/runs/{run}")).await;
    checked.get(&format!("/v1/runs/{run}/events")).await;
    checked.get(&format!("/v1/runs/{run}/state?step=7")).await;
    let undone = checked.post(&format!("/v1/runs/{run}/undo"), json!({})).await;
    assert_eq!(undone[0]["effects"]["changes"][0]["path"], "/work/new.md", "{undone}");
    let fork = checked.post(&format!("/v1/runs/{run}/fork"), json!({ "step": 6, "note": "again" })).await;
    let fork = fork["run"].as_str().unwrap().to_owned();
    checked.served.until(&fork, &["completed", "failed", "dead-lettered"]).await;
    checked.post("/v1/runs", json!({ "task": "t", "models": ["nobody"] })).await;
}

async fn calls_are_as_described(checked: &mut Checked<'_>, project: &Project) {
    let write = json!({ "tool": "files.write", "arguments": { "path": "/work/b.txt", "content": "b\n" } });
    let mut preview = write.clone();
    preview["mode"] = json!("preview");
    let call = checked.post("/v1/calls", preview).await["call"].as_str().unwrap().to_owned();
    let shown = checked.get(&format!("/v1/calls/{call}")).await;
    assert_eq!(shown["changes"]["state"], "preview", "{shown}");
    let applied = checked.post(&format!("/v1/calls/{call}/apply"), json!({})).await;
    assert_eq!(project.read("work/b.txt"), "b\n");
    let again = checked.post(&format!("/v1/calls/{call}/apply"), json!({})).await;
    assert_eq!(again["error"]["code"], "not-applicable");
    let applied = applied["call"].as_str().unwrap().to_owned();
    checked.post(&format!("/v1/calls/{applied}/undo"), json!({})).await;
    assert!(!project.path().join("work/b.txt").exists());
    checked.post(&format!("/v1/calls/{applied}/undo"), json!({})).await;
    let denied = checked.post("/v1/calls", json!({ "tool": "files.stat", "arguments": { "path": "/work" } })).await;
    assert_eq!(denied["error"]["class"], "denied", "{denied}");
    checked.post("/v1/calls", json!({ "tool": "files.read", "arguments": { "path": "/work/secret/key" } })).await;
    checked.post("/v1/calls", json!({ "tool": "files.read", "arguments": { "paht": 1 } })).await;
    checked.ask("POST", "/v1/calls", write, &[("prefer", "respond-async")]).await;
    checked.get("/v1/calls?limit=3&tool=files.write").await;
    checked.get("/v1/history").await;
}

async fn what_failed_is_as_described(checked: &mut Checked<'_>) {
    let host = &checked.served.host;
    let settings = BreakerSettings::default();
    let pass = host.dependencies().admit("tool:files.read", &settings).unwrap();
    host.dependencies().tell("tool:files.read", &settings, pass, Verdict::Fault);
    let tool = host.tools().find(|tool| tool.name().as_str() == "files.write").unwrap();
    let validated = tool.validate("{\"path\": \"/work/u.txt\", \"content\": \"u\"}").unwrap();
    for call in ["unknown-1", "unknown-2"] {
        let run = "unknown-run".parse().unwrap();
        let intent = Intent::new(call.parse().unwrap(), run, &validated, Mode::Live, Effects::Possible, 1);
        host.journal().admit(intent).await.unwrap();
        host.journal().park(&call.parse().unwrap(), "the host stopped".into(), 2).await.unwrap();
    }
    assert_eq!(checked.get("/v1/breakers").await[0]["name"], "tool:files.read");
    checked.post("/v1/breakers/reset", json!({ "name": "tool:files.read" })).await;
    checked.post("/v1/breakers/reset", json!({ "name": "tool:files.read" })).await;
    assert_eq!(checked.get("/v1/unknown").await[0]["call"], "unknown-2");
    checked.post("/v1/unknown/unknown-1/resolve", json!({ "outcome": "failed", "data": 1 })).await;
    checked.post("/v1/unknown/unknown-1/resolve", json!({ "outcome": "succeeded", "data": { "n": 1 } })).await;
    checked.post("/v1/unknown/unknown-1/resolve", json!({ "outcome": "failed" })).await;
    checked.post("/v1/unknown/unknown-2/resolve", json!({ "outcome": "failed" })).await;
    checked.get("/v1/calls/unknown-1").await;
}

async fn endless_ones_are_as_described() -> BTreeSet<(String, String)> {
    let (project, at_once) = (endless(), CancellationToken::new());
    at_once.cancel();
    let first = Served::start(&project, ENDLESS).await;
    let mut checked = Checked { served: &first, document: closed(document()), seen: BTreeSet::new() };
    let call =
        checked.ask("POST", "/v1/calls", json!({ "tool": "wait.sleep_forever" }), &[("prefer", "respond-async")]).await;
    checked.post(&format!("/v1/calls/{}/cancel", call["call"].as_str().unwrap()), json!({})).await;
    let run = first.begin(json!({ "task": "t" })).await;
    first.until(&run, &["awaiting-tool"]).await;
    let mut seen = checked.seen;
    first.api.shut_down(&at_once).await;
    drop(first);

    let second = Served::start(&project, ENDLESS).await;
    let mut checked = Checked { served: &second, document: closed(document()), seen };
    checked.post(&format!("/v1/runs/{run}/resume"), json!({})).await;
    second.until(&run, &["completed"]).await;
    let run = second.begin(json!({ "task": "t" })).await;
    second.until(&run, &["awaiting-tool"]).await;
    checked.post(&format!("/v1/runs/{run}/cancel"), json!({})).await;
    second.until(&run, &["cancelled"]).await;
    seen = checked.seen;
    second.api.shut_down(&at_once).await;
    drop(second);

    // One that fails for good, is let go on, fails again and is given up.
    let third = Served::start(&project, "[[turn]]\nexpect = \"never\"\ntext = \"done\"\n").await;
    let mut checked = Checked { served: &third, document: closed(document()), seen };
    let run = third.begin(json!({ "task": "t" })).await;
    third.until(&run, &["dead-lettered"]).await;
    assert_eq!(checked.get("/v1/dead-letters").await[0]["run"], run.as_str());
    checked.post(&format!("/v1/dead-letters/{run}/requeue"), json!({})).await;
    third.until(&run, &["dead-lettered"]).await;
    checked.post(&format!("/v1/dead-letters/{run}/discard"), json!({})).await;
    checked.post(&format!("/v1/dead-letters/{run}/discard"), json!({})).await;
    checked.seen
}

async fn approvals_are_as_described() -> BTreeSet<(String, String)> {
    let project = Project::locked();
    let served = Served::start(&project, SCRIPT).await;
    let mut checked = Checked { served: &served, document: closed(document()), seen: BTreeSet::new() };
    let to = |name: &str| json!({ "tool": "files.move", "arguments": { "from": "/work/notes.md", "to": format!("/work/{name}") } });
    let waiting = |report: &Value| {
        assert_eq!(report["error"]["code"], "awaiting-approval", "{report}");
        report["error"]["approval"].as_str().unwrap().to_owned()
    };
    // Approved: the same call is made by it, once.
    let id = waiting(&checked.post("/v1/calls", to("a.md")).await);
    assert_eq!(checked.get("/v1/approvals?state=waiting").await[0]["id"], id.as_str());
    let shown = checked.get(&format!("/v1/approvals/{id}")).await;
    assert!(shown["foreseen"]["effects"]["changes"].to_string().contains("/work/a.md"), "{shown}");
    assert_eq!(project.read("work/notes.md"), "# Notes\n");
    let approved = checked.post(&format!("/v1/approvals/{id}/approve"), json!({})).await;
    assert_eq!((&approved["state"], &approved["answer"]["by"]), (&json!("approved"), &json!("api:tester")));
    assert_eq!(
        checked.post(&format!("/v1/approvals/{id}/approve"), json!({ "scope": "run" })).await["code"],
        "not-now"
    );
    let made = checked.post("/v1/calls", to("a.md")).await;
    assert!(made["error"].is_null(), "{made}");
    assert_eq!(project.read("work/a.md"), "# Notes\n");
    project.write("work/notes.md", "# Notes\n");
    // Modified, by somebody for whom a call waits: not into what a rule denies.
    let started = checked.ask("POST", "/v1/calls", to("b.md"), &[("prefer", "respond-async")]).await;
    let mut found = checked.get("/v1/approvals?state=waiting").await;
    while found.as_array().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        found = checked.get("/v1/approvals?state=waiting").await;
    }
    let path = format!("/v1/approvals/{}", found[0]["id"].as_str().unwrap());
    let wrong = checked.post(&format!("{path}/modify"), json!({ "arguments": { "from": 1 } })).await;
    assert_eq!(wrong["code"], "invalid-arguments", "{wrong}");
    let other = json!({ "arguments": { "from": "/work/notes.md", "to": "/work/c.md" } });
    checked.post(&format!("{path}/modify"), other).await;
    let call = format!("/v1/calls/{}", started["call"].as_str().unwrap());
    while checked.get(&call).await["state"] == "running" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ended = checked.get(&call).await;
    assert!(ended["report"]["error"].is_null() && ended["report"]["approved"]["arguments"].is_object(), "{ended}");
    assert_eq!(project.read("work/c.md"), "# Notes\n");
    project.write("work/notes.md", "# Notes\n");
    // Rejected, and taken back.
    let id = waiting(&checked.post("/v1/calls", to("d.md")).await);
    checked.post(&format!("/v1/approvals/{id}/reject"), json!({ "reason": "not today" })).await;
    let refused = checked.post("/v1/calls", to("d.md")).await;
    assert!(refused["error"]["message"].to_string().contains("not today"), "{refused}");
    let id = waiting(&checked.post("/v1/calls", to("e.md")).await);
    checked.post(&format!("/v1/approvals/{id}/withdraw"), json!({})).await;
    checked.get("/v1/approvals/nothing").await;
    checked.seen
}

/// What a running server answers: its status, and JSON.
fn asked(serving: &Serving, first: &str, body: &str) -> (u16, Value) {
    let bearer = format!("Authorization: Bearer {}", serving.token);
    let answer = serving.ask(first, &[&bearer, "Content-Type: application/json"], body);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

fn until_it_is(serving: &Serving, run: &str, state: &str) -> Value {
    for _ in 0..600 {
        let (_, shown) = asked(serving, &format!("GET /v1/runs/{run}"), "");
        if shown["run"]["state"] == state {
            return shown;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("run {run} is not {state}");
}

#[test]
fn a_server_that_is_killed_loses_no_run_that_it_had_accepted() {
    let project = endless();
    project.write("script.toml", ENDLESS);
    let words = ["--model", "scripted:script.toml", "--runs-at-once", "1"];
    let serving = Serving::start(&project, &words);
    let begin = |serving: &Serving| {
        let (status, accepted) = asked(serving, "POST /v1/runs", "{\"task\": \"t\"}");
        assert_eq!(status, 202, "{accepted}");
        accepted["run"].as_str().unwrap().to_owned()
    };
    let (works, waits) = (begin(&serving), begin(&serving));
    until_it_is(&serving, &works, "awaiting-tool");
    serving.signal("-KILL");
    let token = serving.token.clone();
    assert!(!serving.ended().0);
    // Nobody goes on with them who was not told to.
    let idle = Serving::with_token(&project, &words, token.clone());
    for run in [&works, &waits] {
        assert_eq!(asked(&idle, &format!("GET /v1/runs/{run}"), "").1["at_work"], false);
    }
    idle.signal("-TERM");
    assert!(idle.ended().0);
    // The call that was cut off changed nothing, so it is made again; the other run has its turn after that.
    let next = Serving::with_token(&project, &[&words[..], &["--resume"]].concat(), token);
    until_it_is(&next, &works, "awaiting-tool");
    for run in [&works, &waits] {
        until_it_is(&next, run, "awaiting-tool");
        assert_eq!(asked(&next, &format!("POST /v1/runs/{run}/cancel"), "").0, 202);
        until_it_is(&next, run, "cancelled");
    }
    next.signal("-TERM");
    let (succeeded, said) = next.ended();
    assert!(succeeded && said.contains("2 runs go on"), "{said}");
    project.run(&["audit", "verify"]).worked(&[]);
    project.run(&["runs", "list", "--open"]).worked(&["there are no open runs"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_on_which_somebody_else_in_the_process_works_is_left_to_them() {
    let project = endless();
    let served = Served::start(&project, ENDLESS).await;
    let host = served.host.clone();
    let working = tokio::spawn(async move {
        let tools = HostTools { host: &host, session: None, labels: Arc::default(), on_report: &|_| (), seat: None };
        let (clock, cancel) = (Arc::new(TokioClock::default()), CancellationToken::new());
        let worker = Worker { tools: &tools, clock, cancel, front: "test" };
        let script = Script::parse(ENDLESS).unwrap();
        let mut models: Vec<Box<dyn Model>> = vec![Box::new(Scripted::new("script.toml", script))];
        let task = Task::new("theirs".parse().unwrap(), "t");
        worker.begin(task, &mut models, &mut |_| ()).await.unwrap().report.state
    });
    let mut shown = served.get("/v1/runs/theirs").await;
    while shown.body["run"]["state"] != "awaiting-tool" {
        tokio::time::sleep(Duration::from_millis(20)).await;
        shown = served.get("/v1/runs/theirs").await;
    }
    assert_eq!(shown.is(200)["at_work"], true);
    served.post("/v1/runs/theirs/resume", json!({})).await.problem(409, "not-now");
    assert_eq!(served.post("/v1/runs/theirs/cancel", json!({})).await.is(202)["state"], "cancel-requested");
    assert_eq!(working.await.unwrap().as_str(), "cancelled");
    assert_eq!(served.until("theirs", &["cancelled"]).await["run"]["state"], "cancelled");
    served.host.journal().flush().await.unwrap();
    served.host.journal().reader().unwrap().verify(None).unwrap();
}
