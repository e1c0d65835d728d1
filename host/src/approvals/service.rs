//! What people do with approvals: list, look, decide, take back.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use toolhold_core::approval::{Approval, ApprovalState, Foreseen, Verdict};
use toolhold_core::id::ApprovalId;
use toolhold_core::policy::{Facts, RunScope};
use toolhold_sandbox::Caller;

use super::error::Error;
use super::rehearsal::Rehearsed;
use crate::journal::{self, ApprovalFilter, Change, Modified};
use crate::{Host, clock};

/// How long a process that is about to end waits for those who are to be notified.
const LAST_WORD: Duration = Duration::from_secs(10);

/// The approvals of a host. For fronts that people use, and for nothing else.
#[derive(Debug, Clone)]
pub struct Approvals(Host);

/// Everything that a person needs to decide. Texts come from models and tools: escape them before showing.
#[derive(Debug, Clone, Serialize)]
pub struct ApprovalRecord {
    /// What was asked, and what came of it.
    #[serde(flatten)]
    pub approval: Approval,
    /// What the call would do.
    pub foreseen: Foreseen,
    /// How many calls wait for the answer at this moment. Where it is none, the answer is for the next such call.
    pub callers: usize,
}

/// Who decides, for the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decider(String);

impl Decider {
    /// The person `name`, who decides at `face`: `terminal`, `console`, `api`, `mcp`.
    #[must_use]
    pub fn new(face: &str, name: &str) -> Self {
        Self(format!("{face}:{name}"))
    }

    /// As it is recorded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Host {
    /// What people do with approvals.
    #[must_use]
    pub fn approvals(&self) -> Approvals {
        Approvals(self.clone())
    }
}

impl Approvals {
    /// Returns when everybody who is to be notified has been, or for whom there is no more time: for a process that is about to end.
    pub async fn told(&self) {
        if tokio::time::timeout(LAST_WORD, self.0.0.desk.told()).await.is_err() {
            tracing::warn!("notifications about approvals were not delivered before the end");
        }
    }

    /// The approvals that fit, newest first.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    pub async fn list(&self, filter: &ApprovalFilter) -> Result<Vec<Approval>, Error> {
        self.expire().await?;
        Ok(self.0.0.journal.reader()?.approvals(filter)?)
    }

    /// One approval.
    ///
    /// # Errors
    ///
    /// There is none of that name, or the journal cannot be read.
    pub async fn get(&self, id: &ApprovalId) -> Result<ApprovalRecord, Error> {
        self.expire().await?;
        let found = self.0.0.journal.reader()?.approval(id)?;
        let (approval, foreseen) = found.ok_or_else(|| journal::Error::NoApproval(id.clone()))?;
        Ok(ApprovalRecord { approval, foreseen, callers: self.0.0.desk.callers(id) })
    }

    /// Decides. On disk when this returns, and never again: what is decided can only be taken back.
    ///
    /// New arguments are checked at once and the call is looked at with them, so that the person learns what is wrong; they are checked
    /// again when the call is made.
    ///
    /// # Errors
    ///
    /// [`Error`]: nothing was decided.
    pub async fn decide(&self, id: &ApprovalId, decider: &Decider, verdict: Verdict) -> Result<Approval, Error> {
        let modified = match &verdict {
            Verdict::Modify(arguments, _) => Some(Box::new(self.modified(id, arguments, &verdict).await?)),
            Verdict::Approve(_) => {
                self.unchanged(&self.get(id).await?.approval)?;
                None
            }
            Verdict::Reject(_) => None,
        };
        self.change(id, Change::Decide { verdict, modified, by: decider.0.clone() }).await
    }

    /// Takes a question or an answer back: the next such call is asked about anew.
    ///
    /// # Errors
    ///
    /// It is used or expired, or there is none of that name; or it could not be written.
    pub async fn withdraw(&self, id: &ApprovalId, decider: &Decider) -> Result<Approval, Error> {
        self.change(id, Change::Withdraw { by: decider.0.clone() }).await
    }

    /// Every change from now on, once it is on disk. Who is too slow is told that some were missed.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Approval>> {
        self.0.0.desk.subscribe()
    }

    async fn change(&self, id: &ApprovalId, change: Change) -> Result<Approval, Error> {
        let now = self.now();
        let changed = self.0.0.journal.change_approval(id, change, now).await;
        if let Err(journal::Error::ApprovalOver(_)) = &changed {
            self.publish_as_stored(id)?;
        }
        let approval = changed?;
        self.0.0.desk.publish(approval.clone(), now);
        Ok(approval)
    }

    /// What was asked about is still what would run.
    fn unchanged(&self, approval: &Approval) -> Result<(), Error> {
        if approval.state != ApprovalState::Waiting {
            return Ok(());
        }
        if approval.manifest != self.0.policy().manifest().digest() {
            return Err(Error::Changed("the manifest is another one"));
        }
        let tool = self.0.0.catalog.get(approval.tool.as_str());
        if tool.is_ok_and(|tool| tool.digest() == approval.digest) {
            Ok(())
        } else {
            Err(Error::Changed("the tool is another one, or gone"))
        }
    }

    /// The call with other arguments and what it would do, as far as it can be judged before it is made: an answer is used up by a call
    /// that then comes to nothing.
    async fn modified(&self, id: &ApprovalId, arguments: &str, verdict: &Verdict) -> Result<Modified, Error> {
        let approval = self.get(id).await?.approval;
        self.unchanged(&approval)?;
        let tool = self.0.0.catalog.get(approval.tool.as_str());
        let tool = tool.map_err(|_| Error::Changed("the tool is gone"))?;
        let call = tool.validate(arguments).map_err(|violations| Error::Invalid(Box::new(violations)))?;
        let scope = RunScope::default();
        let rehearsal = self.0.policy().rehearsal(call.clone(), tool, &Facts::new(approval.mode, &scope));
        let rehearsal = rehearsal.map_err(Error::Denied)?;
        if approval.answered(verdict, Some(&call), "", self.now()).is_err() {
            // It is decided already, or this is no answer: whoever writes it down says so, and nothing is run for it.
            return Ok(Modified { call, foreseen: Foreseen::default() });
        }
        let _room = self.0.0.desk.room().await;
        let turn = (Caller::new(&approval.client, "rehearsals"), CancellationToken::new());
        let Rehearsed { foreseen, refused } = self.0.rehearse(&clock::new_call(), &rehearsal, turn).await;
        match refused {
            Some(why) => Err(Error::Refused(why)),
            None => Ok(Modified { call, foreseen: Foreseen { modified: true, ..foreseen } }),
        }
    }

    /// Lets expire what has.
    pub(super) async fn expire(&self) -> Result<(), Error> {
        let now = self.now();
        if self.0.0.desk.is_due(now) {
            let expired = self.0.0.journal.expire_approvals(now).await?;
            self.0.0.desk.forget_due(now);
            expired.into_iter().for_each(|approval| self.0.0.desk.publish(approval, now));
        }
        Ok(())
    }

    /// Tells of an approval as it is stored.
    pub(super) fn publish_as_stored(&self, id: &ApprovalId) -> Result<(), Error> {
        if let Some((approval, _)) = self.0.0.journal.reader()?.approval(id)? {
            self.0.0.desk.publish(approval, self.now());
        }
        Ok(())
    }

    fn now(&self) -> u64 {
        self.0.0.dependencies.time().micros()
    }
}
