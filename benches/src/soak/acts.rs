//! What has to come of each thing that clients do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::client::{Asked, Client, good};
use super::mix::Act;
use super::tally::Tally;
use crate::load::{Request, STATELESS, WITH_SESSIONS, answered, initialize, initialized, meta};

/// Both kinds of answers that a client of MCP takes.
const ACCEPT: &str = "Accept: application/json, text/event-stream";
const EVENTS: &str = "Accept: text/event-stream";

/// Different files that are written, and agents that work.
const FILES: u64 = 200;
const AGENTS: u64 = 5_000;
/// One session in so many is not closed: its client is gone.
const LEFT_OPEN: u64 = 300;

/// One client, with a person to ask.
pub(super) struct One {
    pub(super) client: Client,
    pub(super) person: Client,
    pub(super) tally: Arc<Tally>,
    /// What it did before.
    pub(super) number: u64,
}

impl One {
    /// Does something, and makes sure of what comes of it.
    pub(super) async fn does(&mut self, act: Act) -> Result<()> {
        match act {
            Act::Read => self.succeeds("probes.read", &json!({ "path": "/work/small" })).await.map(drop),
            Act::Echo => {
                self.succeeds("probes.echo", &json!({ "number": self.number, "text": "x".repeat(512) })).await.map(drop)
            }
            Act::EchoWithoutSession => self.echo_without_session().await,
            Act::Write => self.write().await,
            Act::Apply => self.apply().await,
            Act::Denied => self.fails("waiting.sleep_often", &json!({}), "denied").await.map(drop),
            Act::Invalid => {
                self.fails("probes.read", &json!({ "paht": self.number }), "invalid-arguments").await.map(drop)
            }
            Act::Trap => self.fails("hostile.panics", &json!({}), "trap").await.map(drop),
            Act::GiveUp => self.give_up().await,
            Act::Disconnect => self.disconnect().await,
            Act::Keyed => self.keyed().await,
            Act::Later => self.later().await,
            Act::Asked => self.asked().await,
            Act::Session => self.session().await,
            Act::Run => self.run().await,
            Act::Look => self.look().await,
        }
    }

    /// A call by the API, and its report.
    async fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value> {
        let began = Instant::now();
        let report = self.client.call(tool, arguments, &[]).await?;
        self.tally.took(began.elapsed())?;
        Ok(report)
    }

    async fn succeeds(&mut self, tool: &str, arguments: &Value) -> Result<Value> {
        let report = self.call(tool, arguments).await?;
        ensure!(report.get("result").is_some(), "{report}");
        Ok(report)
    }

    async fn fails(&mut self, tool: &str, arguments: &Value, class: &str) -> Result<Value> {
        let report = self.call(tool, arguments).await?;
        ensure!(text(&report, "/error/class")? == class, "not `{class}`: {report}");
        Ok(report)
    }

    async fn echo_without_session(&mut self) -> Result<()> {
        let revision = format!("MCP-Protocol-Version: {STATELESS}");
        let headers = [ACCEPT, &revision, "Mcp-Method: tools/call", "Mcp-Name: probes__echo"];
        let body = Request::new("probes__echo", r#"{"number":1}"#).message(1, Some(&meta()));
        let began = Instant::now();
        let answer = self.client.ask(&Asked { line: "POST /mcp", headers: &headers, body: &body }).await?;
        answered(answer.message())?;
        self.tally.took(began.elapsed())
    }

    async fn write(&mut self) -> Result<()> {
        let path = format!("/work/out/{}", self.number % FILES);
        let report = self.succeeds("probes.write", &json!({ "path": path, "content": "y".repeat(4096) })).await?;
        if self.number.is_multiple_of(4) {
            let undo = format!("/v1/calls/{}/undo", text(&report, "/call")?);
            self.client.post(&undo, &[], &json!({})).await?;
        }
        Ok(())
    }

    /// What a dry run showed is done; every other one is left to expire.
    async fn apply(&mut self) -> Result<()> {
        let arguments =
            json!({ "path": format!("/work/out/applied-{}", self.number % FILES), "content": "z".repeat(1024) });
        let wanted = json!({ "tool": "probes.write", "arguments": arguments, "mode": "preview" });
        let began = Instant::now();
        let report = self.client.post("/v1/calls", &[], &wanted).await?.json()?;
        self.tally.took(began.elapsed())?;
        ensure!(report.get("result").is_some(), "{report}");
        if self.number.is_multiple_of(2) {
            return Ok(());
        }
        let apply = format!("/v1/calls/{}/apply", text(&report, "/call")?);
        let began = Instant::now();
        let applied = self.client.post(&apply, &[], &json!({})).await?.json()?;
        self.tally.took(began.elapsed())?;
        ensure!(applied.get("result").is_some(), "{applied}");
        Ok(())
    }

    /// The call is under way when its client is gone.
    async fn give_up(&mut self) -> Result<()> {
        let body = json!({ "tool": "waiting.sleep_forever", "arguments": {} }).to_string();
        self.client.send(&Asked { line: "POST /v1/calls", headers: &[], body: &body }).await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.client.leave();
        Ok(())
    }

    /// The client is gone before it has said all, or before it has read a word.
    async fn disconnect(&mut self) -> Result<()> {
        let body = json!({ "tool": "probes.read", "arguments": { "path": "/work/small" } }).to_string();
        let whole = Asked { line: "POST /v1/calls", headers: &[], body: &body };
        // A part of a body that is longer.
        let part = Asked { line: "POST /v1/calls", headers: &["X-More: 1", "Content-Length: 4096"], body: "" };
        self.client.send(if self.number.is_multiple_of(2) { &whole } else { &part }).await?;
        self.client.leave();
        Ok(())
    }

    async fn keyed(&mut self) -> Result<()> {
        let key = format!("Idempotency-Key: soak-{}", self.number);
        for is_again in [false, true] {
            let began = Instant::now();
            let report = self.client.call("probes.echo", &json!({ "number": self.number }), &[&key]).await?;
            self.tally.took(began.elapsed())?;
            let replayed = report.get("replayed").and_then(Value::as_bool);
            ensure!(report.get("result").is_some() && replayed == Some(is_again), "{report}");
        }
        Ok(())
    }

    async fn later(&mut self) -> Result<()> {
        let report = self.client.call("probes.echo", &json!({}), &["Prefer: respond-async"]).await?;
        let call = format!("/v1/calls/{}", text(&report, "/call")?);
        let began = Instant::now();
        loop {
            let known = self.client.get(&call).await?.json()?;
            match text(&known, "/state")? {
                "running" if began.elapsed() < Duration::from_secs(10) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                "running" | "unknown" | "abandoned" => anyhow::bail!("{known}"),
                _ => return Ok(()),
            }
        }
    }

    /// Every fifth is refused.
    async fn asked(&mut self) -> Result<()> {
        let arguments = json!({ "bytes": self.number });
        let report = self.fails("probes.sha256", &arguments, "awaiting-approval").await?;
        let approval = text(&report, "/error/approval")?;
        if self.number % 5 == 4 {
            self.person.post(&format!("/v1/approvals/{approval}/reject"), &[], &json!({ "reason": "no" })).await?;
            return self.fails("probes.sha256", &arguments, "denied").await.map(drop);
        }
        self.person.post(&format!("/v1/approvals/{approval}/approve"), &[], &json!({ "scope": "once" })).await?;
        self.succeeds("probes.sha256", &arguments).await.map(drop)
    }

    /// A session with a list, a call and a stream; most are closed.
    async fn session(&mut self) -> Result<()> {
        let first = initialize();
        let answer = self.client.ask(&Asked { line: "POST /mcp", headers: &[ACCEPT], body: &first }).await?;
        answered(answer.message())?;
        let session = format!("Mcp-Session-Id: {}", answer.session.context("no session was begun")?);
        let revision = format!("MCP-Protocol-Version: {WITH_SESSIONS}");
        let headers = [ACCEPT, &session, &revision];
        good(self.client.ask(&Asked { line: "POST /mcp", headers: &headers, body: &initialized() }).await?)?;
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
        let answer = self.client.ask(&Asked { line: "POST /mcp", headers: &headers, body: &list }).await?;
        answered(answer.message())?;
        let call = Request::new("probes__read", r#"{"path":"/work/small","form":"text"}"#).message(2, None);
        let began = Instant::now();
        let answer = self.client.ask(&Asked { line: "POST /mcp", headers: &headers, body: &call }).await?;
        answered(answer.message())?;
        self.tally.took(began.elapsed())?;
        self.client.leave();
        self.client.send(&Asked { line: "GET /mcp", headers: &[EVENTS, &session, &revision], body: "" }).await?;
        self.client.follow("200 OK").await?;
        if self.number % LEFT_OPEN != LEFT_OPEN - 1 {
            good(self.client.ask(&Asked { line: "DELETE /mcp", headers: &[&session, &revision], body: "" }).await?)?;
        }
        Ok(())
    }

    /// A run whose events are followed to their end, or for a moment.
    async fn run(&mut self) -> Result<()> {
        let wanted = json!({ "task": "Look what is there.", "agent": format!("agent-{}", self.number % AGENTS) });
        let run = self.client.post("/v1/runs", &[], &wanted).await?.json()?;
        let events = format!("GET /v1/runs/{}/events", text(&run, "/run")?);
        self.client.send(&Asked { line: &events, headers: &[EVENTS], body: "" }).await?;
        self.client.follow(if self.number.is_multiple_of(2) { "\"state\":\"completed\"" } else { "id: 1" }).await
    }

    async fn look(&mut self) -> Result<()> {
        let paths = [
            "/healthz",
            "/readyz",
            "/metrics",
            "/v1/health",
            "/v1/tools",
            "/v1/history",
            "/v1/calls?limit=50",
            "/v1/audit?limit=50",
            "/v1/runs",
            "/v1/approvals",
            "/v1/breakers",
        ];
        let path = paths.into_iter().cycle().nth(usize::try_from(self.number % 11)?).context("a path")?;
        self.client.get(path).await.with_context(|| path).map(drop)
    }
}

/// A text in a document.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> Result<&'v str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no `{pointer}` in {value}"))
}
