//! A decision of whoever sits at the terminal: made here, or left for the process that holds the journal.

use std::path::Path;
use std::time::Duration;

use hyper::{Method, StatusCode};
use serde::Deserialize as _;
use serde_json::{Value, json};
use toolhold_core::approval::{Approval, ApprovalState, Verdict};
use toolhold_core::escape;
use toolhold_core::id::ApprovalId;

use super::{Project, record, shown};
use crate::approvals::wish::{self, Said, Wish};
use crate::approvals::{Decider, Error};
use crate::cli::failure::{CommandResult, Failure, WithCode as _};
use crate::cli::known;
use crate::cli::project::failure;
use crate::cli::ui::Ui;
use crate::control::{Answer, Client};
use crate::exit_code::ExitCode;
use crate::journal::{self, Reader};
use crate::{Host, OpenError};

/// How often it is looked whether a decision that was left was taken, and how many times.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: u32 = 100;

/// Whoever sits at the terminal, as far as the system tells.
pub(super) fn name() -> String {
    format!("uid-{}", rustix::process::getuid().as_raw())
}

/// Decides.
pub(super) async fn decide(id: &ApprovalId, said: Said, project: &Project, ui: Ui) -> CommandResult {
    // Before components are loaded for it.
    record(id, project)?;
    let host = match Host::open(&project.host(), &|_| ()).await {
        Ok(host) => host,
        Err(OpenError::Journal(journal::Error::InUse(_))) => return elsewhere(id, said, project, ui).await,
        Err(error) => return Err(failure(error)),
    };
    known::learn(host.redactor());
    let (approvals, decider) = (host.approvals(), Decider::new("terminal", &name()));
    let decided = match said {
        Said::Approve { scope } => approvals.decide(id, &decider, Verdict::Approve(scope)).await,
        Said::Reject { reason } => approvals.decide(id, &decider, Verdict::Reject(reason)).await,
        Said::Modify { arguments, scope } => approvals.decide(id, &decider, Verdict::Modify(arguments, scope)).await,
        Said::Withdraw => approvals.withdraw(id, &decider).await,
    };
    told(&decided.map_err(refused)?, ui)?;
    host.approvals().told().await;
    Ok(ExitCode::Success)
}

/// Has the process that holds the journal decide, or leaves the decision for one that answers nobody.
async fn elsewhere(id: &ApprovalId, said: Said, project: &Project, ui: Ui) -> CommandResult {
    let Some(client) = Client::connect(&project.state()).await.code(ExitCode::Host)? else {
        return leave(id, said, project, ui).await;
    };
    let taken = Taken::of(&said, record(id, project)?.approval.state);
    let answer = match ask(client, id, &said).await {
        Ok(answer) => answer,
        // A run that waited for nothing else may be over before it has answered.
        Err(failure) => match became(id, &project.state(), &taken).await? {
            Some(approval) => return told(&approval, ui),
            None => return Err(failure),
        },
    };
    if answer.status == StatusCode::NOT_FOUND {
        // It is there, as this process has read: so nobody decides there.
        return leave(id, said, project, ui).await;
    }
    if !answer.status.is_success() {
        return Err(not_decided(&answer.body));
    }
    let other = || anyhow::anyhow!("the process that holds the state directory is another version of toolhold");
    let approval = Approval::deserialize(&answer.body).map_err(|_| other()).code(ExitCode::Host)?;
    told(&approval, ui)
}

async fn ask(mut client: Client, id: &ApprovalId, said: &Said) -> Result<Answer, Failure> {
    let (word, body) = match said {
        Said::Approve { scope } => ("approve", json!({ "scope": scope })),
        Said::Reject { reason } => ("reject", json!({ "reason": reason })),
        Said::Modify { arguments, scope } => {
            let arguments: Value = serde_json::from_str(arguments).code(ExitCode::InvalidArguments)?;
            ("modify", json!({ "arguments": arguments, "scope": scope }))
        }
        Said::Withdraw => ("withdraw", Value::Null),
    };
    // A name of an approval may hold anything printable.
    let name: String = url::form_urlencoded::byte_serialize(id.as_str().as_bytes()).collect();
    let body = Some(&body).filter(|body| !body.is_null());
    client.ask(Method::POST, &format!("/v1/approvals/{name}/{word}"), body, &[]).await.code(ExitCode::Host)
}

/// Why the other process did not decide, with the exit code that this one would have had.
fn not_decided(problem: &Value) -> Failure {
    let text = |key: &str| problem.get(key).and_then(Value::as_str).unwrap_or_default();
    let (code, about) = match text("code") {
        "invalid-arguments" => (ExitCode::InvalidArguments, "the new arguments do not fit the tool: "),
        "still-denied" => (ExitCode::Denied, ""),
        "not-now" | "bad-request" => (ExitCode::BadInput, ""),
        _ => (ExitCode::Host, ""),
    };
    Failure::new(code, anyhow::anyhow!("{about}{}", escape::line(text("detail"))))
}

/// Leaves the decision for whoever holds the journal, and waits until it is taken.
async fn leave(id: &ApprovalId, said: Said, project: &Project, ui: Ui) -> CommandResult {
    let state = project.state();
    let taken = Taken::of(&said, record(id, project)?.approval.state);
    let wish = Wish { approval: id.clone(), face: "terminal".into(), name: name(), said };
    wish::leave(&state, &wish).code(ExitCode::Host)?;
    if let Some(approval) = became(id, &state, &taken).await? {
        return told(&approval, ui);
    }
    if wish::take_back(&state, id) {
        let why =
            "the process that holds the state directory did not take the decision: decide there, or stop it first";
        return Err(Failure::new(ExitCode::Host, anyhow::anyhow!("{why}")));
    }
    // It was taken at the last moment.
    match became(id, &state, &taken).await? {
        Some(approval) => told(&approval, ui),
        None => {
            let why = format!(
                "the process that holds the state directory took the decision, and what came of it is not known yet: \
                 look at it with `toolhold approvals show {id}`"
            );
            Err(Failure::new(ExitCode::Host, anyhow::anyhow!("{why}")))
        }
    }
}

/// By what it is known that a decision was taken, and not somebody else's.
struct Taken {
    before: ApprovalState,
    is_withdrawal: bool,
    by: Decider,
}

impl Taken {
    fn of(said: &Said, before: ApprovalState) -> Self {
        let is_withdrawal = matches!(said, Said::Withdraw);
        Self { before, is_withdrawal, by: Decider::new("terminal", &name()) }
    }

    fn is_seen_in(&self, approval: &Approval) -> bool {
        let is_ours = approval.answer.as_ref().is_some_and(|answer| answer.by == self.by.as_str());
        approval.state != self.before
            && if self.is_withdrawal { approval.state == ApprovalState::Withdrawn } else { is_ours }
    }
}

/// The approval, once the decision was taken. Nothing where that takes too long.
async fn became(id: &ApprovalId, state: &Path, taken: &Taken) -> Result<Option<Approval>, Failure> {
    for _ in 0..LOOKS {
        tokio::time::sleep(LOOK).await;
        if let Some(why) = wish::refused(state, id) {
            return Err(Failure::new(ExitCode::BadInput, anyhow::anyhow!("{why}")));
        }
        let found = Reader::open(state).and_then(|reader| reader.approval(id)).code(ExitCode::Host)?;
        if let Some((approval, _)) = found.filter(|(approval, _)| taken.is_seen_in(approval)) {
            return Ok(Some(approval));
        }
    }
    Ok(None)
}

fn told(approval: &Approval, ui: Ui) -> CommandResult {
    ui.result(approval, shown::decided)?;
    Ok(ExitCode::Success)
}

pub(super) fn refused(error: Error) -> Failure {
    let code = match &error {
        Error::Journal(
            journal::Error::NoApproval(_)
            | journal::Error::ApprovalOver(_)
            | journal::Error::Unanswerable { .. }
            | journal::Error::Secret,
        )
        | Error::Changed(_) => ExitCode::BadInput,
        Error::Journal(_) => ExitCode::Host,
        Error::Invalid(_) => ExitCode::InvalidArguments,
        Error::Denied(_) | Error::Refused(_) => ExitCode::Denied,
    };
    Failure::new(code, error)
}
