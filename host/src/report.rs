//! Builds the report of a call: one function per way in which a call can end.

use toolhold_core::call::{AuthorizedCall, ToolCall};
use toolhold_core::id::{CallId, ToolDigest};
use toolhold_core::limit::{Limits, Usage};
use toolhold_core::outcome::{CallReport, Failure, Outcome, SideOutput};
use toolhold_sandbox::RunReport;

/// Nothing ran: unknown, invalid or denied.
pub(crate) fn refused(id: CallId, call: &ToolCall, digest: Option<ToolDigest>, failure: Failure) -> CallReport {
    CallReport {
        call: id,
        tool: call.tool.clone(),
        digest,
        mode: call.mode,
        outcome: Outcome::Failure(failure),
        usage: Usage::default(),
        limits: Limits::default(),
        output: SideOutput::default(),
        notes: toolhold_core::effect::Notes::default(),
        effects: toolhold_core::effect::EffectReport::default(),
        replayed: false,
        attempts: 0,
        served_by: None,
        approved: None,
    }
}

/// Nothing ran: an earlier call with the same key stands for it, or stands in its way.
pub(crate) fn instead(
    id: CallId,
    call: &ToolCall,
    authorized: &AuthorizedCall,
    outcome: Outcome,
    replayed: bool,
) -> CallReport {
    CallReport { outcome, replayed, limits: authorized.limits().clone(), ..blank(id, call, authorized) }
}

/// It ran.
pub(crate) fn ran(
    id: CallId,
    call: &ToolCall,
    authorized: &AuthorizedCall,
    run: RunReport,
    outcome: Outcome,
) -> CallReport {
    CallReport {
        outcome,
        usage: run.usage,
        limits: authorized.limits().clone(),
        output: run.output,
        notes: run.files,
        ..blank(id, call, authorized)
    }
}

fn blank(id: CallId, call: &ToolCall, authorized: &AuthorizedCall) -> CallReport {
    let failure = Failure::new(toolhold_core::outcome::Class::Host, "host-fault", "the host gave no outcome");
    let approved = authorized.approval().cloned();
    CallReport { mode: authorized.mode(), approved, ..refused(id, call, Some(authorized.call().digest()), failure) }
}
