//! The table of tapes: what calls of runs were given from outside. The audit does not tell of it: nothing is decided by it.

use rusqlite::{Connection, OptionalExtension, params};
use toolhold_core::id::{CallId, RunId};
use toolhold_core::redact::Redactor;
use toolhold_core::tape::Tape;

use super::calls::Step;
use super::error::Error;
use super::queue::Answer;

/// What one attempt at a call was given, to be kept.
#[derive(Debug, Clone)]
pub struct KeptTape {
    /// Of which run.
    pub run: RunId,
    /// Of which call.
    pub call: CallId,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// JSON of a [`Tape`].
    pub tape: String,
    /// JSON of what the call did outside of its sandbox, with its last attempt.
    pub effects: Option<String>,
}

impl KeptTape {
    pub(super) fn bytes(&self) -> usize {
        self.tape.len() + self.effects.as_ref().map_or(0, String::len)
    }
}

/// Keeps one. What is no tape any more once the secrets are out of it is not kept.
pub(super) fn insert(connection: &Connection, kept: &KeptTape, redactor: &Redactor) -> Result<Step, Error> {
    let done = Step { event: None, answer: Ok(Answer::Done) };
    let tape = redactor.redact_json(&kept.tape);
    if serde_json::from_str::<Tape>(&tape).is_err() {
        tracing::warn!(call = %kept.call, "what a call was given cannot be kept without the secrets in it");
        return Ok(done);
    }
    let effects = kept.effects.as_ref().map(|effects| redactor.redact_json(effects));
    let sql =
        "INSERT INTO tapes (run, call, attempt, tape, effects) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    connection.prepare_cached(sql)?.execute(params![
        kept.run.as_str(),
        kept.call.as_str(),
        kept.attempt,
        tape,
        effects
    ])?;
    Ok(done)
}

/// Those of a run are removed.
pub(super) fn expire(connection: &Connection, run: &RunId) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM tapes WHERE run = ?1")?.execute([run.as_str()])?;
    Ok(())
}

/// That of the last attempt at a call.
pub(super) fn last(connection: &Connection, run: &RunId, call: &CallId) -> Result<Option<KeptTape>, Error> {
    // Readers bring no database up to date: they may not write.
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'tapes'";
    if connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(None);
    }
    let sql = "SELECT attempt, tape, effects FROM tapes WHERE run = ?1 AND call = ?2 ORDER BY attempt DESC LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| {
        let (run, call) = (run.clone(), call.clone());
        Ok(KeptTape { run, call, attempt: row.get(0)?, tape: row.get(1)?, effects: row.get(2)? })
    };
    Ok(connection.prepare_cached(sql)?.query_row([run.as_str(), call.as_str()], read).optional()?)
}
