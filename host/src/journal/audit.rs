//! The audit in the database: appended to, read in order, never changed.

use rusqlite::{Connection, OptionalExtension, Row, params};
use toolhold_core::chain::{Broken, Head, Why};
use toolhold_core::event::Entry;
use toolhold_core::id::Digest;

use super::error::Error;

/// One stored entry.
pub(super) struct Stored {
    pub(super) sequence: u64,
    pub(super) previous: Digest,
    pub(super) hash: Digest,
    pub(super) body: String,
}

/// Appends an entry and returns the new head.
pub(super) fn append(connection: &Connection, head: &Head, entry: &Entry) -> Result<Head, Error> {
    let body = serde_json::to_string(entry).map_err(|error| Error::Database(error.to_string()))?;
    let next = head.after(&body);
    connection
        .prepare_cached("INSERT INTO audit (sequence, previous, hash, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![next.sequence.cast_signed(), head.hash.as_bytes(), next.hash.as_bytes(), body])?;
    Ok(next)
}

/// The head that the last entry has. Its own hash is checked, so that nothing is chained to a damaged entry.
pub(super) fn last(connection: &Connection) -> Result<Head, Error> {
    let sql = "SELECT sequence, previous, hash, body FROM audit ORDER BY sequence DESC LIMIT 1";
    let Some(stored) = connection.query_row(sql, [], stored).optional()? else { return Ok(Head::default()) };
    let before = Head { sequence: stored.sequence.saturating_sub(1), hash: stored.previous };
    let head = before.after(&stored.body);
    if head.sequence != stored.sequence || head.hash != stored.hash {
        return Err(Broken { at: stored.sequence, why: Why::Changed }.into());
    }
    Ok(head)
}

/// Whether the entry that was `noted` is there.
pub(super) fn check_noted(connection: &Connection, noted: &Head, found: &Head) -> Result<(), Error> {
    let sql = "SELECT hash FROM audit WHERE sequence = ?1";
    let hash = match noted.sequence {
        0 => Some(Head::default().hash),
        number => connection.query_row(sql, [number.cast_signed()], |row| digest(row, 0)).optional()?,
    };
    match hash {
        Some(hash) if hash == noted.hash => Ok(()),
        Some(_) => Err(Broken { at: noted.sequence, why: Why::Replaced }.into()),
        None => Err(Error::Cut { noted: *noted, found: *found }),
    }
}

/// Calls `each` with every entry from number `from` on, in order, until it breaks off.
pub(super) fn walk<E: From<Error>>(
    connection: &Connection,
    from: u64,
    mut each: impl FnMut(Stored) -> Result<(), E>,
) -> Result<(), E> {
    let database = |error: rusqlite::Error| E::from(Error::from(error));
    let sql = "SELECT sequence, previous, hash, body FROM audit WHERE sequence >= ?1 ORDER BY sequence";
    let mut statement = connection.prepare(sql).map_err(database)?;
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let mut rows = statement.query([from]).map_err(database)?;
    while let Some(row) = rows.next().map_err(database)? {
        each(stored(row).map_err(database)?)?;
    }
    Ok(())
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let sequence = row.get::<_, i64>(0)?.cast_unsigned();
    Ok(Stored { sequence, previous: digest(row, 1)?, hash: digest(row, 2)?, body: row.get(3)? })
}

/// A digest in a column.
pub(super) fn digest(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    row.get(column).map(Digest::from_bytes)
}
