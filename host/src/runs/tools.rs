//! The tools of a run: those of a host, each call through its gate.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use toolhold_core::call::ToolCall;
use toolhold_core::event::Effects;
use toolhold_core::id::{ApprovalId, CallId, ToolName};
use toolhold_core::outcome::CallReport;
use toolhold_core::run::{FailureSummary, ToolSpec};

use super::known;
use super::places::Seat;
use crate::agent::Tools;
use crate::journal::{self, PlanState};
use crate::{Asking, CallOptions, Host, PreviewSession, RunLabels, UndoError};

/// The tools of a host, for one run.
pub struct HostTools<'a> {
    /// Whose.
    pub host: &'a Host,
    /// Where changes are staged, if the run is a dry run.
    pub session: Option<Arc<PreviewSession>>,
    /// What is said of the data that its calls have read.
    pub labels: Arc<RunLabels>,
    /// Is shown the whole report of each call, with what only the operator may see, before the run hears of the call.
    pub on_report: &'a (dyn Fn(&CallReport) + Sync),
    /// Its place among the runs of a server, which others have while it waits for a person.
    pub seat: Option<&'a Seat>,
}

impl Tools for HostTools<'_> {
    fn specs(&self) -> Vec<ToolSpec> {
        let spec = |tool: &toolhold_core::tool::Tool| ToolSpec {
            name: tool.name().clone(),
            description: tool.info().description.clone(),
            input_schema: tool.info().input_schema.clone(),
            digest: Some(tool.digest()),
        };
        self.host.tools().map(spec).collect()
    }

    async fn call(&self, call: ToolCall, cancel: CancellationToken) -> CallReport {
        let labels = Some(Arc::clone(&self.labels));
        // Parked, and waited for by the run: it is on record that it waits, and its clock stands still.
        let asking = Asking::Park;
        let session = self.session.clone();
        let options = CallOptions { cancel, session, labels, taped: true, asking, ..CallOptions::default() };
        let done = self.host.call(call, options).await;
        (self.on_report)(&done);
        done
    }

    async fn decided(&self, approval: &ApprovalId) -> Result<(), FailureSummary> {
        let decision = self.host.decision(approval);
        let decided = match self.seat {
            Some(seat) => seat.lend(decision).await,
            None => decision.await,
        };
        decided.map_err(|failure| FailureSummary { class: failure.class, code: failure.code, message: failure.message })
    }

    async fn may_have_made(&self, call: &ToolCall) -> bool {
        let Some(key) = &call.key else { return true };
        let known = async {
            self.host.journal().flush().await?;
            known::is_on_record(&self.host.journal().reader()?, (&call.run, call.mode), key)
        };
        known.await.unwrap_or_else(|error: journal::Error| {
            tracing::warn!(%error, "whether a call was made is not known");
            true
        })
    }

    async fn undo(&self, calls: Vec<CallId>) -> Result<(), String> {
        if self.session.is_some() {
            return Err("this is a dry run".to_owned());
        }
        // Before anything is taken back: what can only be taken back in part is not.
        if let Some(call) = self.beyond_recall(&calls).await.map_err(|error| unknown(&error))? {
            return Err(format!("a call of `{call}` may have changed something that cannot be taken back"));
        }
        let mut undone = 0;
        for call in &calls {
            match self.host.undo(call).await {
                Ok(_) => undone += 1,
                // It changed nothing, or was taken back before whoever worked on the run was stopped.
                Err(
                    UndoError::Nothing(_)
                    | UndoError::State { state: PlanState::Undone | PlanState::Refused | PlanState::Preview, .. },
                ) => {}
                Err(error) => {
                    tracing::warn!(%error, "a run does not go back");
                    let so_far =
                        if undone > 0 { format!("; {undone} later calls were taken back") } else { String::new() };
                    return Err(format!("what a call changed cannot be taken back any more{so_far}"));
                }
            }
        }
        Ok(())
    }
}

impl HostTools<'_> {
    /// The tool of a call that may have acted beyond what is staged.
    async fn beyond_recall(&self, calls: &[CallId]) -> Result<Option<ToolName>, journal::Error> {
        self.host.journal().flush().await?;
        let reader = self.host.journal().reader()?;
        for call in calls {
            let Some(record) = reader.get(call)? else { continue };
            let state = reader.plan(call)?.map(|plan| plan.state);
            let is_lost =
                matches!(state, Some(PlanState::Applied | PlanState::Ready | PlanState::Undoing | PlanState::Expired));
            if record.effects == Effects::Possible || is_lost {
                return Ok(Some(record.tool));
            }
        }
        Ok(None)
    }
}

fn unknown(error: &journal::Error) -> String {
    tracing::warn!(%error, "a run does not go back");
    "the host cannot tell what was changed".to_owned()
}
