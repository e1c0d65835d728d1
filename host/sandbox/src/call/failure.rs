//! Why a call did not end with a result: the one place where wasmtime's errors become ours.
//!
//! A tool's own error, a trap, a crossed limit and a fault of the host are different things, and a model, an operator and
//! the retry logic each need to tell them apart. No text here contains a path of the host.

use std::any::Any;

use toolhold_core::limit::{Exceeded, Limit};
use toolhold_core::outcome::{Class, Failure};
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap as Code};

use super::limiter::Refused;
use super::state::{CallState, Exit};
use crate::bindings::toolhold::tool::types as wit;

/// Bytes of a tool's own error code.
const MAX_CODE: usize = 64;

/// What wasmtime says where a guest hands over more at once than was allowed; its type is not public.
const TRANSFER_EXHAUSTED: &str = "fuel allocated for hostcalls has been exhausted";

/// What wasmtime says where a guest holds more handles of all kinds than a store may have.
const HANDLES_EXHAUSTED: &str = "store handle limit exceeded";

/// Why a call did not end with a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunFailure {
    /// The tool says so itself.
    #[error("the tool failed: {}", .0.message())]
    Tool(ToolError),
    /// A limit was crossed.
    #[error(transparent)]
    Exceeded(Exceeded),
    /// The guest did something that WebAssembly or the interface between it and the host does not allow.
    #[error(transparent)]
    Trap(Trap),
    /// The guest ended itself instead of returning. For a tool that is a failure, whatever the status; a command that
    /// exits with 0 has succeeded.
    #[error("the tool exited with status {0} instead of returning")]
    Exit(u8),
    /// The call is a preview, and came to a request that may change something. What the tool would have done with the answer
    /// is not known, so it ends there; the guest learns nothing.
    #[error("the preview ended at a request that it may not send")]
    Withheld,
    /// The caller gave up.
    #[error("the call was cancelled")]
    Cancelled,
    /// Nothing was started, or nothing could go on: the host is full.
    #[error("the host is busy: {0}")]
    Busy(&'static str),
    /// The host failed. Not the guest's doing.
    #[error("the host failed: {0}")]
    Host(String),
}

/// What a tool says of its own failure. Any text: escape before showing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolError {
    /// The arguments make no sense.
    InvalidArguments(String),
    /// The host or a remote refused.
    Denied(String),
    /// What was named does not exist.
    NotFound(String),
    /// It was tried and did not work.
    Failed(String),
    /// It stopped because the caller gave up.
    Cancelled,
    /// A code of the tool's own, and a message.
    Other {
        /// The code.
        code: String,
        /// The message.
        message: String,
    },
}

impl ToolError {
    /// What it says.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::InvalidArguments(text) | Self::Denied(text) | Self::NotFound(text) | Self::Failed(text) => text,
            Self::Cancelled => "the tool stopped because the call was cancelled",
            Self::Other { message, .. } => message,
        }
    }
}

/// A trap of a guest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tool trapped: {detail}")]
pub struct Trap {
    /// A stable name, such as `unreachable`.
    pub code: &'static str,
    /// What happened.
    pub detail: String,
}

/// A guest was stopped from outside. Returned as an error by host functions and ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stopped {
    /// At a limit.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// By its caller.
    #[error("the call was cancelled")]
    Cancelled,
    /// At a request that a preview may not send.
    #[error("the preview ended at a request that it may not send")]
    Withheld,
}

/// A host function could not do what it is for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct HostFault(pub(crate) String);

/// The error of a host function that panicked. The message may say anything, so it goes to the log only.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> wasmtime::Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = %text, "a host function panicked");
    HostFault("a host function panicked".into()).into()
}

/// Why the guest of `state` ended with `error`.
pub(crate) fn classify(state: &CallState, error: &wasmtime::Error) -> RunFailure {
    // First of all: what the guest ran into afterwards, such as handles that are gone, only comes of this.
    if let Some(limit) = state.stop.crossed() {
        return RunFailure::Exceeded(limit);
    }
    if let Some(failure) = ours(error) {
        return failure;
    }
    let exceeded = |limit| RunFailure::Exceeded(state.meter.exceeded(limit));
    match error.downcast_ref::<Code>() {
        Some(Code::OutOfFuel) => return exceeded(Limit::Fuel),
        Some(Code::Interrupt) => return exceeded(Limit::Time),
        _ => {}
    }
    if matches!(error.downcast_ref::<ResourceTableError>(), Some(ResourceTableError::Full)) {
        return exceeded(Limit::Handles);
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return RunFailure::Busy("no room for another instance");
    }
    // A guest that aborts after a failed allocation ends in some trap; what it was refused is why.
    match state.limiter.refused() {
        Some(Refused::Limit(limit)) => return RunFailure::Exceeded(limit),
        Some(Refused::HostFull) => return RunFailure::Busy("all calls together hold too much memory"),
        None => {}
    }
    let text = error.root_cause().to_string();
    if text.contains(TRANSFER_EXHAUSTED) {
        return exceeded(Limit::Output);
    }
    if text.contains(HANDLES_EXHAUSTED) {
        return exceeded(Limit::Handles);
    }
    RunFailure::Trap(Trap { code: error.downcast_ref::<Code>().map_or("invalid-call", code), detail: text })
}

/// What our own host functions end a guest with.
fn ours(error: &wasmtime::Error) -> Option<RunFailure> {
    if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
        return Some(RunFailure::Exceeded(*exceeded));
    }
    if let Some(stopped) = error.downcast_ref::<Stopped>() {
        return Some(match stopped {
            Stopped::Exceeded(exceeded) => RunFailure::Exceeded(*exceeded),
            Stopped::Cancelled => RunFailure::Cancelled,
            Stopped::Withheld => RunFailure::Withheld,
        });
    }
    if let Some(Exit(status)) = error.downcast_ref::<Exit>() {
        return Some(RunFailure::Exit(*status));
    }
    error.downcast_ref::<HostFault>().map(|fault| RunFailure::Host(fault.0.clone()))
}

fn code(trap: &Code) -> &'static str {
    match trap {
        Code::StackOverflow => "stack-overflow",
        Code::MemoryOutOfBounds => "memory-out-of-bounds",
        Code::TableOutOfBounds => "table-out-of-bounds",
        Code::IndirectCallToNull => "call-of-null",
        Code::BadSignature => "call-of-wrong-type",
        Code::IntegerOverflow => "integer-overflow",
        Code::IntegerDivisionByZero => "division-by-zero",
        Code::BadConversionToInteger => "bad-conversion",
        Code::UnreachableCodeReached => "unreachable",
        _ => "invalid-call",
    }
}

/// The tool's own error, in our words.
pub(crate) fn tool_error(error: wit::ToolError) -> ToolError {
    match error {
        wit::ToolError::InvalidArgs(text) => ToolError::InvalidArguments(text),
        wit::ToolError::Denied(text) => ToolError::Denied(text),
        wit::ToolError::NotFound(text) => ToolError::NotFound(text),
        wit::ToolError::Failed(text) => ToolError::Failed(text),
        wit::ToolError::Cancelled => ToolError::Cancelled,
        wit::ToolError::Other((code, message)) => ToolError::Other { code, message },
    }
}

impl From<RunFailure> for Failure {
    fn from(failure: RunFailure) -> Self {
        match failure {
            RunFailure::Tool(error) => of_tool(error),
            RunFailure::Exceeded(exceeded) => exceeded.into(),
            RunFailure::Trap(trap) => {
                let message = "the tool stopped with an internal error; the same arguments will do the same again";
                Self::new(Class::Trap, "trap", message).with_detail(format!("{}: {}", trap.code, trap.detail))
            }
            RunFailure::Exit(status) => {
                let message = format!("the tool exited with status {status} instead of returning a result");
                Self::new(Class::Trap, "exited", message)
            }
            RunFailure::Withheld => {
                let message =
                    "this was a preview, and it ends here: the tool came to a request that only a real call may send";
                Self::new(Class::Withheld, "withheld", message)
            }
            RunFailure::Cancelled => Self::new(Class::Cancelled, "cancelled", "the call was cancelled"),
            RunFailure::Busy(why) => {
                Self::new(Class::Busy, "busy", "the host is busy; try again in a moment").with_detail(why)
            }
            RunFailure::Host(detail) => {
                Self::new(Class::Host, "host-fault", "the host failed; this is not the tool's doing")
                    .with_detail(detail)
            }
        }
    }
}

fn of_tool(error: ToolError) -> Failure {
    match error {
        ToolError::InvalidArguments(text) => Failure::new(Class::InvalidArguments, "tool-invalid-args", text),
        ToolError::Denied(text) => Failure::new(Class::Denied, "tool-denied", text),
        ToolError::NotFound(text) => Failure::new(Class::Tool, "not-found", text),
        ToolError::Failed(text) => Failure::new(Class::Tool, "failed", text),
        ToolError::Cancelled => {
            Failure::new(Class::Cancelled, "cancelled", "the tool stopped because the call was cancelled")
        }
        ToolError::Other { code, message } => {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            let usable = !code.is_empty() && code.len() <= MAX_CODE && code.bytes().all(plain);
            // A code is compared and looked up; one that could be anything would be a message.
            let code = if usable { format!("tool:{code}") } else { "failed".into() };
            Failure::new(Class::Tool, code, message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_own_code_is_kept_apart_from_ours_and_never_free_text() {
        let other = |code: &str| of_tool(ToolError::Other { code: code.into(), message: "m".into() }).code;
        assert_eq!(other("limit-crossed"), "tool:limit-crossed");
        assert_eq!(other("a b\n"), "failed");
        assert_eq!(other(""), "failed");
        assert_eq!(other(&"x".repeat(65)), "failed");
    }

    #[test]
    fn a_model_is_not_shown_what_is_for_the_operator() {
        let failure = Failure::from(RunFailure::Host("/secret/path".into()));
        assert!(!failure.message.contains("secret"));
        assert_eq!(failure.detail.as_deref(), Some("/secret/path"));
    }
}
