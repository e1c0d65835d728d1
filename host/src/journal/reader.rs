//! Reading the journal: calls for people and programs, the audit's check and its export.
//!
//! Works beside a host that writes: every method sees one moment. Writes nothing.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use toolhold_core::approval::{Approval, Foreseen};
use toolhold_core::call::Mode;
use toolhold_core::chain::Head;
use toolhold_core::event::Entry;
use toolhold_core::id::{ApprovalId, CallId, Digest, RunId, ToolName};

use super::approvals::{self, ApprovalFilter, Asked};
use super::audit::{self, Stored, digest};
use super::calls::{effects, mode_word, parse_mode, parsed};
use super::dependencies::{self, Kind, Remembered};
use super::directory::{DATABASE, HEAD};
use super::error::Error;
use super::head;
use super::lent::{Idle, Lent};
use super::lookup::{self, AuditFilter, FoundEntry, NameOf, ToolUse};
use super::plans::{self, HistoryEntry, HistoryFilter, KeptBytes, PlanRecord, PlanState};
use super::pruning::{self, Pruned};
use super::record::{CallRecord, CallUse, Filter, ScopedKey, State};
use super::runs::{self, RunEventRecord, RunFilter, RunRecord};
use super::search::{self, AuditPage, AuditSearch};
use super::tapes::{self, KeptTape};

/// Most calls in a listing.
const MAX_LISTED: u32 = 10_000;

/// The calls that fit: by an index where there is one for what is asked, which takes a condition that is there only then.
pub(super) fn listed(filter: &Filter) -> String {
    let of_state = filter.state.map(|state| match state {
        // The first condition says to SQLite that the index of those that are not finished has all of them.
        State::Admitted | State::Unknown => format!("state IN ('admitted', 'unknown') AND state = '{}'", state.word()),
        State::Settled | State::Abandoned => format!("state = '{}'", state.word()),
    });
    let conditions = [
        filter.run.as_ref().map(|_| "run = ?1"),
        filter.tool.as_ref().map(|_| "tool = ?2"),
        filter.before.as_ref().map(|_| "number < (SELECT number FROM calls WHERE call = ?3)"),
        of_state.as_deref(),
    ];
    let all = std::iter::once("true").chain(conditions.into_iter().flatten()).collect::<Vec<_>>().join(" AND ");
    format!("{SELECT}, evidence FROM calls WHERE {all} ORDER BY number DESC LIMIT ?4")
}

/// A read-only view of a journal.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Lent,
    pub(super) noted: Option<Head>,
}

impl Reader {
    /// Opens the journal in `directory`, which may be in use.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be read.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let directory = directory.canonicalize().map_err(Error::io("open", directory))?;
        let connection = Self::connect(&directory)?;
        Ok(Self { connection: Lent::own(connection), noted: head::noted(&directory.join(HEAD))? })
    }

    /// The same in a directory that was opened, with a connection that goes back to `idle`, or comes from there.
    pub(super) fn lent(directory: &Path, idle: &Arc<Idle>) -> Result<Self, Error> {
        let connection = match idle.take() {
            Some(connection) => connection,
            None => Self::connect(directory)?,
        };
        Ok(Self { connection: Lent::from(connection, Arc::clone(idle)), noted: head::noted(&directory.join(HEAD))? })
    }

    /// Its cache of pages is a fourth of SQLite's usual 2 MiB: connections are kept, each keeps what it has read, and the system keeps
    /// the same pages anyway.
    fn connect(directory: &Path) -> Result<Connection, Error> {
        let path = directory.join(DATABASE);
        if let Err(error) = path.metadata() {
            return Err(Error::io("open", &path)(error));
        }
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(&path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection
            .execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -512;")?;
        Ok(connection)
    }

    /// [`Reader::open`], or `None` where nothing has been written yet.
    ///
    /// # Errors
    ///
    /// There is one, and it cannot be read.
    pub fn open_if_any(directory: &Path) -> Result<Option<Self>, Error> {
        match directory.join(DATABASE).try_exists() {
            Ok(false) => Ok(None),
            _ => Self::open(directory).map(Some),
        }
    }

    /// When the last entry of the audit was written, in microseconds since 1970.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn last_at(&self) -> Result<Option<u64>, Error> {
        let sql = "SELECT body FROM audit ORDER BY sequence DESC LIMIT 1";
        let body: Option<String> = self.connection.query_row(sql, [], |row| row.get(0)).optional()?;
        let entry =
            |body: String| serde_json::from_str::<Entry>(&body).map_err(|error| Error::Corrupt(error.to_string()));
        body.map(entry).transpose().map(|entry| entry.map(|entry| entry.at))
    }

    /// One call.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn get(&self, call: &CallId) -> Result<Option<CallRecord>, Error> {
        let sql = format!("{SELECT}, evidence FROM calls WHERE call = ?1");
        Ok(self.connection.query_row(&sql, [call.as_str()], record).optional()?)
    }

    /// The call that a key belongs to. A key is free while nothing was done with it.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn keyed(&self, key: &ScopedKey, mode: Mode) -> Result<Option<CallRecord>, Error> {
        let sql = format!(
            "{SELECT}, evidence FROM calls WHERE scope = ?1 AND key = ?2 AND mode = ?3 AND state <> 'abandoned'"
        );
        let key = params![&*key.scope, key.key.as_str(), mode_word(mode)];
        Ok(self.connection.query_row(&sql, key, record).optional()?)
    }

    /// The names of calls, runs or approvals that begin with `beginning`, in order; at most `limit`.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn names(&self, of: NameOf, beginning: &str, limit: u32) -> Result<Vec<String>, Error> {
        lookup::names(&self.connection, of, beginning, limit)
    }

    /// The calls that fit, newest first.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn calls(&self, filter: &Filter) -> Result<Vec<CallRecord>, Error> {
        let limit = if filter.limit == 0 { 100 } else { filter.limit.min(MAX_LISTED) };
        let mut statement = self.connection.prepare(&listed(filter))?;
        let run = filter.run.as_ref().map(|run| run.as_str());
        let tool = filter.tool.as_ref().map(|tool| tool.as_str());
        let before = filter.before.as_ref().map(|call| call.as_str());
        let rows = statement.query_map(params![run, tool, before, limit], record)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How the latest calls went, newest first; without what they were given and gave back.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn uses(&self, limit: u32) -> Result<Vec<CallUse>, Error> {
        let sql = "SELECT tool, admitted_at, settled_at, succeeded, CASE WHEN succeeded = 0 THEN outcome END
                   FROM calls ORDER BY number DESC LIMIT ?1";
        let mut statement = self.connection.prepare(sql)?;
        let read = |row: &Row<'_>| {
            Ok(CallUse {
                tool: parsed(row, 0, |text| text.parse().ok())?,
                admitted_at: row.get::<_, i64>(1)?.cast_unsigned(),
                settled_at: row.get::<_, Option<i64>>(2)?.map(i64::cast_unsigned),
                succeeded: row.get(3)?,
                failure: row.get(4)?,
            })
        };
        let rows = statement.query_map([limit.min(MAX_LISTED)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The calls that changed something or would, newest first.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn history(&self, filter: &HistoryFilter) -> Result<Vec<HistoryEntry>, Error> {
        plans::history(&self.connection, filter)
    }

    /// Everything of one kind that is remembered of dependencies, by name.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn remembered(&self, kind: Kind) -> Result<Vec<Remembered>, Error> {
        dependencies::all(&self.connection, kind)
    }

    /// What is stored of the plan of a call.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn plan(&self, call: &CallId) -> Result<Option<PlanRecord>, Error> {
        plans::get(&self.connection, call)
    }

    /// All plans in one of these states, oldest first.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn plans(&self, states: &[PlanState]) -> Result<Vec<PlanRecord>, Error> {
        plans::in_states(&self.connection, states)
    }

    /// Shows `see` the text of each plan in one of these states, in no order.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn each_plan(&self, states: &[PlanState], see: impl FnMut(&str)) -> Result<(), Error> {
        plans::each(&self.connection, states, see)
    }

    /// Plans whose files are from before `before`, in microseconds since 1970, or of which there are too many bytes.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn outlived(&self, before: u64, bytes: &KeptBytes) -> Result<Vec<PlanRecord>, Error> {
        plans::outlived(&self.connection, before, bytes)
    }

    /// The runs that fit, newest first.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRecord>, Error> {
        runs::list(&self.connection, filter)
    }

    /// One run.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn run(&self, run: &RunId) -> Result<Option<RunRecord>, Error> {
        runs::get(&self.connection, run)
    }

    /// The steps of a run, in order.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn run_events(&self, run: &RunId) -> Result<Vec<RunEventRecord>, Error> {
        runs::events(&self.connection, run)
    }

    /// The steps of a run after the one with this number, in order: at most `limit`, and no more after `bytes` of text.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn run_events_after(
        &self,
        run: &RunId,
        after: u64,
        (limit, bytes): (u32, usize),
    ) -> Result<Vec<RunEventRecord>, Error> {
        runs::events_after(&self.connection, run, after, (limit, bytes))
    }

    /// The entries of the audit that fit, in order.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn search(&self, search: &AuditSearch) -> Result<AuditPage, Error> {
        search::page(&self.connection, search)
    }

    /// What the last attempt at a call of a run was given from outside.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn tape(&self, run: &RunId, call: &CallId) -> Result<Option<KeptTape>, Error> {
        tapes::last(&self.connection, run, call)
    }

    /// What calls of the latest runs were given, with their run and tool, the latest run first. Long ones are left out.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn latest_tapes(&self, limit: u32) -> Result<Vec<(RunId, ToolName, KeptTape)>, Error> {
        tapes::latest(&self.connection, limit)
    }

    /// The first step of a run.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn first_run_event(&self, run: &RunId) -> Result<Option<RunEventRecord>, Error> {
        runs::first_event(&self.connection, run)
    }

    /// The last step of a run.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn last_run_event(&self, run: &RunId) -> Result<Option<RunEventRecord>, Error> {
        runs::last_event(&self.connection, run)
    }

    /// The runs that ended before `before`, in microseconds since 1970, and still have their steps. Not the dead ones: those
    /// wait for a person.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn outlived_runs(&self, before: u64) -> Result<Vec<RunRecord>, Error> {
        runs::outlived(&self.connection, before)
    }

    /// How many approvals wait for a person.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn approvals_waiting(&self) -> Result<u64, Error> {
        approvals::waiting(&self.connection)
    }

    /// The approvals that fit, newest first.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn approvals(&self, filter: &ApprovalFilter) -> Result<Vec<Approval>, Error> {
        approvals::list(&self.connection, filter)
    }

    /// One approval, and what its call would do.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn approval(&self, id: &ApprovalId) -> Result<Option<(Approval, Foreseen)>, Error> {
        let found = approvals::get(&self.connection, id)?;
        let foreseen =
            |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Ok(found.map(|(approval, text)| (approval, foreseen(text))))
    }

    /// Why there is no room for one more question now; `None` where there is.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub(crate) fn room_for_question(
        &self,
        now: u64,
        max_waiting: u64,
        per_minute: u64,
    ) -> Result<Option<Asked>, Error> {
        approvals::room(&self.connection, now, max_waiting, per_minute)
    }

    /// What was asked about calls with this binding, newest first.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn approvals_of(&self, binding: &Digest) -> Result<Vec<Approval>, Error> {
        approvals::of_binding(&self.connection, binding)
    }

    /// The approval by which a call was admitted.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn approval_of_call(&self, call: &CallId) -> Result<Option<Approval>, Error> {
        approvals::of_call(&self.connection, call)
    }

    /// How many bytes are kept with all plans that can be undone or applied.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn kept_bytes(&self) -> Result<u64, Error> {
        plans::kept_bytes(&self.connection)
    }

    /// The entries of the audit that fit, newest first. Not checked: that is [`Reader::verify`].
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn latest_entries(&self, filter: &AuditFilter) -> Result<Vec<FoundEntry>, Error> {
        lookup::audit(&self.connection, filter)
    }

    /// Every tool that was ever called, and how often.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn tool_uses(&self) -> Result<Vec<ToolUse>, Error> {
        lookup::tools(&self.connection)
    }

    /// What would be removed of what was over before `before`, in microseconds since 1970, once the steps of the runs `expiring` are.
    ///
    /// # Errors
    ///
    /// The audit is broken there, or the database cannot be read.
    pub fn prunable(&self, before: u64, expiring: &BTreeSet<RunId>) -> Result<Pruned, Error> {
        let moment = self.connection.unchecked_transaction()?;
        pruning::foreseen(&moment, before, expiring)
    }

    /// How many bytes of the database are free for what is written next.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn free_bytes(&self) -> Result<u64, Error> {
        let number = |pragma: &str| -> Result<u64, Error> {
            Ok(self.connection.query_row(pragma, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
        };
        Ok(number("PRAGMA freelist_count")?.saturating_mul(number("PRAGMA page_size")?))
    }

    /// How many calls are on record, and since when the first of them, in microseconds since 1970.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn calls_since(&self) -> Result<(u64, Option<u64>), Error> {
        let sql = "SELECT count(*), (SELECT admitted_at FROM calls ORDER BY number LIMIT 1) FROM calls";
        let read = |row: &Row<'_>| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, Option<i64>>(1)?.map(i64::cast_unsigned)))
        };
        Ok(self.connection.query_row(sql, [], read)?)
    }

    /// Writes every entry from number `from` on as a line of JSON: its number, both hashes, and what it says. Returns how many.
    ///
    /// # Errors
    ///
    /// The database cannot be read, or `out` not written.
    pub fn export(&self, from: u64, out: &mut dyn Write) -> Result<u64, Error> {
        let mut count = 0;
        audit::walk(&self.connection, from, |stored: Stored| -> Result<(), Error> {
            let Stored { sequence, previous, hash, body } = stored;
            count += 1;
            // The body as it is stored, so that whoever reads the line can compute its hash.
            writeln!(out, "{{\"sequence\":{sequence},\"previous\":\"{previous}\",\"hash\":\"{hash}\",\"body\":{body}}}")
                .map_err(|error| Error::Io { action: "write", path: "the export".into(), why: error.to_string() })
        })?;
        Ok(count)
    }
}

pub(super) const SELECT: &str =
    "SELECT call, run, tool, digest, mode, effects, key, scope, arguments, arguments_digest, admitted_at,
                             state, settled_at, succeeded, outcome, usage, staged, outcome_digest";

pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<CallRecord> {
    let key: Option<String> = row.get(6)?;
    let key = key.map(|_| parsed(row, 6, |text| text.parse().ok())).transpose()?;
    Ok(CallRecord {
        call: parsed(row, 0, |text| text.parse().ok())?,
        run: parsed(row, 1, |text| text.parse().ok())?,
        tool: parsed(row, 2, |text| text.parse().ok())?,
        digest: digest(row, 3)?,
        mode: parsed(row, 4, parse_mode)?,
        effects: effects(row, 5, 16)?,
        key,
        scope: row.get(7)?,
        arguments: row.get(8)?,
        arguments_digest: digest(row, 9)?,
        admitted_at: row.get::<_, i64>(10)?.cast_unsigned(),
        state: parsed(row, 11, State::parse)?,
        settled_at: row.get::<_, Option<i64>>(12)?.map(i64::cast_unsigned),
        succeeded: row.get(13)?,
        outcome: row.get(14)?,
        usage: row.get(15)?,
        // Not asked for where the audit is verified, which does not tell of it: an older database has no such column.
        evidence: row.get("evidence").unwrap_or_default(),
    })
}
