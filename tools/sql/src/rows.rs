//! Rows of a statement, as many as have room.

use rusqlite::Statement;
use toolhold_sdk::prelude::*;
use toolhold_sdk::serde_json::to_string;

use crate::cell;
use crate::mistake;

/// Bytes of all rows together.
const MAX_RESULT_BYTES: usize = 1024 * 1024;

/// Rows.
#[output]
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Names of the columns.
    pub(crate) columns: Vec<String>,
    /// The rows. A blob is `{"base64": "…"}`; of a cell of more than 65536 bytes there is `start` or `base64_start`, and `bytes`.
    pub(crate) rows: Vec<Vec<Value>>,
    /// True if there are more: raise `limit`, or use `LIMIT` and `OFFSET`.
    pub(crate) truncated: bool,
}

/// Runs a statement whose parameters are bound, up to so many rows.
///
/// # Errors
/// As SQLite says.
pub(crate) fn collect(statement: &mut Statement<'_>, limit: usize, hint: &str) -> Result<Rows> {
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let count = columns.len();
    let mut collected = Rows { columns, ..Rows::default() };
    let (mut rows, mut bytes) = (statement.raw_query(), 0);
    while let Some(row) = rows.next().map_err(|error| mistake::of_statement(&error, hint))? {
        let cells = (0..count).map(|index| row.get_ref(index).map(cell::to_json));
        let cells: Vec<Value> =
            cells.collect::<rusqlite::Result<_>>().map_err(|error| mistake::of_statement(&error, hint))?;
        bytes += to_string(&cells)?.len();
        if collected.rows.len() >= limit || bytes > MAX_RESULT_BYTES {
            collected.truncated = true;
            break;
        }
        collected.rows.push(cells);
    }
    Ok(collected)
}
