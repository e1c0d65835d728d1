//! `toolhold unknown`: calls of which nobody knows what they did, and what a person found out of one.

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde_json::json;
use toolhold_core::escape;
use toolhold_core::id::CallId;

use super::asked::{Door, open_or_ask};
use super::effects;
use super::failure::{CommandResult, Failure, WithCode as _};
use super::named;
use super::project::Project;
use super::ui::Ui;
use crate::attempt::Resolution;
use crate::clock;
use crate::exit_code::ExitCode;
use crate::journal::{CallRecord, Error, Filter, Journal, Options, Reader, State};
use crate::shown::UnknownCall;

/// Show the calls of which nobody knows what they did, or settle one.
///
/// A call is unknown if the host stopped while it ran, or if it asked another machine for a change and got no answer. It is
/// not made again, and a repeat with its key is refused, until somebody has looked and says what it did.
#[derive(Debug, Subcommand)]
pub(super) enum Unknown {
    /// List them, newest first, with what is known. Works beside a host that runs.
    List,
    /// Say what one did.
    Resolve(Resolve),
}

/// Say what a call did, after you looked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toolhold unknown resolve CALL --succeeded --data '{\"order\": 17}'   a repeat with its key gets this result
  toolhold unknown resolve CALL --failed                             it did nothing: a repeat with its key runs")]
pub(super) struct Resolve {
    /// The call.
    call: CallId,
    #[command(flatten)]
    what: What,
    /// The result that it would have given, as JSON; `null` if left out.
    #[arg(long, value_name = "JSON", requires = "succeeded", conflicts_with = "failed")]
    data: Option<String>,
}

/// One of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// It did what it was asked to do.
    #[arg(long)]
    succeeded: bool,
    /// It did nothing. Its key is free again.
    #[arg(long)]
    failed: bool,
}

impl Unknown {
    /// Runs the command.
    pub(super) async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        match self {
            Self::List => list(project, ui),
            Self::Resolve(command) => command.run(project, ui).await,
        }
    }
}

fn list(project: &Project, ui: Ui) -> CommandResult {
    let calls = match project.has_state() {
        true => unknown(project)?,
        false => Vec::new(),
    };
    ui.result(&calls.iter().map(UnknownCall::of).collect::<Vec<_>>(), |_| readable(&calls))?;
    Ok(ExitCode::Success)
}

fn unknown(project: &Project) -> Result<Vec<CallRecord>, Failure> {
    recover(project)?;
    let reader = Reader::open(&project.state()).code(ExitCode::Host)?;
    let filter = Filter { state: Some(State::Unknown), limit: u32::MAX, ..Filter::default() };
    reader.calls(&filter).code(ExitCode::Host)
}

/// What a host that stopped left open is parked by whoever opens the journal next. If that is a host that runs, it has done so.
fn recover(project: &Project) -> Result<(), Failure> {
    let options = Options { now: clock::micros(), ..Options::default() };
    match project.state().exists().then(|| Journal::open(&project.state(), &options)) {
        None | Some(Ok(_) | Err(Error::InUse(_))) => Ok(()),
        Some(Err(error)) => Err(Failure::new(ExitCode::Host, error)),
    }
}

impl Resolve {
    async fn run(self, project: &Project, ui: Ui) -> CommandResult {
        let resolution = match &self.data {
            _ if self.what.failed => Resolution::Failed,
            Some(text) => {
                let value = serde_json::from_str(text);
                let told =
                    value.map_err(|error| anyhow::anyhow!("`--data` is not JSON: {error}; quote a text: '\"done\"'"));
                Resolution::Succeeded(told.code(ExitCode::Usage)?)
            }
            None => Resolution::Succeeded(serde_json::Value::Null),
        };
        let call = named::whole(self.call, project, ui)?;
        let outcome = if self.what.succeeded { "succeeded" } else { "failed" };
        match open_or_ask(project, ui).await? {
            Door::Ours(host) => host.resolve(&call, resolution).await.map_err(|error| {
                let code = if matches!(error, Error::NotUnknown(_)) { ExitCode::BadInput } else { ExitCode::Host };
                Failure::new(code, error)
            })?,
            Door::Theirs(mut holder) => {
                let body = match resolution {
                    Resolution::Succeeded(data) => json!({ "outcome": outcome, "data": data }),
                    Resolution::Failed => json!({ "outcome": outcome }),
                };
                holder.post(&format!("/v1/unknown/{}/resolve", call), Some(&body), &[]).await?;
            }
        }
        let then = match self.what.succeeded {
            true => "a repeat with its key gets this result",
            false => "a repeat with its key runs",
        };
        ui.result(&json!({ "call": call, "resolved": outcome }), |_| format!("settled as {outcome}: {then}"))?;
        Ok(ExitCode::Success)
    }
}

/// In microseconds: a table shows no more of a time.
const SECOND: u64 = 1_000_000;

fn readable(calls: &[CallRecord]) -> String {
    if calls.is_empty() {
        return "what every call did is known".to_owned();
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["time", "call", "tool", "key", "what is known"]);
    for call in calls {
        let at = call.admitted_at - call.admitted_at % SECOND;
        let (time, key) = (effects::time(at), call.key.as_ref().map_or("", |key| key.as_str()));
        let evidence = escape::line(call.evidence.as_deref().unwrap_or("the host stopped while it ran"));
        table.add_row([time.as_str(), call.call.as_str(), call.tool.as_str(), key, &evidence]);
    }
    table.to_string()
}
