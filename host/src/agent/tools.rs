//! What the agent needs of the host: a list of tools and a way to call one.
//!
//! The loop knows no more of tools than this. In particular it cannot decide, widen or approve anything: a call goes to
//! the host as the model spelled it, and whatever comes back is the answer.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use toolhold_core::call::ToolCall;
use toolhold_core::id::{ApprovalId, CallId};
use toolhold_core::outcome::{CallReport, Class};
use toolhold_core::run::{FailureSummary, ToolSpec};

/// The tools of a run.
pub trait Tools: Sync {
    /// The tools that the model is told of.
    fn specs(&self) -> Vec<ToolSpec>;

    /// Makes one call. A `cancel` that fires asks for an early end: the report then says what became of the call.
    fn call(&self, call: ToolCall, cancel: CancellationToken) -> impl Future<Output = CallReport> + Send;

    /// Waits until a person has decided on a call that was parked, or nobody did in time.
    ///
    /// # Errors
    ///
    /// It is not to be made, in words that a model may hear.
    fn decided(&self, _approval: &ApprovalId) -> impl Future<Output = Result<(), FailureSummary>> + Send {
        let message = "denied: these tools have no way to ask a person".to_owned();
        std::future::ready(Err(FailureSummary { class: Class::Denied, code: "needs-approval".into(), message }))
    }

    /// Whether somebody may have made this call before. Asked of one that was started by somebody who was stopped, and that is not made now
    /// because a person would have to decide on it first. Who keeps nothing cannot know.
    fn may_have_made(&self, _call: &ToolCall) -> impl Future<Output = bool> + Send {
        std::future::ready(true)
    }

    /// Takes back what these calls of the run changed, in this order; what is taken back already stays so.
    ///
    /// # Errors
    ///
    /// Why it cannot be, in words that a model may hear.
    fn undo(&self, _calls: Vec<CallId>) -> impl Future<Output = Result<(), String>> + Send {
        std::future::ready(Err("these tools cannot take anything back".to_owned()))
    }
}
