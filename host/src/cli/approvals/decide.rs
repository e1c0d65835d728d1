//! A decision of whoever sits at the terminal: made here, or left for the process that holds the journal.

use std::path::Path;
use std::time::Duration;

use toolhold_core::approval::{Approval, ApprovalState, Verdict};
use toolhold_core::id::ApprovalId;

use super::{Project, record};
use crate::approvals::wish::{self, Said, Wish};
use crate::approvals::{Decider, Error};
use crate::cli::failure::{CommandResult, Failure, WithCode as _};
use crate::cli::known;
use crate::cli::project::failure;
use crate::cli::ui::Ui;
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
        Err(OpenError::Journal(journal::Error::InUse(_))) => return leave(id, said, project, ui).await,
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

/// Leaves the decision for whoever holds the journal, and waits until it is taken.
async fn leave(id: &ApprovalId, said: Said, project: &Project, ui: Ui) -> CommandResult {
    let state = project.state();
    let before = record(id, project)?.approval.state;
    let wish = Wish { approval: id.clone(), face: "terminal".into(), name: name(), said };
    wish::leave(&state, &wish).code(ExitCode::Host)?;
    if let Some(approval) = became(id, &state, before).await? {
        return told(&approval, ui);
    }
    if wish::take_back(&state, id) {
        let why =
            "the process that holds the state directory did not take the decision: decide there, or stop it first";
        return Err(Failure::new(ExitCode::Host, anyhow::anyhow!("{why}")));
    }
    // It was taken at the last moment.
    match became(id, &state, before).await? {
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

/// The approval, once it is not any more what it was `before`. Nothing where that takes too long.
async fn became(id: &ApprovalId, state: &Path, before: ApprovalState) -> Result<Option<Approval>, Failure> {
    for _ in 0..LOOKS {
        tokio::time::sleep(LOOK).await;
        if let Some(why) = wish::refused(state, id) {
            return Err(Failure::new(ExitCode::BadInput, anyhow::anyhow!("{why}")));
        }
        let found = Reader::open(state).and_then(|reader| reader.approval(id)).code(ExitCode::Host)?;
        if let Some((approval, _)) = found.filter(|(approval, _)| approval.state != before) {
            return Ok(Some(approval));
        }
    }
    Ok(None)
}

fn told(approval: &Approval, ui: Ui) -> CommandResult {
    ui.result(approval, |approval| format!("{}: {}", approval.id, approval.state))?;
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
        Error::Denied(_) => ExitCode::Denied,
    };
    Failure::new(code, error)
}
