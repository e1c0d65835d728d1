//! What a command does where another process holds the state directory: it asks that one, and shows the answer as its own.

use std::path::PathBuf;

use anyhow::Context as _;
use hyper::Method;
use serde::Deserialize;
use serde_json::Value;
use toolhold_core::call::{Approved, Mode};
use toolhold_core::effect::{EffectReport, Notes};
use toolhold_core::escape;
use toolhold_core::id::{CallId, ToolDigest};
use toolhold_core::limit::{LIMITS, Limits, Usage};
use toolhold_core::outcome::{CallReport, Failure as CallFailure, LogLine, Outcome, ServedBy, SideOutput};

use super::failure::{Failure, WithCode as _};
use super::project::{Opened, Project, try_open};
use super::ui::Ui;
use crate::Host;
use crate::control::Client;
use crate::exit_code::ExitCode;
use crate::journal::Reader;

/// Who does what a command is for.
pub(super) enum Door {
    /// This process.
    Ours(Box<Host>),
    /// The one that holds the state directory.
    Theirs(Holder),
}

/// Opens the project's host, or finds the process that has it open.
pub(super) async fn open_or_ask(project: &Project, ui: Ui) -> Result<Door, Failure> {
    match try_open(project, Vec::new(), ui).await? {
        Opened::Ours(host) => Ok(Door::Ours(host)),
        Opened::InUse(failure) => Holder::of(project).await?.map(Door::Theirs).ok_or(failure),
    }
}

/// The process that holds the state directory.
pub(super) struct Holder {
    client: Client,
    state: PathBuf,
}

impl Holder {
    /// Whoever holds the state directory of the project and can be asked.
    pub(super) async fn of(project: &Project) -> Result<Option<Self>, Failure> {
        let client = Client::connect(&project.state()).await.code(ExitCode::Host)?;
        Ok(client.map(|client| Self { client, state: project.state() }))
    }

    /// What is written there so far.
    pub(super) fn reader(&self) -> Result<Reader, Failure> {
        Reader::open(&self.state).code(ExitCode::Host)
    }

    /// Asks it for something, and returns what came of it.
    ///
    /// # Errors
    ///
    /// It refused, or went away.
    pub(super) async fn post(
        &mut self,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Value, Failure> {
        let answer = self.client.ask(Method::POST, path, body, headers).await.code(ExitCode::Host)?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(refused(&answer.body)) }
    }

    /// What it has at this path; nothing where there is nothing.
    pub(super) async fn get(&mut self, path: &str) -> Result<Option<Value>, Failure> {
        let answer = self.client.ask(Method::GET, path, None, &[]).await.code(ExitCode::Host)?;
        match answer.body.get("code").and_then(Value::as_str) {
            _ if answer.status.is_success() => Ok(Some(answer.body)),
            Some("not-found") => Ok(None),
            _ => Err(refused(&answer.body)),
        }
    }
}

/// A problem, with the exit code that the command itself would have had.
fn refused(problem: &Value) -> Failure {
    let text = |key: &str| problem.get(key).and_then(Value::as_str).unwrap_or_default();
    let code = match text("code") {
        "conflict" => ExitCode::Conflict,
        "not-found" | "not-now" | "gone" | "bad-request" => ExitCode::BadInput,
        _ => ExitCode::Host,
    };
    let words = match text("detail") {
        "" => "the process that holds the state directory refused, and does not say why",
        words => words,
    };
    Failure::new(code, anyhow::anyhow!("{}", escape::line(words)))
}

/// The report of a call, out of what programs get of it.
///
/// # Errors
///
/// It is none of a call: the other process is another version.
pub(super) fn report(value: &Value) -> Result<CallReport, Failure> {
    read(value)
        .context("the process that holds the state directory is another version of toolhold")
        .code(ExitCode::Host)
}

/// What is in a report beside usage, limits and notes.
#[derive(Deserialize)]
struct Told {
    call: CallId,
    tool: String,
    digest: Option<ToolDigest>,
    mode: Mode,
    replayed: bool,
    attempts: u32,
    served_by: Option<ServedBy>,
    approved: Option<Approved>,
    effects: EffectReport,
    output: Said,
    error: Option<CallFailure>,
}

#[derive(Deserialize)]
struct Said {
    log: Vec<LogLine>,
    emitted: Vec<String>,
    stdout: String,
    stderr: String,
}

fn read(value: &Value) -> anyhow::Result<CallReport> {
    let told = Told::deserialize(value)?;
    let outcome = match told.error {
        Some(failure) => Outcome::Failure(failure),
        None => Outcome::Success(value.get("result").context("there is no result")?.clone()),
    };
    let (mut usage, mut limits) = (Usage::default(), Limits::default());
    for spec in &LIMITS {
        let number =
            |of: &str| value.get(of).and_then(|of| of.get(spec.key)).and_then(Value::as_u64).unwrap_or_default();
        usage.set(spec.limit, number("usage"));
        limits.set(spec.limit, number("limits"));
    }
    let Said { log, emitted, stdout, stderr } = told.output;
    Ok(CallReport {
        call: told.call,
        tool: told.tool,
        digest: told.digest,
        mode: told.mode,
        outcome,
        usage,
        limits,
        output: SideOutput { log, emitted, stdout, stderr },
        notes: Notes::default(),
        effects: told.effects,
        replayed: told.replayed,
        attempts: told.attempts,
        served_by: told.served_by,
        approved: told.approved,
    })
}
