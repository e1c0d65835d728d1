//! Keeping a preview, so that exactly what it showed can be applied.

use std::sync::Arc;

use toolhold_core::effect::EffectReport;
use toolhold_core::id::CallId;
use toolhold_sandbox::capability::fs::commit::Staged;

use super::aside;
use crate::clock;
use crate::host::{Checked, Host};
use crate::journal::{PlanKind, Planned};

/// Why a preview is not kept. It was shown all the same.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotKept {
    #[error(
        "the directory is on another file system or mount than the state directory, where a plan would have to be prepared in it; \
         use a state directory on the same one"
    )]
    OtherFileSystem,
    #[error("a secret is in its arguments or in the name of a file that it changes, and would be stored with it")]
    Secret,
    #[error(transparent)]
    Plan(#[from] toolhold_sandbox::capability::fs::commit::CommitError),
    #[error(transparent)]
    Words(#[from] serde_json::Error),
    #[error(transparent)]
    Journal(#[from] crate::journal::Error),
}

impl Host {
    pub(super) async fn keep(
        &self,
        id: &CallId,
        checked: &Checked,
        staged: &Staged,
        effects: &EffectReport,
        outcome: &Arc<str>,
    ) -> Result<(), NotKept> {
        if !staged.can_wait() {
            return Err(NotKept::OtherFileSystem);
        }
        if self.0.redactor.finds(checked.call.call().text()) {
            return Err(NotKept::Secret);
        }
        let prepared = aside(|| staged.prepare(self.0.effects.durable))?;
        let plan = prepared.plan();
        let planned = Planned {
            call: id.clone(),
            kind: PlanKind::Preview {
                arguments: checked.call.call().text().to_string(),
                manifest: self.0.policy.manifest().digest(),
            },
            plan: serde_json::to_string(plan)?,
            effects: serde_json::to_string(effects)?,
            outcome: outcome.to_string(),
            kept_bytes: prepared.waiting_bytes(),
            at: clock::micros(),
        };
        if self.0.redactor.finds(&planned.plan) {
            self.discard(plan);
            return Err(NotKept::Secret);
        }
        let bytes = planned.kept_bytes;
        if let Err(error) = self.0.journal.plan(planned).await {
            self.discard(plan);
            return Err(error.into());
        }
        self.0.effects.kept.add(bytes);
        self.expire_when_full().await;
        Ok(())
    }
}
