//! What is remembered of what calls depend on, beyond the life of a host: one row of JSON each.
//!
//! Nobody waits for these rows: what a crash loses of them is a count of the last moments.

use rusqlite::{Connection, params};
use toolhold_core::event::Event;
use toolhold_core::redact::Redactor;

use super::calls::Step;
use super::error::Error;
use super::queue::Answer;

/// What sort of thing is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A circuit breaker.
    Breaker,
    /// A bucket of a rate.
    Rate,
    /// A retry budget.
    RetryBudget,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::Rate => "rate",
            Self::RetryBudget => "retry-budget",
        }
    }
}

/// What is to be remembered of one dependency.
#[derive(Debug, Clone)]
pub struct Remember {
    /// What sort of thing.
    pub kind: Kind,
    /// Which dependency.
    pub name: String,
    /// JSON; `None` forgets it.
    pub state: Option<String>,
    /// What the audit says of it, if anything.
    pub event: Option<Event>,
    /// Now, in microseconds since 1970.
    pub at: u64,
}

impl Remember {
    pub(super) fn bytes(&self) -> usize {
        self.name.len() + self.state.as_ref().map_or(0, String::len)
    }
}

/// What is remembered of one dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// Which dependency.
    pub name: String,
    /// JSON.
    pub state: String,
    /// Since when, in microseconds since 1970.
    pub at: u64,
}

pub(super) fn remember(connection: &Connection, remember: &Remember, redactor: &Redactor) -> Result<Step, Error> {
    let Remember { kind, name, state, event, at } = remember;
    // The name of a remote host is a tool's choice.
    let name = redactor.redact(name);
    match state {
        Some(state) => {
            let sql = "INSERT INTO dependencies (kind, name, state, changed_at) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (kind, name) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at";
            connection.prepare_cached(sql)?.execute(params![kind.word(), name, state, at.cast_signed()])?;
        }
        None => {
            let sql = "DELETE FROM dependencies WHERE kind = ?1 AND name = ?2";
            connection.prepare_cached(sql)?.execute(params![kind.word(), name])?;
        }
    }
    Ok(Step { event: event.clone().map(|event| (*at, event)), answer: Ok(Answer::Done) })
}

pub(super) fn all(connection: &Connection, kind: Kind) -> Result<Vec<Remembered>, Error> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'dependencies'";
    if connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0 {
        // A journal that no host of this version has opened yet.
        return Ok(Vec::new());
    }
    let sql = "SELECT name, state, changed_at FROM dependencies WHERE kind = ?1 ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([kind.word()], |row| {
        Ok(Remembered { name: row.get(0)?, state: row.get(1)?, at: row.get::<_, i64>(2)?.cast_unsigned() })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
