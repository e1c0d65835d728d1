//! `execute`: statements that change a database, in one transaction.

use rusqlite::hooks::{AuthContext, Authorization};
use toolhold_sdk::prelude::*;

use crate::bind;
use crate::mistake;
use crate::open::{Access, open};
use crate::query::single;
use crate::rows::{self, Rows};

/// Statements of a call.
const MAX_STATEMENTS: usize = 1000;
/// Rows returned of a statement.
const MAX_ROWS: usize = 1000;
/// What to do about a statement that is not allowed.
const HINT: &str = "does more than `execute` allows: it changes data and tables; the call is one transaction, and nothing attaches files, loads code, vacuums or sets pragmas";

/// One statement.
#[args]
#[derive(Debug)]
pub(crate) struct Step {
    /// The statement, with `?` or `:name` where values belong.
    sql: String,
    /// The values: an array for `?`, an object for `:name`. A blob is `{"base64": "…"}`.
    parameters: Option<Value>,
}

/// What a statement did.
#[output]
#[derive(Debug)]
pub(crate) struct Done {
    /// Rows that it inserted, updated or deleted.
    changes: u64,
    /// Its rows, if it has any (`RETURNING`, `SELECT`): at most 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Rows>,
}

/// What all did.
#[output]
#[derive(Debug)]
pub(crate) struct Executed {
    /// What each did, in order.
    steps: Vec<Done>,
    /// The id of the row that was inserted last.
    last_insert_rowid: i64,
}

/// Changes a SQLite database: statements in one transaction, all or none. Foreign keys are enforced.
#[tool(
    title = "Change a SQLite database",
    hints(destructive),
    needs(
        read("/**", "reads the database it is asked to change"),
        write("/**", "changes the database it is asked to change")
    )
)]
pub(crate) fn execute(
    /// Absolute path of the database.
    path: String,
    /// Statements, in this order.
    #[schemars(length(min = 1))]
    steps: Vec<Step>,
    /// Make the database if it is not there.
    #[serde(default)]
    create: bool,
) -> Result<Executed> {
    if steps.len() > MAX_STATEMENTS {
        return Err(Error::invalid_args(format!(
            "more than {MAX_STATEMENTS} steps; one with many rows does the work of many"
        )));
    }
    let connection = open(&path, if create { Access::Create } else { Access::Write })?;
    let own = |sql: &str| {
        // The call's own statements are not the caller's, and are not judged; the judge returns afterwards.
        connection.authorizer(None::<fn(AuthContext<'_>) -> Authorization>)?;
        connection.execute_batch(sql)?;
        connection.authorizer(Some(|context: AuthContext<'_>| crate::judge::judge(&context.action, Access::Write)))
    };
    own("BEGIN IMMEDIATE").map_err(|error| mistake::of_statement(&error, HINT))?;
    let mut done = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let result = run(&connection, step);
        let result = result.map_err(|error| match steps.len() {
            1 => error,
            count => error.context(format!("nothing was changed: step {} of {count}", index + 1)),
        });
        done.push(result?); // the transaction goes with the connection
    }
    own("COMMIT").map_err(|error| mistake::of_statement(&error, HINT))?;
    let last_insert_rowid = connection.last_insert_rowid();
    connection.close().map_err(|(_, error)| mistake::of_statement(&error, HINT))?;
    Ok(Executed { steps: done, last_insert_rowid })
}

fn run(connection: &rusqlite::Connection, step: &Step) -> Result<Done> {
    let mut statement = single(connection, &step.sql, HINT)?;
    bind::bind(&mut statement, step.parameters.as_ref())?;
    let before = connection.total_changes();
    if statement.column_count() == 0 {
        statement.raw_execute().map_err(|error| mistake::of_statement(&error, HINT))?;
        return Ok(Done { changes: connection.total_changes() - before, rows: None });
    }
    let rows = rows::collect(&mut statement, MAX_ROWS, HINT)?;
    drop(statement);
    Ok(Done { changes: connection.total_changes() - before, rows: Some(rows) })
}
