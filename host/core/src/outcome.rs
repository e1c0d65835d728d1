//! What came of a call.
//!
//! A tool's own error, a trap of the guest, a crossed limit and a fault of the host are different things: they are
//! retried, counted and shown differently. What the model sees and what the operator sees are kept apart.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::{Approved, Mode};
use crate::effect::{EffectReport, Notes};
use crate::id::{ApprovalId, CallId, ToolDigest, ToolName};
use crate::limit::{Exceeded, Limits, Usage};

/// Everything that a front learns of a call.
#[derive(Debug, Clone)]
pub struct CallReport {
    /// The journal's name for it.
    pub call: CallId,
    /// The tool, as it was asked for.
    pub tool: String,
    /// Which bytes ran; `None` where it did not come so far.
    pub digest: Option<ToolDigest>,
    /// Whether effects land.
    pub mode: Mode,
    /// What came of it.
    pub outcome: Outcome,
    /// What it used of its limits.
    pub usage: Usage,
    /// What it was allowed of each.
    pub limits: Limits,
    /// What the guest said on the side. For the operator; the model sees the outcome only.
    pub output: SideOutput,
    /// What it touched, and what the host refused within it. For the operator.
    pub notes: Notes,
    /// What it changed and requested outside of its sandbox; of a preview, what it would have. For the operator.
    pub effects: EffectReport,
    /// This is the stored outcome of an earlier call with the same key; nothing ran.
    pub replayed: bool,
    /// How many attempts were made; 0 where nothing ran.
    pub attempts: u32,
    /// What gave the result instead of the tool, which failed.
    pub served_by: Option<ServedBy>,
    /// The word of a person by which it was made, if it took one.
    pub approved: Option<Approved>,
}

/// What stood in for a tool that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ServedBy {
    /// Another tool, which was called with the same arguments and decided on like any other call.
    Tool {
        /// Which.
        tool: ToolName,
    },
    /// A fixed value of the manifest.
    Value,
}

impl ServedBy {
    /// What a model and a person are told beside such a result: it must not pass for the tool's own.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Tool { tool } => format!(
                "the tool that was called is not available; this is the answer of the tool `{tool}` to the same arguments"
            ),
            Self::Value => "the tool that was called is not available; this is a fixed value that stands in for its \
                            result, and says nothing of what was asked for"
                .to_owned(),
        }
    }
}

/// What a guest said beside its result, within the limits of each.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SideOutput {
    /// Log lines, oldest first.
    pub log: Vec<LogLine>,
    /// Parts of the result ahead of the result.
    pub emitted: Vec<String>,
    /// Standard output. Any bytes: escape before showing.
    pub stdout: String,
    /// Standard error. Any bytes: escape before showing.
    pub stderr: String,
}

/// One log line of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// What it says. Any text: escape before showing.
    pub message: String,
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// For the tool's author.
    Debug,
    /// For whoever wants to follow.
    Info,
    /// Something to look at.
    Warn,
    /// Something that went wrong.
    Error,
}

/// What came of a call that reached the sandbox.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The tool's result.
    Success(Value),
    /// Anything else.
    Failure(Failure),
}

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind.
    pub class: Class,
    /// A stable code with a page in `docs/errors.md`, such as `limit-crossed` or a tool's own code.
    pub code: String,
    /// For the model: what went wrong and what to do next. Names no host path, no secret.
    pub message: String,
    /// For the operator: everything known. Never shown to a guest or a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The limit that was crossed, if that is why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exceeded: Option<Exceeded>,
    /// What is wrong with the arguments, if that is why: a list of places and words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub violations: Option<Value>,
    /// In how many seconds it may be tried again, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after: Option<u64>,
    /// What the call depends on is at fault, not what was asked for: a fallback may stand in.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub dependency: bool,
    /// It changed something before it failed, or may have: no other tool stands in for it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub acted: bool,
    /// The approval that it waits for, or that was refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub approval: Option<ApprovalId>,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// No such tool in the manifest or the component.
    UnknownTool,
    /// The arguments do not conform to the schema, or the tool says they make no sense.
    InvalidArguments,
    /// Policy refused the call, or the host refused something within it.
    Denied,
    /// The tool reports that it did not work.
    Tool,
    /// A limit was crossed.
    Limit,
    /// The guest trapped.
    Trap,
    /// The result does not conform to the output schema or is not JSON.
    InvalidOutput,
    /// Somebody else changed what the call wanted to change; nothing of it was kept.
    Conflict,
    /// A person has to decide first; nothing was started.
    AwaitingApproval,
    /// A preview came to a request that it may not send.
    Withheld,
    /// The caller gave up.
    Cancelled,
    /// The host is full; nothing was started.
    Busy,
    /// What the call depends on is left alone for a while, or has been called as often as it may be; nothing was started.
    Unavailable,
    /// The host failed. Not the guest's doing.
    Host,
}

impl Failure {
    /// A failure with a message for the model only.
    #[must_use]
    pub fn new(class: Class, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            class,
            code: code.into(),
            message: message.into(),
            detail: None,
            exceeded: None,
            violations: None,
            retry_after: None,
            dependency: false,
            acted: false,
            approval: None,
        }
    }

    /// Adds a line to what only the operator may know.
    #[must_use]
    pub fn and_detail(mut self, more: impl AsRef<str>) -> Self {
        let more = more.as_ref();
        self.detail = Some(self.detail.map_or_else(|| more.to_owned(), |detail| format!("{detail}\n{more}")));
        self
    }

    /// Adds what only the operator may know.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds what is wrong with the arguments, place by place.
    #[must_use]
    pub fn with_violations(mut self, violations: &crate::schema::Violations) -> Self {
        self.violations = serde_json::to_value(violations).ok();
        self
    }
}

impl From<Exceeded> for Failure {
    fn from(exceeded: Exceeded) -> Self {
        let message = format!("the call was stopped at its `{}` limit; ask for less at once", exceeded.limit);
        Self {
            exceeded: Some(exceeded),
            ..Self::new(Class::Limit, "limit-crossed", message).with_detail(exceeded.to_string())
        }
    }
}
