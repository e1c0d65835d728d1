//! The tables of runs: every step of every run, and where each run is.
//!
//! A step is text of the state machine. The journal keeps it, in order and without a gap, and tells whether somebody changed
//! it: the audit has a digest of all steps of a run that ended.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};
use toolhold_core::call::Mode;
use toolhold_core::chain::{Broken, Why};
use toolhold_core::event::Event;
use toolhold_core::id::{Digest, RunId};
use toolhold_core::redact::Redactor;
use toolhold_core::run::Occurrence;
use toolhold_core::state::State;

use super::audit::digest;
use super::calls::{Step, mode_word, parse_mode, parsed};
use super::error::Error;
use super::queue::Answer;

/// Most runs in a listing.
const MAX_LISTED: u32 = 10_000;

/// One step of a run, to be written down.
#[derive(Debug, Clone)]
pub struct RunStep {
    /// Which run.
    pub run: RunId,
    /// Its number, from 1.
    pub step: u64,
    /// Where the run is after it.
    pub state: State,
    /// JSON of what happened.
    pub body: String,
    /// What the run is, with its first step.
    pub head: Option<RunHead>,
    /// What the audit says of it, if anything.
    pub event: Option<Event>,
    /// Whether whoever writes it waits until it is written: it then survives a kill.
    pub waits: bool,
    /// Whether it is on disk when that is over: it then survives a power cut.
    pub durable: bool,
    /// Now, in microseconds since 1970.
    pub at: u64,
}

/// What a run is, beside its steps.
#[derive(Debug, Clone)]
pub struct RunHead {
    /// What is to be done, in words.
    pub task: String,
    /// Whether effects land.
    pub mode: Mode,
    /// What it was forked from.
    pub origin: Option<Origin>,
}

/// What a run was forked from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Origin {
    /// Which run.
    pub run: RunId,
    /// Its steps up to this one were copied.
    pub step: u64,
}

/// A run as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RunRecord {
    /// Which run.
    pub run: RunId,
    /// What is to be done. Any text: escape before showing.
    pub task: String,
    /// Whether effects land.
    pub mode: Mode,
    /// Where it is.
    pub state: State,
    /// How many steps it has.
    pub steps: u64,
    /// What it was forked from.
    pub origin: Option<Origin>,
    /// When it began, in microseconds since 1970.
    pub started_at: u64,
    /// When its last step happened.
    pub changed_at: u64,
    /// Its steps were removed.
    pub expired: bool,
}

/// A step as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEventRecord {
    /// Its number, from 1.
    pub step: u64,
    /// When it happened, in microseconds since 1970.
    pub at: u64,
    /// JSON of what happened.
    pub body: String,
}

/// Which runs to list: all that fit every field that is set, newest first.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// In one of these states; none is any.
    pub states: Vec<State>,
    /// Begun before this one: the next page.
    pub before: Option<RunId>,
    /// At most this many; 0 is 100.
    pub limit: u32,
}

/// What became of a step: whether it is stored, and its text where that is not what it came with.
pub(super) struct Appended {
    pub(super) step: Step,
    pub(super) stored: bool,
    pub(super) redacted: Option<String>,
}

impl Appended {
    fn refused(error: Error) -> Self {
        Self { step: Step { event: None, answer: Err(error) }, stored: false, redacted: None }
    }
}

/// Writes a step down.
pub(super) fn append(connection: &Connection, step: &RunStep, redactor: &Redactor) -> Result<Appended, Error> {
    let known: Option<(u64, Digest)> = connection
        .prepare_cached("SELECT steps, history FROM runs WHERE run = ?1")?
        .query_row([step.run.as_str()], |row| Ok((number(row, 0)?, digest(row, 1)?)))
        .optional()?;
    let (before, history) = known.unwrap_or((0, Digest::of(step.run.as_str().as_bytes())));
    if before + 1 != step.step || known.is_none() != step.head.is_some() {
        return Ok(Appended::refused(Error::Taken(step.run.clone())));
    }
    let body = redactor.redact_json(&step.body);
    // Where a secret stands in for a number or a word of the form, there is no step without it.
    if body != step.body && serde_json::from_str::<Occurrence>(&body).is_err() {
        return Ok(Appended::refused(Error::Secret));
    }
    let history = follow(&history, &body);
    match &step.head {
        Some(head) => begin(connection, step, head, &history, redactor)?,
        None => {
            let sql = "UPDATE runs SET state = ?2, steps = ?3, history = ?4, changed_at = ?5 WHERE run = ?1";
            connection.prepare_cached(sql)?.execute(params![
                step.run.as_str(),
                step.state.as_str(),
                step.step.cast_signed(),
                history.as_bytes(),
                step.at.cast_signed()
            ])?;
        }
    }
    let sql = "INSERT INTO run_events (run, step, at, body) VALUES (?1, ?2, ?3, ?4)";
    let row = params![step.run.as_str(), step.step.cast_signed(), step.at.cast_signed(), body];
    connection.prepare_cached(sql)?.execute(row)?;
    let mut event = step.event.clone();
    if let Some(Event::RunEnded { steps, history: whole, .. }) = &mut event {
        (*steps, *whole) = (Some(step.step), Some(history));
    }
    let redacted = match body {
        Cow::Borrowed(_) => None,
        Cow::Owned(text) => Some(text),
    };
    let step = Step { event: event.map(|event| (step.at, event)), answer: Ok(Answer::Done) };
    Ok(Appended { step, stored: true, redacted })
}

fn begin(
    connection: &Connection,
    step: &RunStep,
    head: &RunHead,
    history: &Digest,
    redactor: &Redactor,
) -> Result<(), Error> {
    let sql =
        "INSERT INTO runs (run, task, mode, state, steps, history, origin_run, origin_step, started_at, changed_at)
               VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?8)";
    connection.prepare_cached(sql)?.execute(params![
        step.run.as_str(),
        redactor.redact(&head.task),
        mode_word(head.mode),
        step.state.as_str(),
        history.as_bytes(),
        head.origin.as_ref().map(|origin| origin.run.as_str()),
        head.origin.as_ref().map(|origin| origin.step.cast_signed()),
        step.at.cast_signed(),
    ])?;
    Ok(())
}

fn follow(history: &Digest, body: &str) -> Digest {
    Digest::of_parts(&[history.as_bytes(), body.as_bytes()])
}

/// Removes the steps of a run that is over.
pub(super) fn expire(connection: &Connection, run: &RunId, at: u64) -> Result<Step, Error> {
    let sql = "UPDATE runs SET expired = 1, task = '' WHERE run = ?1 AND expired = 0";
    if connection.prepare_cached(sql)?.execute([run.as_str()])? == 0 {
        return Ok(Step { event: None, answer: Err(Error::Taken(run.clone())) });
    }
    connection.prepare_cached("DELETE FROM run_events WHERE run = ?1")?.execute([run.as_str()])?;
    Ok(Step { event: Some((at, Event::RunExpired { run: run.clone() })), answer: Ok(Answer::Done) })
}

/// What the audit tells of runs.
#[derive(Debug, Default)]
pub(super) struct Told {
    begun: u64,
    expired: BTreeSet<RunId>,
    /// How many steps a run had at its end, and how many a person or the host has added since; `None` once it goes on.
    ended: BTreeMap<RunId, Option<u64>>,
}

impl Told {
    /// Takes an event; compares the end of a run with what is stored.
    pub(super) fn check(&mut self, connection: &Connection, at: u64, event: &Event) -> Result<(), Error> {
        match event {
            Event::RunStarted { .. } | Event::RunForked { .. } => self.begun += 1,
            Event::RunExpired { run } => {
                self.expired.insert(run.clone());
            }
            Event::RunEnded { run, steps: Some(steps), history: Some(history), .. } => {
                self.ended.insert(run.clone(), Some(*steps));
                check(connection, at, run, *steps, history)?;
            }
            Event::RunDeadLettered { run } | Event::RunDiscarded { run } => {
                if let Some(Some(steps)) = self.ended.get_mut(run) {
                    *steps += 1;
                }
            }
            Event::RunRequeued { run } | Event::RunResumed { run } => {
                self.ended.insert(run.clone(), None);
            }
            _ => {}
        }
        Ok(())
    }

    /// What the audit says nothing of was put there by somebody else.
    pub(super) fn finish(&self, connection: &Connection, last: u64) -> Result<(), Error> {
        if is_older(connection)? {
            return Ok(());
        }
        let differs = |call: String, what| Err(Broken { at: last, why: Why::Differs { call, what } }.into());
        let rows: i64 = connection.query_row("SELECT count(*) FROM runs", [], |row| row.get(0))?;
        if rows.cast_unsigned() > self.begun {
            return differs("runs".into(), "the audit tells of fewer runs");
        }
        let mut statement = connection.prepare(&format!("{SELECT} WHERE expired = 1"))?;
        for run in statement.query_map([], record)? {
            let run = run?.run;
            if !self.expired.contains(&run) {
                return differs(format!("run {run}"), "its steps were removed");
            }
        }
        for (run, steps) in &self.ended {
            let stored = get(connection, run)?;
            if steps.is_some_and(|steps| stored.as_ref().is_none_or(|stored| stored.steps != steps)) {
                return differs(format!("run {run}"), "it has other steps after its end");
            }
        }
        Ok(())
    }
}

/// Whether the steps that are stored are those that the audit tells of.
fn check(connection: &Connection, at: u64, run: &RunId, steps: u64, expected: &Digest) -> Result<(), Error> {
    let differs = |what| Error::from(Broken { at, why: Why::Differs { call: format!("run {run}"), what } });
    let record = get(connection, run)?.ok_or_else(|| differs("it is missing"))?;
    if record.expired {
        return Ok(());
    }
    let events = events(connection, run)?;
    let of_it = events.iter().take_while(|event| event.step <= steps);
    let found = of_it.fold(Digest::of(run.as_str().as_bytes()), |history, event| follow(&history, &event.body));
    if found == *expected && record.steps >= steps { Ok(()) } else { Err(differs("its steps")) }
}

const SELECT: &str =
    "SELECT run, task, mode, state, steps, origin_run, origin_step, started_at, changed_at, expired FROM runs";

/// One run.
pub(super) fn get(connection: &Connection, run: &RunId) -> Result<Option<RunRecord>, Error> {
    if is_older(connection)? {
        return Ok(None);
    }
    let sql = format!("{SELECT} WHERE run = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([run.as_str()], record).optional()?)
}

/// The runs that fit, newest first.
pub(super) fn list(connection: &Connection, filter: &RunFilter) -> Result<Vec<RunRecord>, Error> {
    if is_older(connection)? {
        return Ok(Vec::new());
    }
    let limit = if filter.limit == 0 { 100 } else { filter.limit.min(MAX_LISTED) };
    let places = vec!["?"; filter.states.len()].join(", ");
    let among = if places.is_empty() { String::new() } else { format!("AND state IN ({places})") };
    let earlier = filter.before.as_ref().map_or("1", |_| "number < (SELECT number FROM runs WHERE run = ?)");
    let sql = format!("{SELECT} WHERE {earlier} {among} ORDER BY number DESC LIMIT ?");
    let mut statement = connection.prepare(&sql)?;
    let before = filter.before.iter().map(|run| Value::from(run.as_str().to_owned()));
    let states = filter.states.iter().map(|state| Value::from(state.as_str().to_owned()));
    let values = before.chain(states).chain(std::iter::once(Value::from(i64::from(limit))));
    let rows = statement.query_map(rusqlite::params_from_iter(values), record)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The runs that ended before `before`, in microseconds since 1970, and still have their steps.
pub(super) fn outlived(connection: &Connection, before: u64) -> Result<Vec<RunRecord>, Error> {
    let sql = format!(
        "{SELECT} WHERE expired = 0 AND changed_at < ?1 AND state IN ('completed', 'partial', 'failed', 'timed-out', 'cancelled')"
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([before.cast_signed()], record)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The steps of a run, in order.
pub(super) fn events(connection: &Connection, run: &RunId) -> Result<Vec<RunEventRecord>, Error> {
    let sql = "SELECT step, at, body FROM run_events WHERE run = ?1 ORDER BY step";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([run.as_str()], event)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The steps of a run after the one with this number, in order: at most `limit`, and no more after `bytes` of text.
pub(super) fn events_after(
    connection: &Connection,
    run: &RunId,
    after: u64,
    (limit, bytes): (u32, usize),
) -> Result<Vec<RunEventRecord>, Error> {
    let sql = "SELECT step, at, body FROM run_events WHERE run = ?1 AND step > ?2 ORDER BY step LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![run.as_str(), after, limit], event)?;
    let (mut page, mut read) = (Vec::new(), 0);
    for row in rows {
        let row = row?;
        read += row.body.len();
        page.push(row);
        if read >= bytes {
            break;
        }
    }
    Ok(page)
}

/// The first step of a run.
pub(super) fn first_event(connection: &Connection, run: &RunId) -> Result<Option<RunEventRecord>, Error> {
    if is_older(connection)? {
        return Ok(None);
    }
    let sql = "SELECT step, at, body FROM run_events WHERE run = ?1 AND step = 1";
    Ok(connection.prepare_cached(sql)?.query_row([run.as_str()], event).optional()?)
}

/// The last step of a run.
pub(super) fn last_event(connection: &Connection, run: &RunId) -> Result<Option<RunEventRecord>, Error> {
    let sql = "SELECT step, at, body FROM run_events WHERE run = ?1 ORDER BY step DESC LIMIT 1";
    Ok(connection.prepare_cached(sql)?.query_row([run.as_str()], event).optional()?)
}

fn event(row: &Row<'_>) -> rusqlite::Result<RunEventRecord> {
    Ok(RunEventRecord { step: number(row, 0)?, at: number(row, 1)?, body: row.get(2)? })
}

/// Readers bring no database up to date: they may not write.
fn is_older(connection: &Connection) -> Result<bool, Error> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'runs'";
    Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0)
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn record(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    let origin: Option<String> = row.get(5)?;
    let origin = match origin {
        Some(_) => Some(Origin { run: parsed(row, 5, |text| text.parse().ok())?, step: number(row, 6)? }),
        None => None,
    };
    Ok(RunRecord {
        run: parsed(row, 0, |text| text.parse().ok())?,
        task: row.get(1)?,
        mode: parsed(row, 2, parse_mode)?,
        state: parsed(row, 3, |word| serde_json::from_value(word.into()).ok())?,
        steps: number(row, 4)?,
        origin,
        started_at: number(row, 7)?,
        changed_at: number(row, 8)?,
        expired: row.get(9)?,
    })
}
