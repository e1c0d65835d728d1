//! What becomes of what a call staged: it lands if the call is live and succeeded, and is kept if it is a preview.

use std::sync::Arc;

use toolhold_core::call::Mode;
use toolhold_core::effect::EffectReport;
use toolhold_core::id::CallId;
use toolhold_core::outcome::{Failure, Outcome};
use toolhold_sandbox::RunReport;
use toolhold_sandbox::capability::fs::commit::{CommitError, Durable, Plan, Prepared};

use super::{PreviewSession, aside, failure, report};
use crate::host::{Checked, Conclusion, Host};
use crate::journal::{self, PlanKind, Planned, Settlement};
use crate::refusal::{journal_unavailable, not_applicable, secret_in_path};
use crate::{attempt, clock};

/// How many names of files may differ for a plan that is done on the thread that is there: it takes as long as the guest took to write them,
/// and handing it to another thread would take longer.
const FEW: usize = 16;

/// Where a plan is done that waits for no disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runs {
    /// On this thread.
    Here,
    /// On one that may wait.
    Elsewhere,
}

/// A plan on its way, and everything that is recorded with it.
pub(super) struct Landing {
    pub(super) id: CallId,
    pub(super) kind: PlanKind,
    pub(super) effects: EffectReport,
    /// The text of the result.
    pub(super) outcome: Arc<str>,
    pub(super) settlement: Settlement,
    /// Whether the call did something that does not depend on the plan.
    pub(super) acted: bool,
}

impl Host {
    /// Lands, keeps or drops what the call staged. The conclusion is another one if it did not land.
    pub(crate) async fn changes(
        &self,
        id: &CallId,
        checked: &Checked,
        run: &mut RunReport,
        conclusion: Conclusion,
        session: Option<&PreviewSession>,
    ) -> (EffectReport, Conclusion) {
        let succeeded = matches!(conclusion.0, Outcome::Success(_));
        let effects = match session {
            Some(session) => aside(|| session.end_call(&checked.call, run, succeeded)),
            None if checked.call.mode() == Mode::Preview => aside(|| report::of(&checked.call, run)),
            None => report::of(&checked.call, run),
        };
        let staged = run.staged.take().filter(|staged| session.is_none() && !staged.is_empty());
        let (Some(staged), Outcome::Success(_), Ok(text)) = (staged, &conclusion.0, &run.outcome) else {
            return (effects, conclusion);
        };
        let text: Arc<str> = text.as_str().into();
        if checked.call.mode() == Mode::Preview {
            if let Err(error) = self.keep(id, checked, &staged, &effects, &text).await {
                tracing::warn!(%error, call = %id, "the preview cannot be applied later");
            }
            return (effects, conclusion);
        }
        let (outcome, Some(settlement)) = conclusion else { return (effects, conclusion) };
        let landing = Landing {
            id: id.clone(),
            kind: PlanKind::Commit,
            effects: effects.clone(),
            outcome: text,
            settlement,
            acted: attempt::acted(checked, run),
        };
        let runs = if staged.names() <= FEW { Runs::Here } else { Runs::Elsewhere };
        match self.land(landing, runs, move |host| staged.prepare(host.0.effects.durable)).await {
            Ok(()) => (effects, (outcome, None)),
            // No staged change landed; what was read, requested or written in place was so all the same.
            Err(failure) => {
                let effects = EffectReport { changes: Vec::new(), changes_left_out: 0, ..effects };
                (effects, (Outcome::Failure(*failure), None))
            }
        }
    }

    /// Does a plan and settles its call, to the end even if the caller goes away.
    pub(super) async fn land(
        &self,
        landing: Landing,
        runs: Runs,
        prepare: impl FnOnce(&Self) -> Result<Prepared, CommitError> + Send + 'static,
    ) -> Result<(), Box<Failure>> {
        let host = self.clone();
        let work = move || host.land_blocking(landing, prepare);
        let waits_for_disk = self.0.effects.durable == Durable::Yes;
        let landed = match tokio::runtime::Handle::try_current() {
            Ok(runtime) if waits_for_disk || runs == Runs::Elsewhere => {
                runtime.spawn_blocking(work).await.unwrap_or_else(|_| Err(Box::new(panicked())))
            }
            // From here to the end there is no point at which the caller could go away.
            _ => work(),
        };
        self.expire_when_full().await;
        landed
    }

    fn land_blocking(
        &self,
        landing: Landing,
        prepare: impl FnOnce(&Self) -> Result<Prepared, CommitError>,
    ) -> Result<(), Box<Failure>> {
        let prepared = match prepare(self) {
            Ok(prepared) => prepared,
            Err(error) => return Err(self.not_landed(landing, None, &error)),
        };
        let plan = prepared.plan().clone();
        let planned = match landing.planned(&plan) {
            Ok(planned) => planned,
            Err(error) => return Err(self.not_landed(landing, Some(&plan), &error)),
        };
        if let Err(error) = self.0.journal.plan_blocking(planned) {
            self.give_up(&landing.kind, &plan);
            let failure = match &error {
                journal::Error::Secret => secret_in_path(),
                journal::Error::NotInState { .. } => not_applicable("it was applied or has expired meanwhile"),
                _ => journal_unavailable(&error),
            };
            let failure = Failure { acted: landing.acted, ..failure };
            let settlement = landing.settlement.instead(failure.clone());
            self.0.journal.settle_behind(&landing.id, settlement);
            return Err(Box::new(failure));
        }
        match prepared.commit() {
            Ok(after) => {
                // What cannot be put into words cannot be undone; it landed all the same.
                let after = serde_json::to_string(&after).unwrap_or_default();
                let settled = self.0.journal.settle_blocking(&landing.id, landing.settlement.landed(after));
                self.0.effects.kept.add(plan.kept_bytes());
                settled.map_err(|error| Box::new(crate::refusal::outcome_unrecorded(&error)))
            }
            Err(error) => Err(self.not_landed(landing, Some(&plan), &error)),
        }
    }

    /// Nothing landed, or nobody knows how much did.
    fn not_landed(&self, landing: Landing, plan: Option<&Plan>, error: &CommitError) -> Box<Failure> {
        let failure = failure(error, landing.acted);
        let recorded = if let CommitError::Stuck { .. } = error {
            self.0.journal.park_blocking(&landing.id, error.to_string(), clock::micros())
        } else {
            if let Some(plan) = plan {
                self.give_up(&landing.kind, plan);
            }
            let settlement = landing.settlement.instead(failure.clone()).plan_refused(error.to_string());
            let settlement = match landing.kind {
                PlanKind::Apply(preview) => settlement.keeping(preview),
                _ => settlement,
            };
            self.0.journal.settle_blocking(&landing.id, settlement)
        };
        match recorded {
            Ok(()) => Box::new(failure),
            Err(error) => Box::new(crate::refusal::outcome_unrecorded(&error)),
        }
    }

    /// Removes the files of a plan that was not done. Those of a preview stay with the preview, which can be applied again.
    fn give_up(&self, kind: &PlanKind, plan: &Plan) {
        if !matches!(kind, PlanKind::Apply(_)) {
            self.discard(plan);
        }
    }

    /// Removes the files of a plan. What stays is swept when the host is opened next.
    pub(super) fn discard(&self, plan: &Plan) {
        if let Err(error) = plan.discard(&self.0.effects.staging) {
            tracing::warn!(%error, plan = plan.name(), "the files of a plan could not be removed");
        }
    }
}

impl Landing {
    fn planned(&self, plan: &Plan) -> Result<Planned, CommitError> {
        let unusable = |error: serde_json::Error| CommitError::Unusable(error.to_string());
        Ok(Planned {
            call: self.id.clone(),
            kind: self.kind.clone(),
            plan: serde_json::to_string(plan).map_err(unusable)?,
            effects: serde_json::to_string(&self.effects).map_err(unusable)?,
            outcome: self.outcome.to_string(),
            kept_bytes: plan.kept_bytes(),
            at: clock::micros(),
        })
    }
}

/// A panic in the middle of landing leaves a plan that the next open finishes.
fn panicked() -> Failure {
    let message = "the host failed while it kept what the call changed; a person has to look";
    Failure::new(toolhold_core::outcome::Class::Host, "outcome-unrecorded", message)
}
