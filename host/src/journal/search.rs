//! Looking for entries of the audit, a page at a time.
//!
//! The audit has no index but its numbers: a search reads entries in order and stops after so many, found or not, and says where to
//! go on. So no question takes longer than another.

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde_json::Value;
use toolhold_core::id::{CallId, Digest, RunId};

use super::audit::{self, Stored};
use super::error::Error;

/// Entries that one page looks through at most.
const LOOKED_THROUGH: u64 = 20_000;

/// Calls of a run whose entries are looked for.
const MOST_CALLS: u32 = 10_000;

/// Which entries are looked for: those that fit every field that is set.
#[derive(Debug, Clone, Default)]
pub struct AuditSearch {
    /// With a number greater than this.
    pub after: u64,
    /// At most this many; 0 is 100.
    pub limit: u32,
    /// Of this run, its calls included.
    pub run: Option<RunId>,
    /// Of this call.
    pub call: Option<CallId>,
    /// Of this kind, such as `call-denied`.
    pub kind: Option<String>,
    /// Not before this time, in microseconds since 1970.
    pub since: Option<u64>,
    /// Before this time.
    pub until: Option<u64>,
}

/// An entry as it is stored: what its hash covers is the text of `body` in the export.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct AuditEntry {
    /// Its number: each is one greater than the last.
    pub sequence: u64,
    /// The hash of the one before it.
    pub previous: Digest,
    /// Its hash.
    pub hash: Digest,
    /// What it says.
    pub body: Value,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct AuditPage {
    /// The entries, in order.
    pub entries: Vec<AuditEntry>,
    /// From where to go on, as `after`; `None` where the end was reached. A page may have no entries and a place to go on.
    pub next: Option<u64>,
}

/// Why the walk ended before the end.
enum Break {
    Full,
    Failed(Error),
}

impl From<Error> for Break {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

pub(super) fn page(connection: &Connection, search: &AuditSearch) -> Result<AuditPage, Error> {
    page_within(connection, search, LOOKED_THROUGH)
}

fn page_within(connection: &Connection, search: &AuditSearch, most: u64) -> Result<AuditPage, Error> {
    let limit = if search.limit == 0 { 100 } else { search.limit };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let calls = search.run.as_ref().map(|run| calls_of(connection, run)).transpose()?;
    let (mut entries, mut looked, mut last) = (Vec::new(), 0, search.after);
    let walked = audit::walk(connection, search.after.saturating_add(1), |stored: Stored| {
        if looked >= most || entries.len() >= limit {
            return Err(Break::Full);
        }
        (looked, last) = (looked + 1, stored.sequence);
        let unreadable = |error: serde_json::Error| Error::Corrupt(format!("entry {}: {error}", stored.sequence));
        let body: Value = serde_json::from_str(&stored.body).map_err(unreadable)?;
        if fits(&body, search, calls.as_ref()) {
            let Stored { sequence, previous, hash, .. } = stored;
            entries.push(AuditEntry { sequence, previous, hash, body });
        }
        Ok(())
    });
    match walked {
        Ok(()) => Ok(AuditPage { entries, next: None }),
        Err(Break::Full) => Ok(AuditPage { entries, next: Some(last) }),
        Err(Break::Failed(error)) => Err(error),
    }
}

fn calls_of(connection: &Connection, run: &RunId) -> Result<BTreeSet<String>, Error> {
    let mut statement = connection.prepare_cached("SELECT call FROM calls WHERE run = ?1 LIMIT ?2")?;
    let rows = statement.query_map(rusqlite::params![run.as_str(), MOST_CALLS], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn fits(body: &Value, search: &AuditSearch, calls: Option<&BTreeSet<String>>) -> bool {
    // Of an entry that was said again, what it says.
    let own = body.get("event");
    let event = body.pointer("/event/entry/event").or(own);
    let word = |name: &str| event?.get(name)?.as_str();
    let at = body.get("at").and_then(Value::as_u64).unwrap_or_default();
    let of_run = |run: &RunId| {
        let named = ["run", "from"].into_iter().any(|name| word(name) == Some(run.as_str()));
        named || word("call").zip(calls).is_some_and(|(call, calls)| calls.contains(call))
    };
    search.run.as_ref().is_none_or(of_run)
        && search
            .call
            .as_ref()
            .is_none_or(|call| ["call", "by"].into_iter().any(|name| word(name) == Some(call.as_str())))
        && search.kind.as_deref().is_none_or(|kind| {
            word("type") == Some(kind) || body.pointer("/event/type").and_then(Value::as_str) == Some(kind)
        })
        && search.since.is_none_or(|since| at >= since)
        && search.until.is_none_or(|until| at < until)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Entries of two runs, `a` and `b`, one a second.
    fn audit() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let tables = "CREATE TABLE audit (sequence INTEGER, previous BLOB, hash BLOB, body TEXT); CREATE TABLE calls (call TEXT, run TEXT);
                      INSERT INTO calls VALUES ('c1', 'a'), ('c2', 'b');";
        connection.execute_batch(tables).unwrap();
        let events = [
            json!({ "type": "run-started", "run": "a" }),
            json!({ "type": "run-forked", "run": "b", "from": "a" }),
            json!({ "type": "call-settled", "call": "c1" }),
            json!({ "type": "call-settled", "call": "c2" }),
            json!({ "type": "call-denied", "call": "c3", "run": "b" }),
            json!({ "type": "manifest-loaded" }),
        ];
        for (number, event) in (1..).zip(events) {
            let body = json!({ "version": 1, "at": number * 1_000_000, "event": event }).to_string();
            let (hash, sql) = ([0_u8; 32], "INSERT INTO audit VALUES (?1, ?2, ?2, ?3)");
            connection.execute(sql, rusqlite::params![number, hash, body]).unwrap();
        }
        connection
    }

    fn found(search: AuditSearch) -> (Vec<u64>, Option<u64>) {
        let page = page(&audit(), &search).unwrap();
        (page.entries.iter().map(|entry| entry.sequence).collect(), page.next)
    }

    #[test]
    fn what_is_found_fits_everything_that_is_asked_for() {
        let search = AuditSearch::default;
        assert_eq!(found(search()), (vec![1, 2, 3, 4, 5, 6], None));
        assert_eq!(found(AuditSearch { run: Some("a".parse().unwrap()), ..search() }).0, [1, 2, 3]);
        assert_eq!(found(AuditSearch { run: Some("b".parse().unwrap()), ..search() }).0, [2, 4, 5]);
        assert_eq!(found(AuditSearch { call: Some("c3".parse().unwrap()), ..search() }).0, [5]);
        assert_eq!(found(AuditSearch { kind: Some("call-settled".into()), ..search() }).0, [3, 4]);
        assert_eq!(found(AuditSearch { kind: Some("call".into()), ..search() }).0, [0; 0]);
        let time = AuditSearch { since: Some(2_000_000), until: Some(5_000_000), ..search() };
        assert_eq!(found(time).0, [2, 3, 4]);
        let both = AuditSearch { run: Some("b".parse().unwrap()), kind: Some("call-settled".into()), ..search() };
        assert_eq!(found(both).0, [4]);
    }

    #[test]
    fn pages_follow_on_each_other_and_no_search_reads_more_than_its_share() {
        let page_of = |after, limit| found(AuditSearch { after, limit, ..AuditSearch::default() });
        assert_eq!(page_of(0, 4), (vec![1, 2, 3, 4], Some(4)));
        assert_eq!(page_of(4, 4), (vec![5, 6], None));
        assert_eq!(page_of(6, 4), (vec![], None));
        assert_eq!(page_of(u64::MAX, 4), (vec![], None));
        let rare = AuditSearch { kind: Some("manifest-loaded".into()), ..AuditSearch::default() };
        let page = page_within(&audit(), &rare, 4).unwrap();
        assert_eq!((page.entries.len(), page.next), (0, Some(4)));
        let rest = page_within(&audit(), &AuditSearch { after: 4, ..rare }, 4).unwrap();
        assert_eq!((rest.entries.len(), rest.next), (1, None));
    }
}
