//! A console of a host without tools, a journal to write into, and a browser of few words.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::json;
use tempfile::TempDir;
use toolhold_core::approval::{self, Approval, ApprovalState, Foreseen};
use toolhold_core::call::{Mode, ValidatedCall};
use toolhold_core::describe::{Hints, ToolInfo};
use toolhold_core::event::Effects;
use toolhold_core::id::{CallId, Digest, RunId};
use toolhold_core::limit::Usage;
use toolhold_core::manifest::Risk;
use toolhold_core::outcome::{Class, Failure};
use toolhold_core::run::event::VERSION;
use toolhold_core::run::{Machine, RunEvent, RunLimits, Start};
use toolhold_core::tool::Tool;
use tower::ServiceExt as _;

use crate::access::{Access, Connection, Role, Secret, Token, TokenFile};
use crate::agent::Engine as _;
use crate::console::{Console, router};
use crate::journal::{Ask, Asked, Intent, Journal, PlanKind, Planned, Settlement};
use crate::runs::JournalEngine;
use crate::runs::service::{Service, Settings};
use crate::serve::Reads;
use crate::shutdown::Shutdown;
use crate::{Host, HostConfig};

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// A console and everything behind it.
pub(super) struct Served {
    _folder: TempDir,
    pub(super) host: Host,
    pub(super) file: TokenFile,
    pub(super) access: Access,
    pub(super) reads: Reads,
    router: Router,
}

/// Somebody who is logged in.
pub(super) struct Browser<'a> {
    served: &'a Served,
    pub(super) cookie: String,
    pub(super) csrf: String,
}

impl Served {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("toolhold.toml");
        std::fs::write(&manifest, "version = 1\n").unwrap();
        std::fs::write(folder.path().join("toolhold.lock"), "version = 1\n").unwrap();
        let host = Host::open(&HostConfig::beside(&manifest), &|_| ()).await.unwrap();
        let file = TokenFile::of_state(host.journal().directory());
        let access = Access::open(file.clone(), host.journal().clone()).await.unwrap();
        let runs = Service::new(host.clone(), Settings::default());
        let (guarded, reads) = ((access.clone(), Shutdown::default()), Reads::default());
        let console = Console::with_reads(host.clone().into(), runs, guarded, reads.clone());
        let router = router(console);
        Self { _folder: folder, host, file, access, reads, router }
    }

    pub(super) fn journal(&self) -> &Journal {
        self.host.journal()
    }

    /// Everything that is on record, as it is written out.
    pub(super) fn audit(&self) -> String {
        self.journal().flush_blocking().unwrap();
        let mut text = Vec::new();
        self.journal().reader().unwrap().export(0, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    /// The text of a new token.
    pub(super) fn token(&self, name: &str, role: Role) -> String {
        let secret = Secret::new().unwrap();
        let (name, digest, created) = (name.parse().unwrap(), secret.digest(), crate::clock::now());
        self.file.change(|tokens| tokens.add(Token { name, role, digest, created, expires: None })).unwrap();
        secret.reveal().to_owned()
    }

    pub(super) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = tokio::time::timeout(Duration::from_secs(30), to_bytes(body, 16 << 20)).await.unwrap().unwrap();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// Whatever streams: only its head is waited for.
    pub(super) async fn stream(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(request(Method::GET, path, &[], "")).await
    }

    /// Sends a form of nobody.
    pub(super) async fn post(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        self.ask(request(Method::POST, path, headers, form)).await
    }

    pub(super) async fn log_in(&self, name: &str, role: Role) -> Browser<'_> {
        let token = self.token(name, role);
        let answer = self.post("/login", &[], &format!("token={token}&to=/")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let mut browser = Browser { served: self, cookie, csrf: String::new() };
        let page = browser.get("/audit").await.body;
        browser.csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        browser
    }
}

impl Browser<'_> {
    pub(super) async fn get(&self, path: &str) -> Answer {
        self.served.ask(request(Method::GET, path, &[("cookie", &self.cookie)], "")).await
    }

    /// Sends a form as a page of ours does.
    pub(super) async fn post(&self, path: &str, form: &str) -> Answer {
        let own = [("origin", "http://localhost:8077"), ("sec-fetch-site", "same-origin")];
        self.post_from(path, &own, &format!("csrf={}&{form}", self.csrf)).await
    }

    /// Sends a form from elsewhere, or with something else in it.
    pub(super) async fn post_from(&self, path: &str, from: &[(&str, &str)], form: &str) -> Answer {
        let mut headers = vec![("cookie", self.cookie.as_str())];
        headers.extend(from);
        self.served.post(path, &headers, form).await
    }

    /// What is said after a form.
    pub(super) async fn said(&self, path: &str) -> String {
        let page = self.get(path).await.body;
        page.split("role=\"status\">").nth(1).unwrap_or_default().split("</p>").next().unwrap().to_owned()
    }
}

pub(super) fn request(method: Method, path: &str, headers: &[(&str, &str)], form: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost:8077");
    if !form.is_empty() {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(form.to_owned())).unwrap()
}

/// One that came over TLS.
pub(super) fn over_tls(mut request: Request<Body>) -> Request<Body> {
    request.extensions_mut().insert(Connection { peer: crate::access::Peer::Local, encrypted: true });
    request
}

fn validated(arguments: &str) -> ValidatedCall {
    let info = ToolInfo {
        name: "write".parse().unwrap(),
        title: String::new(),
        description: String::new(),
        input_schema: json!({ "type": "object" }),
        output_schema: None,
        hints: Hints::default(),
        needs: Vec::new(),
        extra: serde_json::Map::new(),
    };
    Tool::new(&"files".parse().unwrap(), Digest::of(b"bytes"), info).unwrap().validate(arguments).unwrap()
}

/// Puts a call into the journal that is about to act.
pub(super) async fn admit(journal: &Journal, call: &str, run: &str, arguments: &str) -> CallId {
    let call: CallId = call.parse().unwrap();
    let validated = validated(arguments);
    let (run, at) = (run.parse().unwrap(), crate::clock::micros());
    let intent = Intent::new(call.clone(), run, &validated, Mode::Live, Effects::Possible, at);
    journal.admit(intent).await.unwrap();
    call
}

/// Puts a call into the journal that changed something.
pub(super) async fn landed(
    journal: &Journal,
    call: &str,
    run: &str,
    (arguments, effects, outcome): (&str, &str, &str),
) {
    let call = admit(journal, call, run, arguments).await;
    let (at, kind) = (crate::clock::micros(), PlanKind::Commit);
    let (effects, plan) = (effects.to_owned(), "{}".to_owned());
    let planned = Planned { call: call.clone(), kind, plan, effects, outcome: outcome.to_owned(), kept_bytes: 0, at };
    journal.plan(planned).await.unwrap();
    let settlement = Settlement::success(outcome, Usage::default(), Effects::Possible, at).landed("{}".into());
    journal.settle(&call, settlement).await.unwrap();
    journal.flush().await.unwrap();
}

/// Puts a question to people into the journal. All of its texts are `text`; its arguments are JSON.
pub(super) async fn asked(served: &Served, id: &str, text: &str, (arguments, effects): (&str, &str)) {
    let call = validated(arguments);
    let manifest = served.host.policy().manifest().digest();
    let asked_at = crate::clock::micros();
    let approval = Approval {
        id: id.parse().unwrap(),
        call: "call-asked".parse().unwrap(),
        run: "run-asked".parse().unwrap(),
        client: text.to_owned(),
        agent: Some(text.to_owned()),
        tool: call.tool().clone(),
        digest: call.digest(),
        manifest,
        mode: Mode::Live,
        arguments: arguments.to_owned(),
        arguments_digest: call.arguments_digest(),
        binding: approval::binding(&call, manifest, Mode::Live),
        rule: text.to_owned(),
        reason: Some(text.to_owned()),
        risk: Risk::High,
        every_time: false,
        secrets: vec![text.to_owned()],
        asked_at,
        expires_at: asked_at + 600_000_000,
        state: ApprovalState::Waiting,
        answer: None,
        uses: 0,
    };
    let failure = Failure::new(Class::Withheld, text, text);
    let foreseen =
        Foreseen { effects: serde_json::from_str(effects).unwrap(), failure: Some(failure), modified: false };
    let ask = Ask { approval, foreseen, max_waiting: 100, per_minute: 100 };
    assert_eq!(served.journal().ask(ask).await.unwrap(), Asked::New);
}

/// Puts a run into the journal with these events.
pub(super) async fn run(journal: &Journal, run: &str, task: &str, events: Vec<RunEvent>) -> RunId {
    let start = Start {
        version: VERSION,
        run: run.parse().unwrap(),
        agent: "local".into(),
        by: None,
        task: task.into(),
        mode: Mode::Live,
        models: Vec::new(),
        prices: Vec::new(),
        tools: Vec::new(),
        limits: RunLimits::default(),
        manifest: None,
        answer_schema: None,
    };
    let mut machine = Machine::begin(start.clone());
    let mut engine = JournalEngine::new(journal, "test");
    for event in std::iter::once(RunEvent::RunStarted(Box::new(start))).chain(events) {
        let act = Box::pin(std::future::ready((Duration::ZERO, event)));
        let happened = engine.once(&machine, act).await.unwrap();
        machine.apply(Duration::ZERO, &happened.event).unwrap();
    }
    journal.flush().await.unwrap();
    run.parse().unwrap()
}
