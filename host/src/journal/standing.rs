//! What the audit says last of each manifest and component: a note of it beside the audit, so that it is said once.
//!
//! Written in the transaction of the entry it notes. It decides only whether an entry is worth adding; `audit verify`
//! compares it with the entries, so nobody hides a change by writing it here.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use toolhold_core::event::Standing;
use toolhold_core::id::Digest;

use super::audit::digest;
use super::error::Error;

/// What was said last of the same thing.
pub(super) fn last(connection: &Connection, said: &Standing<'_>) -> Result<Option<Digest>, Error> {
    let sql = "SELECT digest FROM standing WHERE kind = ?1 AND name = ?2";
    Ok(connection.prepare_cached(sql)?.query_row([said.kind, said.name], |row| digest(row, 0)).optional()?)
}

/// Notes what is about to be said. `false` where the audit says it already.
pub(super) fn is_news(connection: &Connection, said: &Standing<'_>) -> Result<bool, Error> {
    if last(connection, said)? == Some(said.digest) {
        return Ok(false);
    }
    let sql = "INSERT INTO standing (kind, name, digest) VALUES (?1, ?2, ?3)
               ON CONFLICT (kind, name) DO UPDATE SET digest = excluded.digest";
    connection.prepare_cached(sql)?.execute(params![said.kind, said.name, said.digest.as_bytes()])?;
    Ok(true)
}

/// Kind and name, and the digest that was said last.
pub(super) type Said = BTreeMap<(String, String), Digest>;

/// All that is noted. Nothing in a database that is older than the notes.
pub(super) fn all(connection: &Connection) -> Result<Said, Error> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'standing'";
    if connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(Said::new());
    }
    let mut statement = connection.prepare("SELECT kind, name, digest FROM standing")?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), digest(row, 2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
