//! The audit in the database: appended to, read in order, never changed; what is old can be removed from its beginning.

use rusqlite::{Connection, OptionalExtension, Row, params};
use toolhold_core::chain::{Broken, Head, Why};
use toolhold_core::event::{Entry, Event};
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
    let body = text(entry).map_err(|error| Error::Database(error.to_string()))?;
    let next = head.after(&body);
    // Whatever is refused here ends the transaction: to end the statement alone, SQLite keeps what each page was like before it.
    connection
        .prepare_cached("INSERT OR ROLLBACK INTO audit (sequence, previous, hash, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![next.sequence.cast_signed(), head.hash.as_bytes(), next.hash.as_bytes(), body])?;
    Ok(next)
}

/// What is stored of an entry, in room that most of them fit into.
fn text(entry: &Entry) -> serde_json::Result<String> {
    let mut body = Vec::with_capacity(1024);
    serde_json::to_writer(&mut body, entry)?;
    String::from_utf8(body).map_err(serde::ser::Error::custom)
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

/// The last entry that was removed from the beginning, if the audit says so and begins right after it.
pub(super) fn start(connection: &Connection) -> Result<Head, Error> {
    if is_older(connection)? {
        return Ok(Head::default());
    }
    let sql = "SELECT sequence, hash, told FROM audit_start";
    let read = |row: &Row<'_>| {
        let head = Head { sequence: row.get::<_, i64>(0)?.cast_unsigned(), hash: digest(row, 1)? };
        Ok((head, row.get::<_, i64>(2)?))
    };
    let noted = connection.query_row(sql, [], read).optional()?;
    let (start, told) = noted.unwrap_or_default();
    if noted.is_some() {
        let sql = "SELECT body FROM audit WHERE sequence = ?1";
        let body: Option<String> = connection.query_row(sql, [told], |row| row.get(0)).optional()?;
        let says = body.and_then(|body| serde_json::from_str::<Entry>(&body).ok()).map(|entry| entry.event);
        if !matches!(says, Some(Event::JournalPruned { until, hash, .. }) if (until, hash) == (start.sequence, start.hash))
        {
            return Err(Broken { at: told.cast_unsigned(), why: Why::Beginning }.into());
        }
    }
    let first: Option<i64> = connection.query_row("SELECT min(sequence) FROM audit", [], |row| row.get(0))?;
    match first.map(i64::cast_unsigned) {
        Some(first) if first != start.sequence + 1 => {
            Err(Broken { at: start.sequence + 1, why: Why::Missing { found: first } }.into())
        }
        _ => Ok(start),
    }
}

/// Removes everything up to `until`, as the entry `told` says. It has to be there.
pub(super) fn cut(connection: &Connection, until: &Head, told: u64) -> Result<(), Error> {
    let sql = "INSERT INTO audit_start (only, sequence, hash, told) VALUES (1, ?1, ?2, ?3)
               ON CONFLICT (only) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash, told = excluded.told";
    let row = params![until.sequence.cast_signed(), until.hash.as_bytes(), told.cast_signed()];
    connection.prepare_cached(sql)?.execute(row)?;
    connection.prepare_cached("DELETE FROM audit WHERE sequence <= ?1")?.execute([until.sequence.cast_signed()])?;
    Ok(())
}

/// Readers bring no database up to date: they may not write.
fn is_older(connection: &Connection) -> Result<bool, Error> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'audit_start'";
    Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0)
}

/// Whether the entry that was `noted` is there, or was removed with those before `start`.
pub(super) fn check_noted(connection: &Connection, noted: &Head, (start, found): (&Head, &Head)) -> Result<(), Error> {
    let sql = "SELECT hash FROM audit WHERE sequence = ?1";
    let hash = match noted.sequence {
        number if number < start.sequence => return Ok(()),
        number if number == start.sequence => Some(start.hash),
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
