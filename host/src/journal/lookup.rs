//! Looking for entries of the audit, for what tools were used, and for records by the beginning of their names.

use rusqlite::{Connection, Row, params};
use toolhold_core::event::Entry;
use toolhold_core::id::{CallId, Digest, RunId, ToolName};

use super::audit::digest;
use super::calls::parsed;
use super::error::Error;

/// Most entries in a page.
const MAX_LISTED: u32 = 1000;

/// Which entries to list: all that fit every field that is set, newest first.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Of this kind: the `type` of an event, such as `call-denied`.
    pub kind: Option<String>,
    /// About this run, or about a call of it.
    pub run: Option<RunId>,
    /// About this call.
    pub call: Option<CallId>,
    /// Not before this, in microseconds since 1970.
    pub from: Option<u64>,
    /// Before this.
    pub until: Option<u64>,
    /// With a number below this one: the next page.
    pub before: Option<u64>,
    /// At most this many; 0 is 100.
    pub limit: u32,
}

/// An entry of the audit with its place.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct FoundEntry {
    /// Its number, from 1.
    pub sequence: u64,
    /// Its hash, which covers everything before it.
    pub hash: Digest,
    /// What it says.
    #[serde(flatten)]
    pub entry: Entry,
}

/// How often a tool was called.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ToolUse {
    /// Which tool.
    pub tool: ToolName,
    /// How many calls of it were admitted.
    pub calls: u64,
    /// When the last one was, in microseconds since 1970.
    pub last_at: u64,
}

/// Of what a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameOf {
    /// A call that was admitted.
    Call,
    /// A run, be it of an agent or of the calls of a client.
    Run,
    /// An approval.
    Approval,
}

/// The names that begin with `beginning`, in order: at most `limit`, and `beginning` itself before all others.
pub(super) fn names(connection: &Connection, of: NameOf, beginning: &str, limit: u32) -> Result<Vec<String>, Error> {
    let there = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    let is_there =
        |table: &str| connection.query_row(there, [table], |row| row.get::<_, i64>(0)).map(|count| count > 0);
    // Words of ours; an older database has fewer tables.
    let columns: &[(&str, &str)] = match of {
        NameOf::Call => &[("calls", "call")],
        NameOf::Run => &[("runs", "run"), ("calls", "run")],
        NameOf::Approval => &[("approvals", "approval")],
    };
    let mut parts = Vec::new();
    for (table, column) in columns {
        if is_there(table)? {
            parts.push(format!(
                "SELECT {column} AS name FROM {table} WHERE {column} >= ?1 AND substr({column}, 1, length(?1)) = ?1"
            ));
        }
    }
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(&format!("{} ORDER BY name LIMIT ?2", parts.join(" UNION ")))?;
    let rows = statement.query_map(params![beginning, limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The entries that fit, newest first.
pub(super) fn audit(connection: &Connection, filter: &AuditFilter) -> Result<Vec<FoundEntry>, Error> {
    let sql = "SELECT sequence, hash, body FROM audit WHERE sequence < ?1
                 AND (?2 IS NULL OR json_extract(body, '$.event.type') = ?2)
                 AND (?3 IS NULL OR json_extract(body, '$.event.call') = ?3 OR json_extract(body, '$.event.by') = ?3
                      OR json_extract(body, '$.event.entry.event.call') = ?3)
                 AND (?4 IS NULL OR json_extract(body, '$.event.run') = ?4
                      OR json_extract(body, '$.event.entry.event.run') = ?4
                      OR json_extract(body, '$.event.call') IN (SELECT call FROM calls WHERE run = ?4))
                 AND (?5 IS NULL OR json_extract(body, '$.at') >= ?5) AND (?6 IS NULL OR json_extract(body, '$.at') < ?6)
               ORDER BY sequence DESC LIMIT ?7";
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let limit = if filter.limit == 0 { 100 } else { filter.limit.min(MAX_LISTED) };
    let mut statement = connection.prepare(sql)?;
    let values = params![
        filter.before.map_or(i64::MAX, number),
        filter.kind,
        filter.call.as_ref().map(|call| call.as_str()),
        filter.run.as_ref().map(|run| run.as_str()),
        filter.from.map(number),
        filter.until.map(number),
        limit,
    ];
    let rows = statement.query_map(values, |row: &Row<'_>| {
        Ok(FoundEntry {
            sequence: row.get::<_, i64>(0)?.cast_unsigned(),
            hash: digest(row, 1)?,
            entry: parsed(row, 2, |text| serde_json::from_str(text).ok())?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Every tool that was ever called, by name.
pub(super) fn tools(connection: &Connection) -> Result<Vec<ToolUse>, Error> {
    let mut statement = connection.prepare("SELECT tool, count(*), max(admitted_at) FROM calls GROUP BY tool")?;
    let rows = statement.query_map([], |row| {
        Ok(ToolUse {
            tool: parsed(row, 0, |text| text.parse().ok())?,
            calls: row.get::<_, i64>(1)?.cast_unsigned(),
            last_at: row.get::<_, i64>(2)?.cast_unsigned(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
