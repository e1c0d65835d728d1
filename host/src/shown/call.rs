//! Calls: the report of one, what one changed, and one of which nobody knows what it did.

use serde::Serialize;
use serde_json::Value;
use toolhold_core::call::{Approved, Mode};
use toolhold_core::effect::{EffectReport, Notes};
use toolhold_core::id::{CallId, IdempotencyKey, RunId, ToolDigest, ToolName};
use toolhold_core::limit::{Limits, Usage};
use toolhold_core::outcome::{CallReport, Failure, Outcome, ServedBy, SideOutput};
use utoipa::ToSchema;

use super::{schema, time};
use crate::journal::{CallRecord, HistoryEntry};

/// What came of a call: a `result` or an `error`, and everything that the host saw of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Report {
    /// The journal's name for it.
    #[schema(value_type = String)]
    pub(crate) call: CallId,
    /// The tool, as it was asked for.
    pub(crate) tool: String,
    /// Which bytes ran; null where it did not come so far.
    #[schema(value_type = Option<String>)]
    pub(crate) digest: Option<ToolDigest>,
    /// Whether its effects land.
    #[schema(value_type = schema::Mode)]
    pub(crate) mode: Mode,
    /// It is the outcome of an earlier call with the same key; nothing ran.
    pub(crate) replayed: bool,
    /// How many attempts were made; 0 where nothing ran.
    pub(crate) attempts: u32,
    /// What gave the result instead of the tool, which failed.
    #[schema(value_type = Option<schema::ServedBy>)]
    pub(crate) served_by: Option<ServedBy>,
    /// The word of a person by which it was made, if it took one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::Approved, required = false)]
    pub(crate) approved: Option<Approved>,
    /// What it used of each limit.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    pub(crate) usage: Usage,
    /// What it was allowed of each.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    pub(crate) limits: Limits,
    /// What the guest said on the side.
    #[schema(value_type = schema::SideOutput)]
    pub(crate) output: SideOutput,
    /// What it changed and requested; of a preview, what it would have.
    #[schema(value_type = schema::EffectReport)]
    pub(crate) effects: EffectReport,
    /// What it touched, and what the host refused within it.
    #[schema(value_type = schema::Notes)]
    pub(crate) notes: Notes,
    /// The tool's result, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Value, required = false)]
    pub(crate) result: Option<Value>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::Failure, required = false)]
    pub(crate) error: Option<Failure>,
}

impl Report {
    pub(crate) fn of(report: CallReport) -> Self {
        let (result, error) = match report.outcome {
            Outcome::Success(value) => (Some(value), None),
            Outcome::Failure(failure) => (None, Some(failure)),
        };
        Self {
            call: report.call,
            tool: report.tool,
            digest: report.digest,
            mode: report.mode,
            replayed: report.replayed,
            attempts: report.attempts,
            served_by: report.served_by,
            approved: report.approved,
            usage: report.usage,
            limits: report.limits,
            output: report.output,
            effects: report.effects,
            notes: report.notes,
            result,
            error,
        }
    }
}

/// A call that changed something, or a preview that would.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Changed {
    /// Which call.
    #[schema(value_type = String)]
    pub(crate) call: CallId,
    /// Of which run.
    #[schema(value_type = String)]
    pub(crate) run: RunId,
    /// Which tool.
    #[schema(value_type = String)]
    pub(crate) tool: ToolName,
    /// When, in UTC.
    pub(crate) at: String,
    /// `preview`, `applied`, `ready`, `landed`, `refused`, `undoing`, `undone` or `expired`.
    pub(crate) state: &'static str,
    /// What it changed, or would.
    #[schema(value_type = schema::EffectReport)]
    pub(crate) effects: EffectReport,
}

impl Changed {
    pub(crate) fn of(entry: &HistoryEntry) -> Self {
        Self {
            call: entry.call.clone(),
            run: entry.run.clone(),
            tool: entry.tool.clone(),
            at: time(entry.at),
            state: entry.state.word(),
            effects: entry.effects.clone(),
        }
    }
}

/// A call of which nobody knows what it did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnknownCall {
    /// Which call.
    #[schema(value_type = String)]
    pub(crate) call: CallId,
    /// Of which run.
    #[schema(value_type = String)]
    pub(crate) run: RunId,
    /// Which tool.
    #[schema(value_type = String)]
    pub(crate) tool: ToolName,
    /// When it was admitted, in UTC.
    pub(crate) at: String,
    /// Its key, if it has one: a repeat with it is refused until somebody says what the call did.
    #[schema(value_type = Option<String>)]
    pub(crate) key: Option<IdempotencyKey>,
    /// The text of its arguments, where it is kept. Any text: escape before showing.
    pub(crate) arguments: Option<String>,
    /// What is known. Any text: escape before showing.
    pub(crate) evidence: Option<String>,
}

impl UnknownCall {
    pub(crate) fn of(call: &CallRecord) -> Self {
        Self {
            call: call.call.clone(),
            run: call.run.clone(),
            tool: call.tool.clone(),
            at: time(call.admitted_at),
            key: call.key.clone(),
            arguments: call.arguments.clone(),
            evidence: call.evidence.clone(),
        }
    }
}
