//! `query`: one statement that only reads.

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Connection, Statement};
use toolhold_sdk::prelude::*;

use crate::bind;
use crate::mistake;
use crate::open::{Access, open};
use crate::rows::{self, Rows};

/// Rows returned unless asked otherwise.
const DEFAULT_LIMIT: usize = 100;
/// Rows returned at most.
const MAX_LIMIT: usize = 10_000;
/// What to do about a statement that is not allowed.
const HINT: &str = "does more than `query` allows, which reads; `execute` changes data and tables, and nothing attaches files, loads code or sets pragmas";

/// Asks a SQLite database: one `SELECT` (also `WITH`, `VALUES`, `EXPLAIN`, telling pragmas) with parameters. It changes nothing.
#[tool(
    title = "Query a SQLite database",
    hints(read_only, idempotent),
    needs(read("/**", "reads the database it is asked to query"))
)]
pub(crate) fn query(
    /// Absolute path of the database.
    path: String,
    /// One statement, with `?` or `:name` where values belong.
    sql: String,
    /// The values: an array for `?`, an object for `:name`. A blob is `{"base64": "…"}`.
    parameters: Option<Value>,
    /// Rows to return, at most 10000; 100 if left out.
    limit: Option<usize>,
) -> Result<Rows> {
    let connection = open(&path, Access::Read)?;
    let mut statement = single(&connection, &sql, HINT)?;
    if !statement.readonly() {
        return Err(Error::denied(format!("`sql` {HINT}")));
    }
    bind::bind(&mut statement, parameters.as_ref())?;
    rows::collect(&mut statement, limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT), HINT)
}

/// The one statement of a text.
///
/// # Errors
/// There is none, or there are several, or it is wrong or not allowed.
pub(crate) fn single<'a>(connection: &'a Connection, sql: &'a str, hint: &str) -> Result<Statement<'a>> {
    let mut batch = Batch::new(connection, sql);
    let first = batch.next().map_err(|error| mistake::of_statement(&error, hint))?;
    let first = first.ok_or_else(|| Error::invalid_args("`sql` has no statement"))?;
    match batch.next() {
        Ok(None) => Ok(first),
        _ => Err(Error::invalid_args("`sql` has more than one statement; give one at a time")),
    }
}
