//! Why a call did not run, or its outcome is not known: for the model, for the operator and for the audit.

use toolhold_core::call::{AuthorizedCall, ToolCall};
use toolhold_core::event::Event;
use toolhold_core::id::{CallId, Digest, ToolDigest};
use toolhold_core::outcome::{CallReport, Class, Failure};
use toolhold_core::policy::{Denial, Question};
use toolhold_core::schema::Violations;
use toolhold_core::tool::{Tool, UnknownTool};

use crate::journal::{self, Admission};
use crate::report;

/// Why a call did not run.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) failure: Failure,
    pub(crate) digest: Option<ToolDigest>,
    arguments: Option<Digest>,
    rule: Option<String>,
}

impl Refusal {
    fn new(failure: Failure, tool: Option<&Tool>) -> Self {
        Self { failure, digest: tool.map(Tool::digest), arguments: None, rule: None }
    }

    /// There is no such tool.
    pub(crate) fn unknown(error: UnknownTool) -> Box<Self> {
        Box::new(Self::new(Failure::new(Class::UnknownTool, "unknown-tool", error.to_string()), None))
    }

    /// The arguments do not conform.
    pub(crate) fn invalid(tool: &Tool, violations: &Violations) -> Box<Self> {
        let failure = Failure::new(Class::InvalidArguments, "invalid-arguments", violations.to_string());
        Box::new(Self::new(failure.with_violations(violations), Some(tool)))
    }

    /// A key is stored and found again by its text.
    pub(crate) fn secret_in_key(tool: &Tool) -> Box<Self> {
        let message = "the idempotency key holds a secret, and keys are stored; use another key";
        Box::new(Self::new(Failure::new(Class::InvalidArguments, "secret-in-key", message), Some(tool)))
    }

    /// The dry run has staged as much as it may.
    pub(crate) fn dry_run_full(tool: &Tool, staged: u64, most: u64) -> Box<Self> {
        let message = "this dry run has staged as much as it may, so no further call is made in it; say what you have found so far";
        let detail = format!(
            "{staged} bytes were staged, at most {most} are (the larger of 1 GiB and `undo-bytes` in `[host]`)"
        );
        Box::new(Self::new(Failure::new(Class::Limit, "dry-run-full", message).with_detail(detail), Some(tool)))
    }

    /// Policy refused.
    pub(crate) fn denied(tool: &Tool, arguments: Digest, denial: Denial) -> Box<Self> {
        let rule = denial.rule.as_ref().map(|rule| rule.name.clone());
        Box::new(Self { arguments: Some(arguments), rule, ..Self::new(denial.into(), Some(tool)) })
    }

    /// It is not started now: what it depends on is left alone, or was called as often as it may be.
    pub(crate) fn unavailable(tool: &Tool, failure: Failure) -> Box<Self> {
        Box::new(Self::new(failure, Some(tool)))
    }

    /// A rule asks for a person, and this is why the call is not made.
    pub(crate) fn asked(question: &Question, failure: Failure) -> Self {
        let (arguments, rule) = (Some(question.call.arguments_digest()), Some(question.rule.name.clone()));
        Self { failure, digest: Some(question.call.digest()), arguments, rule }
    }

    /// The audit's word for it.
    pub(crate) fn event(&self, id: &CallId, call: &ToolCall) -> Event {
        let (id, run, tool, code) = (id.clone(), call.run.clone(), shortened(&call.tool), self.failure.code.clone());
        match self.failure.class {
            Class::Denied => {
                Event::CallDenied { call: id, run, tool, arguments: self.arguments, code, rule: self.rule.clone() }
            }
            Class::Unavailable | Class::AwaitingApproval => Event::CallTurnedAway { call: id, run, tool, code },
            _ => Event::CallInvalid { call: id, run, tool, code },
        }
    }
}

/// A caller may spell a tool in any length.
fn shortened(tool: &str) -> String {
    tool.chars().take(200).collect()
}

/// The report of a call that was not run because an earlier one has its key.
pub(crate) fn not_run(id: CallId, call: &ToolCall, authorized: &AuthorizedCall, admission: Admission) -> CallReport {
    let conflict = |code, message: &str, detail: String| {
        toolhold_core::outcome::Outcome::Failure(Failure::new(Class::Host, code, message).with_detail(detail))
    };
    let (outcome, replayed) = match admission {
        Admission::Replay(settled) => (settled.outcome, true),
        Admission::Fresh => (conflict("host-fault", "the host failed", "a fresh call was not run".to_owned()), false),
        Admission::InFlight { call } => (
            conflict(
                "in-flight",
                "a call with the same idempotency key is running and did not end in time; wait for it",
                format!("it is call {call}"),
            ),
            false,
        ),
        Admission::Conflict { call, differs } => {
            let detail = format!("it belongs to call {call}, which differs in {differs}");
            (conflict("key-conflict", "the idempotency key belongs to another call; use another key", detail), false)
        }
        Admission::Unknown { call } => {
            let message =
                "an earlier call with this idempotency key was cut off and may have acted; a person has to look";
            let detail = format!("it is call {call}; settle it with `toolhold unknown resolve {call}`");
            (conflict("outcome-unknown", message, detail), false)
        }
        Admission::NotApproved { approval } => {
            let message = "denied: the approval of this call was used by another one, or is over. Make the call again to have it asked about";
            let failure = Failure::new(Class::Denied, "approval-used", message);
            let failure = Failure { approval: Some(approval), ..failure };
            (toolhold_core::outcome::Outcome::Failure(failure), false)
        }
    };
    report::instead(id, call, authorized, outcome, replayed)
}

/// The report of a call that was not run because its intent could not be written.
pub(crate) fn unrecorded(
    id: CallId,
    call: &ToolCall,
    authorized: &AuthorizedCall,
    error: &journal::Error,
) -> CallReport {
    report::instead(id, call, authorized, toolhold_core::outcome::Outcome::Failure(journal_unavailable(error)), false)
}

/// Nothing runs without its record.
pub(crate) fn journal_unavailable(error: &journal::Error) -> Failure {
    let message = "the host cannot record calls, so it runs none; this is not the tool's doing";
    Failure::new(Class::Host, "journal-unavailable", message).with_detail(error.to_string())
}

/// What would have to be written down of the call's changes holds a secret. They did not land.
pub(crate) fn secret_in_path() -> Failure {
    let message =
        "a path that the call changed holds a secret, and paths are stored; nothing was changed. Use another name";
    Failure::new(Class::Denied, "secret-in-path", message)
}

/// It ran, and only the intent is on record.
pub(crate) fn outcome_unrecorded(error: &journal::Error) -> Failure {
    let message = "the call ran, but its outcome could not be recorded; a person has to look before it is repeated";
    Failure::new(Class::Host, "outcome-unrecorded", message).with_detail(error.to_string())
}

/// The tool broke its own word.
pub(crate) fn invalid_output(violations: &Violations) -> Failure {
    let message = "the tool gave a result that breaks its own schema; this is not the arguments' doing";
    Failure::new(Class::InvalidOutput, "invalid-output", message).with_detail(violations.to_string())
}

/// A preview is not applied.
pub(crate) fn not_applicable(why: &str) -> Failure {
    Failure::new(Class::Denied, "not-applicable", format!("the preview cannot be applied: {why}"))
}

/// Nobody waited for the end.
pub(crate) fn caller_gone() -> Failure {
    Failure::new(Class::Cancelled, "caller-gone", "the caller went away before the call ended; it was stopped")
}
