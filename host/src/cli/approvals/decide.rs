//! A decision of whoever sits at the terminal: made here, or left for the process that holds the journal.

use std::path::Path;
use std::time::Duration;

use toolhold_core::approval::{Approval, ApprovalState, Verdict};
use toolhold_core::id::ApprovalId;

use super::{Project, record, shown};
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
