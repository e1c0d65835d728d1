//! What SQLite says, in words that tell a model what to do next.

use std::path::Path;

use rusqlite::ErrorCode;
use toolhold_sdk::prelude::*;

/// Characters of a statement shown at the place of a mistake.
const SHOWN: usize = 30;

/// Of a database that cannot be opened.
pub(crate) fn of_file(path: &Path, error: &rusqlite::Error) -> Error {
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Error::invalid_args(format!("`{shown}` is no SQLite database")),
        Some(ErrorCode::DatabaseCorrupt) => Error::failed(format!("`{shown}` is damaged: {error}")),
        Some(ErrorCode::ReadOnly) => Error::failed(format!(
            "`{shown}` was left in the middle of a change, with `{shown}-journal` beside it; `execute` puts it back to what it was"
        )),
        Some(ErrorCode::CannotOpen) => Error::denied(format!(
            "`{shown}` cannot be opened: what is needed of it, `{shown}-wal` and `{shown}-journal` is not granted"
        )),
        _ => Error::failed(format!("`{shown}`: {error}")),
    }
}

/// Of a statement.
pub(crate) fn of_statement(error: &rusqlite::Error, hint: &str) -> Error {
    match error {
        rusqlite::Error::SqlInputError { msg, sql, offset, .. } => {
            let start = usize::try_from(*offset).unwrap_or_default();
            let rest: String = sql.get(start..).unwrap_or_default().chars().take(SHOWN).collect();
            let place = if rest.is_empty() { "at its end".to_owned() } else { format!("at `{rest}`") };
            Error::invalid_args(format!("`sql`: {msg}, {place}"))
        }
        other => match other.sqlite_error_code() {
            Some(ErrorCode::AuthorizationForStatementDenied) => Error::denied(format!("`sql` {hint}")),
            Some(ErrorCode::ReadOnly) => Error::denied(format!("`sql` changes the database; {hint}")),
            Some(ErrorCode::ConstraintViolation) => Error::failed(format!("nothing was changed: {other}")),
            Some(ErrorCode::TooBig) => {
                Error::failed("a value or a row is too large; ask for parts of it, with `substr`")
            }
            _ => Error::failed(format!("{other}")),
        },
    }
}
