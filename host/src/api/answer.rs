//! Errors of everything below, as problems. What goes into a detail was chosen by whoever called a tool: it is escaped.

use serde_json::json;
use toolhold_core::escape;

use crate::agent::model::SpecError;
use crate::problem::{Code, Problem};
use crate::runs::service::Refused;
use crate::{UndoError, runs};
use crate::{approvals, journal};

/// How long whoever finds everything taken is told to wait, in seconds.
const WHILE_FULL: u64 = 5;

/// A problem of this kind, in these words.
pub(super) fn problem(code: Code, words: impl std::fmt::Display) -> Problem {
    Problem::new(code, escape::line(&words.to_string()).into_owned())
}

/// There is nothing of that name.
pub(super) fn not_found(words: impl std::fmt::Display) -> Problem {
    problem(Code::NotFound, words)
}

/// The request is not what it should be.
pub(super) fn bad(words: impl std::fmt::Display) -> Problem {
    problem(Code::BadRequest, words)
}

/// A parameter names something that there is not.
pub(super) fn no_such(parameter: &str, what: &str) -> Problem {
    bad(format!("`{parameter}`: there is no such {what}"))
}

/// The server failed, which is said to whoever runs it too.
pub(super) fn failed(words: impl std::fmt::Display) -> Problem {
    tracing::error!(error = %words, "a request was not answered");
    problem(Code::Internal, words)
}

/// Everything is taken.
pub(super) fn full(code: Code, words: impl std::fmt::Display) -> Problem {
    problem(code, words).retry_after(WHILE_FULL)
}

/// The path is there and does not take the method.
pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        "this path does not take that method; `/v1/openapi.json` has those that it takes",
    )
}

/// An error of the journal.
pub(super) fn journal(error: journal::Error) -> Problem {
    match error {
        journal::Error::NoApproval(_) => not_found(error),
        journal::Error::NotUnknown(_)
        | journal::Error::HalfLanded { .. }
        | journal::Error::Taken(_)
        | journal::Error::ApprovalOver(_)
        | journal::Error::Unanswerable { .. } => problem(Code::NotNow, error),
        journal::Error::Broken(_) | journal::Error::Cut { .. } | journal::Error::Corrupt(_) => {
            problem(Code::AuditBroken, error)
        }
        other => failed(other),
    }
}

/// An error about a run.
pub(super) fn run(error: runs::Error) -> Problem {
    use runs::Error;
    match error {
        Error::NoSuchRun(_) | Error::NoSuchStep { .. } | Error::NoCall { .. } => not_found(error),
        Error::Expired(_) => problem(Code::Gone, error),
        Error::NotNow { .. }
        | Error::HalfCopied { .. }
        | Error::NotKept { .. }
        | Error::DryRun(_)
        | Error::HalfDone { .. } => problem(Code::NotNow, error),
        Error::Journal(error) => journal(error),
        Error::Unreadable { .. } | Error::Damaged { .. } | Error::Stopped(_) | Error::File { .. } => failed(error),
    }
}

/// Why a run is not worked on.
pub(super) fn refused(error: Refused) -> Problem {
    match error {
        Refused::Task(_) | Refused::AnswerSchema(_) => bad(error),
        Refused::NoModel | Refused::Model(SpecError::NoSuchModel { .. } | SpecError::NotHere(_)) => {
            problem(Code::NoSuchModel, error)
        }
        Refused::Model(_) => failed(error),
        Refused::Blocked(_) => problem(Code::RunBlocked, error),
        Refused::OtherTask(_) => problem(Code::KeyConflict, error),
        Refused::AtWork(_) => problem(Code::NotNow, error),
        Refused::Full(_) => full(Code::RunsFull, error),
        Refused::Ending => problem(Code::ShuttingDown, error),
        Refused::Run(error) => run(error),
    }
}

/// Why a call was not taken back.
pub(super) fn undo(error: UndoError) -> Problem {
    match &error {
        UndoError::Nothing(_) => not_found(&error),
        UndoError::Expired(_) => problem(Code::Gone, &error),
        UndoError::State { .. } => problem(Code::NotNow, &error),
        _ if !error.conflicts().is_empty() => {
            let paths: Vec<String> = error.conflicts().iter().map(|path| escape::line(path).into_owned()).collect();
            problem(Code::Conflict, &error).with("paths", paths)
        }
        _ => failed(&error),
    }
}

/// Why a decision is none.
pub(super) fn approval(error: approvals::Error) -> Problem {
    use approvals::Error;
    match error {
        Error::Journal(error) => journal(error),
        Error::Invalid(violations) => {
            problem(Code::InvalidArguments, &violations).with("violations", json!(violations))
        }
        Error::Denied(_) | Error::Refused(_) => problem(Code::StillDenied, error),
        Error::Changed(_) => problem(Code::NotNow, error),
    }
}
