//! The table of calls: one row per call, and the one place where its state changes.

use std::borrow::Cow;

use rusqlite::{Connection, OptionalExtension, Row, params};
use toolhold_core::call::{Mode, canonical};
use toolhold_core::event::{Effects, Event, bounded};
use toolhold_core::id::{ApprovalId, CallId, Digest};
use toolhold_core::outcome::{Failure, Outcome};
use toolhold_core::redact::Redactor;

use super::approvals;
use super::audit::digest;
use super::error::Error;
use super::queue::Answer;
use super::record::{Admission, End, Intent, Settled, Settlement, State};

/// Longest arguments or result that are kept of a call without a key, in bytes. With a key, all is kept: it may be asked for.
const KEPT_BYTES: usize = 64 << 10;

/// What a command came to, and what the audit says of it.
pub(super) struct Step {
    pub(super) event: Option<(u64, Event)>,
    pub(super) answer: Result<Answer, Error>,
}

impl Step {
    fn refused(error: Error) -> Self {
        Self { event: None, answer: Err(error) }
    }

    fn admission(event: Option<(u64, Event)>, admission: Admission) -> Self {
        Self { event, answer: Ok(Answer::Admission(admission)) }
    }
}

/// Admits a call, or says which earlier one stands in its place.
pub(super) fn admit(connection: &Connection, intent: &Intent, redactor: &Redactor) -> Result<Step, Error> {
    let arguments = Digest::of(canonical(&intent.arguments).as_bytes());
    // A key is found again by its text, so nothing can stand in the place of the secret.
    if intent.key.as_ref().is_some_and(|key| redactor.finds(key.key.as_str()) || redactor.finds(&key.scope)) {
        return Ok(Step::refused(Error::Secret));
    }
    if let Some(earlier) = earlier(connection, intent)? {
        let admission = earlier.admission(intent, arguments)?;
        let event = matches!(admission, Admission::Replay(_)).then(|| {
            (intent.at, Event::CallReplayed { call: earlier.call, by: intent.call.clone(), run: intent.run.clone() })
        });
        return Ok(Step::admission(event, admission));
    }
    if let Some(approval) = &intent.approval
        && !approvals::stands(connection, approval, intent.at)?
    {
        return Ok(Step::admission(None, Admission::NotApproved { approval: approval.clone() }));
    }
    let kept = keeps(intent.text.len(), intent.key.is_some()).then(|| redactor.redact_json(&intent.text));
    if insert(connection, intent, arguments, kept.as_deref())? == 0 {
        return Ok(Step::refused(Error::Duplicate(intent.call.clone())));
    }
    let event = Event::CallAdmitted {
        call: intent.call.clone(),
        run: intent.run.clone(),
        tool: intent.tool.clone(),
        digest: intent.digest,
        mode: intent.mode,
        effects: intent.effects,
        arguments,
        stored: kept.map(|text| Digest::of(text.as_bytes())),
        key: intent.key.as_ref().map(|key| key.key.clone()),
        scope: intent.key.as_ref().map(|key| key.scope.to_string()),
    };
    Ok(Step::admission(Some((intent.at, event)), Admission::Fresh))
}

fn insert(connection: &Connection, intent: &Intent, arguments: Digest, kept: Option<&str>) -> Result<usize, Error> {
    let sql = "INSERT INTO calls (call, run, tool, digest, mode, effects, scope, key, arguments, arguments_digest, admitted_at, state, staged, approval)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'admitted', ?12, ?13) ON CONFLICT (call) DO NOTHING";
    Ok(connection.prepare_cached(sql)?.execute(params![
        intent.call.as_str(),
        intent.run.as_str(),
        intent.tool.as_str(),
        intent.digest.as_bytes(),
        mode_word(intent.mode),
        effects_word(intent.effects),
        intent.key.as_ref().map(|key| &*key.scope),
        intent.key.as_ref().map(|key| key.key.as_str()),
        kept,
        arguments.as_bytes(),
        intent.at.cast_signed(),
        intent.effects == Effects::Staged,
        intent.approval.as_ref().map(ApprovalId::as_str),
    ])?)
}

/// Whether a text of a call is kept.
pub(super) fn keeps(bytes: usize, has_key: bool) -> bool {
    has_key || bytes <= KEPT_BYTES
}

/// An earlier call with the same key.
struct Earlier {
    call: CallId,
    tool: String,
    digest: Digest,
    arguments: Digest,
    state: State,
    settled_at: Option<i64>,
    succeeded: Option<bool>,
    outcome: Option<String>,
}

fn earlier(connection: &Connection, intent: &Intent) -> Result<Option<Earlier>, Error> {
    let Some(key) = &intent.key else { return Ok(None) };
    let sql = "SELECT call, tool, digest, arguments_digest, state, settled_at, succeeded, outcome FROM calls
               WHERE scope = ?1 AND key = ?2 AND mode = ?3 AND state <> 'abandoned'";
    let read = |row: &Row<'_>| {
        Ok(Earlier {
            call: parsed(row, 0, |text| text.parse().ok())?,
            tool: row.get(1)?,
            digest: digest(row, 2)?,
            arguments: digest(row, 3)?,
            state: parsed(row, 4, State::parse)?,
            settled_at: row.get(5)?,
            succeeded: row.get(6)?,
            outcome: row.get(7)?,
        })
    };
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row(params![&*key.scope, key.key.as_str(), mode_word(intent.mode)], read).optional()?)
}

impl Earlier {
    fn admission(&self, intent: &Intent, arguments: Digest) -> Result<Admission, Error> {
        let call = self.call.clone();
        let conflict = |differs| Ok(Admission::Conflict { call: self.call.clone(), differs });
        if self.tool != intent.tool.as_str() {
            return conflict("the tool");
        }
        if self.arguments != arguments {
            return conflict("the arguments");
        }
        // The outcome of other bytes is not this tool's outcome; a call that is not finished stays what it is.
        match self.state {
            State::Admitted => Ok(Admission::InFlight { call }),
            State::Unknown => Ok(Admission::Unknown { call }),
            _ if self.digest != intent.digest => conflict("the tool's bytes"),
            _ => Ok(Admission::Replay(Box::new(Settled {
                call,
                at: self.settled_at.unwrap_or_default().cast_unsigned(),
                outcome: self.outcome()?,
            }))),
        }
    }

    fn outcome(&self) -> Result<Outcome, Error> {
        let damaged = |what: &str| Error::Corrupt(format!("the outcome of call `{}` {what}", self.call));
        let text = self.outcome.as_deref().ok_or_else(|| damaged("is missing"))?;
        if self.succeeded == Some(true) {
            serde_json::from_str(text).map(Outcome::Success).map_err(|_| damaged("is not JSON"))
        } else {
            serde_json::from_str(text).map(Outcome::Failure).map_err(|_| damaged("is not a failure"))
        }
    }
}

/// Writes how a call ended.
pub(super) fn settle(
    connection: &Connection,
    call: &CallId,
    settlement: &Settlement,
    redactor: &Redactor,
) -> Result<Step, Error> {
    let (event, changed) = match Written::of(settlement, redactor)? {
        Some(written) => finish(connection, call, settlement.at, &written)?,
        None => {
            let reason = settlement.end.reason().unwrap_or_default();
            let event = Event::CallAbandoned { call: call.clone(), reason: bounded(&redactor.redact(reason)) };
            (event, abandon(connection, call, settlement.at)?)
        }
    };
    Ok(match changed {
        0 => Step::refused(Error::NotOpen(call.clone())),
        _ => Step { event: Some((settlement.at, event)), answer: Ok(Answer::Done) },
    })
}

/// What is written of an outcome.
pub(super) struct Written<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) failure: Option<&'a Failure>,
    pub(super) usage: String,
    pub(super) digest: Digest,
}

impl<'a> Written<'a> {
    /// `None` where the call never began.
    pub(super) fn of(settlement: &'a Settlement, redactor: &Redactor) -> Result<Option<Self>, Error> {
        let json = |error: serde_json::Error| Error::Database(error.to_string());
        let (text, failure) = match &settlement.end {
            End::Success(text) => (redactor.redact_json(text), None),
            End::Failure(failure) => {
                let mut clean = (**failure).clone();
                redactor.pass().failure(&mut clean);
                (Cow::Owned(serde_json::to_string(&clean).map_err(json)?), Some(&**failure))
            }
            End::Nothing(_) => return Ok(None),
        };
        let usage = serde_json::to_string(&settlement.usage).map_err(json)?;
        let digest = outcome_digest(&text, failure.is_none(), &usage);
        Ok(Some(Self { text, failure, usage, digest }))
    }
}

fn finish(connection: &Connection, call: &CallId, at: u64, written: &Written<'_>) -> Result<(Event, usize), Error> {
    let sql = "UPDATE calls SET state = 'settled', settled_at = ?2, succeeded = ?3,
                   outcome = CASE WHEN key IS NOT NULL OR ?7 THEN ?4 END, outcome_digest = ?5, usage = ?6
               WHERE call = ?1 AND state IN ('admitted', 'unknown')";
    let changed = connection.prepare_cached(sql)?.execute(params![
        call.as_str(),
        at.cast_signed(),
        written.failure.is_none(),
        written.text,
        written.digest.as_bytes(),
        written.usage,
        keeps(written.text.len(), false),
    ])?;
    let event = Event::CallSettled {
        call: call.clone(),
        outcome: written.digest,
        failure: written.failure.map(|failure| failure.class),
        code: written.failure.map(|failure| bounded(&failure.code)),
    };
    Ok((event, changed))
}

/// What the audit says of a stored outcome.
pub(super) fn outcome_digest(text: &str, succeeded: bool, usage: &str) -> Digest {
    Digest::of_parts(&[text.as_bytes(), &[u8::from(succeeded)], usage.as_bytes()])
}

fn abandon(connection: &Connection, call: &CallId, at: u64) -> Result<usize, Error> {
    let sql =
        "UPDATE calls SET state = 'abandoned', settled_at = ?2 WHERE call = ?1 AND state IN ('admitted', 'unknown')";
    Ok(connection.prepare_cached(sql)?.execute(params![call.as_str(), at.cast_signed()])?)
}

/// The first condition is the one of the index `calls_unfinished`: without it every call that ever was is looked at.
pub(super) const OPEN: &str = "SELECT call, effects, staged FROM calls
    WHERE state IN ('admitted', 'unknown') AND state = 'admitted' ORDER BY number";

/// Calls that were admitted and not settled, oldest first.
pub(super) fn open(connection: &Connection) -> Result<Vec<(CallId, Effects)>, Error> {
    let mut statement = connection.prepare(OPEN)?;
    let rows = statement.query_map([], |row| Ok((parsed(row, 0, |text| text.parse().ok())?, effects(row, 1, 2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What a call comes to whose host stopped: it did nothing, or nobody knows.
pub(super) fn cut_off(connection: &Connection, call: CallId, effects: Effects, at: u64) -> Result<Event, Error> {
    let reason = "the host stopped before the outcome was known".to_owned();
    if effects != Effects::Possible {
        abandon(connection, &call, at)?;
        return Ok(Event::CallAbandoned { call, reason });
    }
    let sql = "UPDATE calls SET state = 'unknown', evidence = ?2 WHERE call = ?1";
    connection.execute(sql, [call.as_str(), &reason])?;
    Ok(Event::CallUnknown { call, reason })
}

/// Parks a call of which nobody knows what it did.
pub(super) fn park(connection: &Connection, call: &CallId, reason: &str, at: u64) -> Result<Step, Error> {
    let reason = bounded(reason);
    let sql = "UPDATE calls SET state = 'unknown', evidence = ?2 WHERE call = ?1 AND state = 'admitted'";
    Ok(match connection.execute(sql, [call.as_str(), &reason])? {
        0 => Step::refused(Error::NotOpen(call.clone())),
        _ => {
            let event = Event::CallUnknown { call: call.clone(), reason };
            Step { event: Some((at, event)), answer: Ok(Answer::Done) }
        }
    })
}

/// Whether the call is parked.
pub(super) fn is_unknown(connection: &Connection, call: &CallId) -> Result<bool, Error> {
    let sql = "SELECT count(*) FROM calls WHERE call = ?1 AND state = 'unknown'";
    Ok(connection.query_row(sql, [call.as_str()], |row| row.get::<_, i64>(0))? > 0)
}

/// Reads a word of a closed set; anything else means that the file is damaged.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize, parse: impl FnOnce(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    let damaged = || {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            "not one of the known words".into(),
        )
    };
    parse(&text).ok_or_else(damaged)
}

pub(super) fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "live",
        Mode::Preview => "preview",
    }
}

pub(super) fn parse_mode(word: &str) -> Option<Mode> {
    [Mode::Live, Mode::Preview].into_iter().find(|mode| mode_word(*mode) == word)
}

/// The word in the database, which has a column of its own for what is staged.
pub(super) fn effects_word(effects: Effects) -> &'static str {
    match effects {
        Effects::None => "none",
        Effects::Possible | Effects::Staged => "possible",
    }
}

/// Reads what a call may change.
pub(super) fn effects(row: &Row<'_>, word: usize, staged: usize) -> rusqlite::Result<Effects> {
    let known =
        |word: &str| [Effects::None, Effects::Possible].into_iter().find(|effects| effects_word(*effects) == word);
    match (parsed(row, word, known)?, row.get(staged)?) {
        (Effects::Possible, true) => Ok(Effects::Staged),
        (effects, _) => Ok(effects),
    }
}
