//! Runs of agents.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::call::{FailureClass, Mode};

/// Where a run is. The last six are ends.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RunState {
    Initializing,
    Processing,
    AwaitingModel,
    AwaitingTool,
    AwaitingApproval,
    Validating,
    Retrying,
    Reflecting,
    Completed,
    Partial,
    Failed,
    TimedOut,
    Cancelled,
    DeadLettered,
}

/// A run as it is stored.
#[derive(ToSchema)]
pub(crate) struct RunRecord {
    /// Which run.
    run: String,
    /// What is to be done. Any text: escape before showing.
    task: String,
    /// Whether effects land.
    mode: Mode,
    /// Where it is.
    state: RunState,
    /// How many steps it has.
    steps: u64,
    /// What it was forked from.
    origin: Option<Origin>,
    /// When it began, in microseconds since 1970.
    started_at: u64,
    /// When its last step happened.
    changed_at: u64,
    /// Its steps were removed.
    expired: bool,
}

/// What a run was forked from.
#[derive(ToSchema)]
pub(crate) struct Origin {
    /// Which run.
    run: String,
    /// Its steps up to this one were copied.
    step: u64,
}

/// What a run came to.
#[derive(ToSchema)]
pub(crate) struct RunReport {
    /// Which run.
    run: String,
    /// Where it is.
    state: RunState,
    /// The model's last text, whole only if `completed`. Any text: escape before showing.
    answer: Option<String>,
    /// Why it is not completed: its `kind`, and what belongs to that.
    #[schema(value_type = Option<BTreeMap<String, Value>>)]
    reason: Option<BTreeMap<String, Value>>,
    /// The model that answers at present.
    model: Identity,
    /// What the provider says that answered.
    served_by: Option<String>,
    /// Turns of the model.
    turns: u32,
    /// Tokens over all turns.
    tokens: Tokens,
    /// What they cost, in millionths of a dollar, where that is known.
    #[schema(required = false)]
    cost_micro_dollars: u64,
    /// The calls that reached the host, in order.
    calls: Vec<CallSummary>,
    /// How many did not.
    rejected: u32,
    /// How long it worked.
    milliseconds: u64,
}

/// What a model is called.
#[derive(ToSchema)]
pub(crate) struct Identity {
    /// Its name.
    name: String,
    /// `remote`, or `scripted`: then no model is called.
    kind: String,
}

/// Tokens.
#[derive(ToSchema)]
pub(crate) struct Tokens {
    /// Read.
    input: u64,
    /// Written.
    output: u64,
    /// Of those read, from the provider's cache.
    cached: u64,
    /// The provider did not count them.
    estimated: bool,
}

/// One call of a run.
#[derive(ToSchema)]
pub(crate) struct CallSummary {
    /// The turn that asked for it, from 1.
    turn: u32,
    /// The journal's name for it.
    call: Option<String>,
    /// The tool.
    tool: String,
    /// What came of it; null is success.
    failure: Option<FailureSummary>,
    /// It is the outcome of an earlier call.
    replayed: bool,
}

/// Why a call of a run did not succeed.
#[derive(ToSchema)]
pub(crate) struct FailureSummary {
    /// What kind.
    class: FailureClass,
    /// The stable code.
    code: String,
    /// Any text: escape before showing.
    message: String,
}

/// One message of a conversation.
#[derive(ToSchema)]
pub(crate) struct Message {
    /// `system`, `user`, `assistant` or `tool`.
    role: String,
    /// A text; of the model, its text and the calls it asked for; of a tool, the id of the call and the text.
    content: Value,
}
