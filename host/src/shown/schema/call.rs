//! Calls, what came of them, and what guests said.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Whether effects land.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// They land.
    Live,
    /// They are observed and thrown away, or kept to be applied.
    Preview,
}

/// The kinds of failure.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FailureClass {
    UnknownTool,
    InvalidArguments,
    Denied,
    Tool,
    Limit,
    Trap,
    InvalidOutput,
    Conflict,
    Withheld,
    Cancelled,
    Busy,
    Unavailable,
    AwaitingApproval,
    Host,
}

/// Why a call did not succeed.
#[derive(ToSchema)]
pub(crate) struct Failure {
    /// What kind.
    class: FailureClass,
    /// The stable code.
    code: String,
    /// For the model: what went wrong and what to do next. Any text: escape before showing.
    message: String,
    /// For the operator: everything known. Never to be shown to a model or a tool.
    #[schema(required = false)]
    detail: String,
    /// The limit that was crossed, if that is why.
    #[schema(required = false)]
    exceeded: Exceeded,
    /// What is wrong with the arguments, if that is why: places and words.
    #[schema(required = false)]
    violations: Value,
    /// In how many seconds it may be tried again, where that is known.
    #[schema(required = false)]
    retry_after: u64,
    /// What the call depends on is at fault, not what was asked for.
    #[schema(required = false)]
    dependency: bool,
    /// It changed something before it failed, or may have.
    #[schema(required = false)]
    acted: bool,
    /// The approval that it waits for, or that was refused.
    #[schema(required = false)]
    approval: String,
}

/// A limit that was crossed.
#[derive(ToSchema)]
pub(crate) struct Exceeded {
    /// Its key in the manifest.
    limit: String,
    /// The bound.
    allowed: u64,
    /// What was asked for.
    used: u64,
}

/// What stood in for a tool that failed.
#[derive(ToSchema)]
pub(crate) struct ServedBy {
    /// `tool` or `value`.
    kind: String,
    /// Which tool, if one did.
    #[schema(required = false)]
    tool: String,
}

/// What a guest said beside its result. Any bytes: escape before showing.
#[derive(ToSchema)]
pub(crate) struct SideOutput {
    /// Log lines, oldest first.
    log: Vec<LogLine>,
    /// Parts of the result ahead of the result.
    emitted: Vec<String>,
    /// Standard output.
    stdout: String,
    /// Standard error.
    stderr: String,
}

/// One log line of a guest.
#[derive(ToSchema)]
pub(crate) struct LogLine {
    /// `debug`, `info`, `warn` or `error`.
    level: String,
    /// What it says.
    message: String,
}

/// A call as the journal has it.
#[derive(ToSchema)]
pub(crate) struct CallRecord {
    /// Which call.
    call: String,
    /// Of which run.
    run: String,
    /// Which tool.
    tool: String,
    /// Which bytes.
    digest: String,
    /// Whether effects land.
    mode: Mode,
    /// Whether it could change anything: `none`, `possible` or `staged`.
    effects: String,
    /// Its key, if it has one.
    key: Option<String>,
    /// Who chose the key.
    scope: Option<String>,
    /// The text of its arguments, where it is kept. Any text: escape before showing.
    arguments: Option<String>,
    /// The digest of its canonical arguments.
    arguments_digest: String,
    /// When it was admitted, in microseconds since 1970.
    admitted_at: u64,
    /// How far it came: `admitted`, `settled`, `abandoned` or `unknown`.
    state: String,
    /// When it ended.
    settled_at: Option<u64>,
    /// Whether it gave a result.
    succeeded: Option<bool>,
    /// The result or the failure, as JSON text, where it is kept. Escape before showing.
    outcome: Option<String>,
    /// What it used of its limits, as JSON text.
    usage: Option<String>,
    /// Why nobody knows what it did. Any text: escape before showing.
    evidence: Option<String>,
}
